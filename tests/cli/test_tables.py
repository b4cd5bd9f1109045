"""Show that a table can be read in every terminal, and in a pipe by programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ibutsu_server.cli import tables
from ibutsu_server.cli.tables import print_table
from tests.cli.terminal import in_a_terminal

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SETTINGS: Final = {
    "CELERY_BROKER_URL": "redis://:hunter2@redis:6379/0",
    "SQLALCHEMY_DATABASE_URI": "sqlite:////var/lib/ibutsu/database/of/some/length/ibutsu.db",
}
HEADER: Final = ("name", "value", "source")
ROWS: Final = (("A", "one two three", "here"), ("B", "", "there"), ("C", "[red]:bug:\t\x1b[1m", "http://x"))


def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int | None) -> str:
    """Return the table as it is printed in a terminal of a width, or in a pipe."""
    monkeypatch.setattr(tables, "terminal_width", lambda: width)
    print_table(HEADER, ROWS)
    return capsys.readouterr().out


def test_a_pipe_gets_tabs_and_no_padding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line a row; what would end a cell or move the cursor is a space."""
    assert printed(capsys, monkeypatch, None).splitlines() == [
        "name\tvalue\tsource",
        "A\tone two three\there",
        "B\t\tthere",
        "C\t[red]:bug:  [1m\thttp://x",
    ]


def test_a_wide_terminal_gets_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As wide as they need to be, even where the terminal is wider; nothing in a cell is markup."""
    exact = printed(capsys, monkeypatch, 37)
    assert printed(capsys, monkeypatch, 200) == exact
    lines = exact.splitlines()
    assert {len(line) for line in lines} == {37}
    assert [line.strip("│┃ ").split() for line in lines if "A" in line or "C" in line] == [
        ["A", "│", "one", "two", "three", "│", "here"],
        ["C", "│", "[red]:bug:", "[1m", "│", "http://x"],
    ]


def test_a_narrow_terminal_gets_a_block_for_each_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One column less is too narrow; a cell that is longer than a line goes on below."""
    assert printed(capsys, monkeypatch, 36).splitlines() == [
        "A",
        "  value   one two three",
        "  source  here",
        "B",
        "  value",
        "  source  there",
        "C",
        "  value   [red]:bug:  [1m",
        "  source  http://x",
    ]
    assert printed(capsys, monkeypatch, 20).splitlines()[:4] == [
        "A",
        "  value   one two",
        "          three",
        "  source  here",
    ]


def test_the_settings_can_be_read_in_eighty_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a value without a space in it may be longer than a line."""
    monkeypatch.chdir(tmp_path)
    output = in_a_terminal(80, "config", "show", **SETTINGS)
    assert "CELERY_BROKER_URL\n  value   redis://:***@redis:6379/0\n  source  environment variable" in output
    too_long = [line for line in output.splitlines() if len(line) > 80]
    assert all(len(line.split()) <= 2 for line in too_long), too_long


def test_the_settings_are_a_table_in_a_wide_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a row for each."""
    monkeypatch.chdir(tmp_path)
    output = in_a_terminal(400, "config", "show", **SETTINGS)
    [row] = [line for line in output.splitlines() if "│ CELERY_BROKER_URL " in line]
    assert "redis://:***@redis:6379/0" in row
    assert "environment variable CELERY_BROKER_URL" in row
