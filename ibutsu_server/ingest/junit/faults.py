"""Find the exception in a failure, and the part of its traceback where the error stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ibutsu_server.ingest.junit.elements import attributes_of, text_of

if TYPE_CHECKING:
    from ibutsu_server.ingest.junit.elements import Element

SHORT_TRACEBACK_CHARACTERS: Final = 2000
_EXAMINED_BYTES: Final = 100_000
"""Bytes at the end of a traceback, and at its beginning, in which the error is searched."""

# Linear: the repetitions are possessive, and none can take what the next one begins with.
_NAME: Final = r"(?P<name>(?:[A-Za-z_$][\w$]*+(?:\.|::|\\))*+[A-Za-z_$][\w$]*+)"
_HEADING: Final = re.compile(
    rf"^[ \t]*+(?P<mark>E[ ]++|Caused by: |Uncaught )?{_NAME}"
    r"(?:(?P<colon>[ ]?:)(?=\s|\Z)|(?= \[|\(|[ \t\r]*+$))",
    re.M,
)
# As pytest ends a traceback; what other tools write behind the place is a message.
_LOCATION: Final = re.compile(rf"^[ \t]*+[^\s:]++(?<=\.py):\d++: {_NAME}[ \t\r]*+$", re.M)
_SEPARATOR: Final = re.compile(r"\.|::|\\")
_ENDINGS: Final = ("Error", "Exception", "Failure", "Failed", "Exit", "Interrupt", "Timeout", "Warning")


def describe_exception(metadata: dict[str, Any], fault: Element) -> None:
    """Add ``exception_name`` and ``short_tb`` where the fault says them, and no fault before it did."""
    said = attributes_of(fault)
    message, text = said.get("message", ""), b"".join(text_of(fault))
    windows = [text[-_EXAMINED_BYTES:].decode(errors="ignore")]
    if len(text) > _EXAMINED_BYTES:
        windows.append(text[:_EXAMINED_BYTES].decode(errors="ignore"))
    kind = said.get("type") or _leading_exception(message.lstrip()) or _exception_in(windows)
    if kind:
        metadata.setdefault("exception_name", kind)
    short = windows[0] if len(windows[0]) <= SHORT_TRACEBACK_CHARACTERS else _around_the_error(windows)
    if not short or short.isspace():
        short = message[:SHORT_TRACEBACK_CHARACTERS]
    if short and not short.isspace():
        metadata.setdefault("short_tb", short)


def _leading_exception(message: str) -> str | None:
    heading = _HEADING.match(message[:SHORT_TRACEBACK_CHARACTERS])
    return heading["name"] if heading and _names_exception(heading, is_leading=True) else None


def _exception_in(windows: list[str]) -> str | None:
    """Return the last exception that a line of a traceback begins with, or that pytest names at its end."""
    for window in windows:
        if headings := _headings(window):
            return headings[-1]["name"]
        if locations := [*_LOCATION.finditer(window)]:
            return locations[-1]["name"]
    return None


def _headings(window: str) -> list[re.Match[str]]:
    found = [*_HEADING.finditer(window)]
    leading = found[:1] if found and not window[: found[0].start()].strip() else []
    return [heading for heading in found if _names_exception(heading, is_leading=heading in leading)]


def _names_exception(heading: re.Match[str], *, is_leading: bool) -> bool:
    """Return whether a line begins with the name of an exception.

    A dotted name counts by its form only at the beginning and where pytest marks the error: in other
    lines of a traceback it may be anything.
    """
    *outer, last = _SEPARATOR.split(heading["name"])
    has_colon = heading["colon"] is not None
    if last.endswith(_ENDINGS):
        return has_colon or bool(outer) or last not in _ENDINGS
    return has_colon and bool(outer) and last[:1].isupper() and (is_leading or heading["mark"] is not None)


def _around_the_error(windows: list[str]) -> str:
    """Return the end of a traceback, or what follows the error where its end does not show it."""
    for window in windows:
        error = _start_of_error(window)
        if error is not None:
            start = min(error, max(len(window) - SHORT_TRACEBACK_CHARACTERS, 0))
            return _whole_lines(window, start if len(window) - error <= SHORT_TRACEBACK_CHARACTERS else error)
    return _whole_lines(windows[0], max(len(windows[0]) - SHORT_TRACEBACK_CHARACTERS, 0))


def _start_of_error(window: str) -> int | None:
    """Return where the last lines begin that pytest marks with ``E``, or else the last exception."""
    position, start = 0, None
    follows = False
    for line in window.splitlines(keepends=True):
        is_marked = f"{line.strip()} ".startswith("E ")
        if is_marked and not follows:
            start = position
        follows = is_marked
        position += len(line)
    if start is not None:
        return start
    headings = _headings(window)
    return headings[-1].start() if headings else None


def _whole_lines(window: str, start: int) -> str:
    """Return the characters from a start, without a line of which only the end is among them."""
    short = window[start : start + SHORT_TRACEBACK_CHARACTERS]
    if start and window[start - 1] != "\n":
        _, _, rest = short.partition("\n")
        short = rest if rest.strip() else short
    return short
