"""Show which files the arguments of ``ibutsu import`` mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ibutsu_server.cli.result_files import Missing, find_files
from ibutsu_server.settings import IntakeSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

FILES = ("a.xml", "b.tar.gz", "reports/c.XML", "reports/deep/d.zip", "reports/notes.txt", "reports/e[1].xml")


SETTINGS = IntakeSettings.hermetic()


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "empty").mkdir()


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["a.xml", "reports/notes.txt"], ["a.xml", "reports/notes.txt"]),
        (["reports"], ["reports/c.XML", "reports/deep/d.zip", "reports/e[1].xml"]),
        (["*.xml", "*.gz"], ["a.xml", "b.tar.gz"]),
        (["reports/**/*.zip"], ["reports/deep/d.zip"]),
        (["rep*"], ["reports/c.XML", "reports/deep/d.zip", "reports/e[1].xml"]),
        (["reports/e[1].xml"], ["reports/e[1].xml"]),
        (["./a.xml", "a.xml", "*.xml"], ["a.xml"]),
    ],
)
def test_arguments_are_names_directories_and_patterns(arguments: Sequence[str], found: list[str]) -> None:
    """Of a directory all result files are taken, and no file twice."""
    assert list(find_files(arguments, SETTINGS)) == [Path(name) for name in found]


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("nothing.xml", "There is no such file or directory."),
        ("*.tar", "No file matches the pattern."),
        ("empty", "The directory holds no file whose name ends in .xml, .xml.gz, .tar"),
    ],
)
def test_an_argument_without_any_file_is_named(argument: str, reason: str) -> None:
    """The files of the other arguments are still found."""
    missing, found = find_files([argument, "a.xml"], SETTINGS)
    assert isinstance(missing, Missing)
    assert (missing.argument, found) == (argument, Path("a.xml"))
    assert missing.reason.startswith(reason)
