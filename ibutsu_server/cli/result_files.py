"""Find the result files that the arguments of a command mean."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUFFIXES: Final = (".xml", ".xml.gz", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
"""Endings of the names that are taken from a directory."""


class Missing(NamedTuple):
    """An argument that no file belongs to."""

    argument: str
    reason: str


def find_files(arguments: Iterable[str]) -> Iterator[Path | Missing]:
    """Yield each file that an argument names, or that is in a directory or matches a pattern it names.

    Directories are searched with all directories in them; of a pattern ``**`` means these too.
    """
    seen: set[Path] = set()
    for argument in arguments:
        files = list(_files_of(argument))
        if not files:
            yield Missing(argument, _why_nothing(argument))
        for file in files:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file


def _files_of(argument: str) -> Iterator[Path]:
    paths = [Path(argument)]
    if not paths[0].exists():
        paths = [Path(match) for match in sorted(glob.glob(argument, recursive=True))]  # noqa: PTH207 - of any root
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if _is_result_file(file))
        else:
            yield path


def _is_result_file(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES) and path.is_file()


def _why_nothing(argument: str) -> str:
    if Path(argument).is_dir():
        return f"The directory holds no file whose name ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}."
    if glob.has_magic(argument):
        return "No file matches the pattern."
    return "There is no such file or directory."
