"""Read durations and timestamps as test tools write them."""

from __future__ import annotations

import datetime as dt
import email.utils
import math
import re
from typing import Final

LONGEST: Final = 100
"""Characters of a text that may be a time: a longer one is not looked at."""

# In every pattern here a repetition is possessive, or what follows it begins with another character, so
# that each character is read once.
_NUMBER: Final = re.compile(
    r"(?P<number>[-+]?+(?:\d[\d.,]*+|[.,]\d++)(?:e[-+]?+\d++)?+)\s*+(?P<unit>seconds?+|secs?+|ms|s)?+",
    re.I | re.A,
)
_EPOCH: Final = re.compile(r"(\d++)(?:[.,](\d++))?+", re.A)
_EPOCH_UNITS: Final = {9: 1, 10: 1, 12: 10**3, 13: 10**3, 15: 10**6, 16: 10**6, 18: 10**9, 19: 10**9}
"""Parts of a second that a number of digits counts: fewer would be before 1973, and not a time of a test."""

_DATE_AND_TIME: Final = re.compile(
    r"(\d{4})[-/:.](\d\d?+)[-/:.](\d\d?+)"
    r"(?:(?:T\s*+|\s++)(\d\d?+):(\d\d)(?::(\d\d)(?:[.,](\d++))?+)?+)?+",
    re.I | re.A,
)
_OFFSET: Final = re.compile(r"(?:GMT|UTC|UT)?+([-+])(\d\d?+):?+(\d\d)?+", re.I | re.A)
_IN_BRACKETS: Final = re.compile(r"\[([^][]*+)\]?+|\(([^()]*+)\)?+")
_CALENDAR_WORD: Final = re.compile(
    r"(?:mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*+[.,]?+", re.I
)

_ZONE_HOURS: Final = {
    "Z": 0, "UTC": 0, "GMT": 0, "UT": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "MET": 1,
    "MEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "SAST": 2, "IST": 5.5, "PKT": 5, "ICT": 7, "WIB": 7, "SGT": 8,
    "HKT": 8, "AWST": 8, "JST": 9, "KST": 9, "ACST": 9.5, "ACDT": 10.5, "AEST": 10, "AEDT": 11, "NZST": 12,
    "NZDT": 13, "MEZ": 1, "MESZ": 2, "WAT": 1, "CAT": 2, "IDT": 3, "EAT": 3, "TRT": 3, "GST": 4, "PHT": 8,
    "NST": -3.5, "NDT": -2.5, "BRT": -3, "ART": -3, "CLST": -3, "CLT": -4, "COT": -5, "PET": -5, "AST": -4,
    "ADT": -3, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "AKST": -9, "AKDT": -8, "HST": -10,
}  # fmt: skip
"""Hours east of Greenwich. Where a name means several zones, it is that of RFC 2822, else of most people."""

_FIRST_YEAR: Final = 1990
"""Before it are the values for "not set": zero of Unix, of .NET and of Go."""
_MAX_AHEAD: Final = dt.timedelta(days=1)


def parse_seconds(text: str) -> float | None:
    """Return a duration in seconds: ``1.5e-05``, ``1,234.5``, ``0,25``, ``3.2s`` and ``250 ms`` are read."""
    if len(text) > LONGEST:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return _parse_written_seconds(text)
    return seconds if math.isfinite(seconds) and "_" not in text else None


def _parse_written_seconds(text: str) -> float | None:
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        return None
    try:
        seconds = float(_with_decimal_point(match["number"]))
    except ValueError:
        return None
    if (match["unit"] or "").lower() == "ms":
        seconds /= 1000
    return seconds if math.isfinite(seconds) else None


def _with_decimal_point(number: str) -> str:
    """Take the last mark for the decimal mark, unless it stands there more than once.

    A lone comma is a decimal comma, ``1,234`` too: tools that group thousands write decimals as well.
    """
    mark = max(",", ".", key=number.rfind)
    if number.count(mark) > 1:
        return number.replace(mark, "").replace(",", ".")
    return number.replace("." if mark == "," else ",", "").replace(mark, ".")


def parse_timestamp(text: str) -> dt.datetime | None:
    """Return a timestamp as naive UTC; one without a zone is taken to be in UTC.

    ISO 8601 (comma, ``Z``, offset), RFC 2822, ``1999:12:31 23:59:59``, ``Wed May 01 10:00:00 CEST 2024``,
    and seconds to nanoseconds since 1970. A time before 1990, or more than a day ahead, is a placeholder
    and not a timestamp.
    """
    text = text.strip()
    if len(text) > LONGEST:
        return None
    try:
        timestamp = _parse_epoch(text) or _parse_iso(text) or _parse_numbers(text) or _parse_words(text)
        if timestamp is not None and timestamp.tzinfo is not None:
            timestamp = timestamp.astimezone(dt.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return timestamp if timestamp is not None and _is_plausible(timestamp) else None


def _is_plausible(timestamp: dt.datetime) -> bool:
    latest = dt.datetime.now(dt.UTC).replace(tzinfo=None) + _MAX_AHEAD
    return timestamp.year >= _FIRST_YEAR and timestamp <= latest


def _parse_iso(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        return None


def _parse_epoch(text: str) -> dt.datetime | None:
    match = _EPOCH.fullmatch(text)
    unit = _EPOCH_UNITS.get(len(match[1])) if match else None
    if match is None or unit is None:
        return None
    return dt.datetime.fromtimestamp(float(f"{match[1]}.{match[2] or 0}") / unit, dt.UTC)


def _parse_numbers(text: str) -> dt.datetime | None:
    """Read a date that is written in numbers, with a zone after the time or without."""
    match = _DATE_AND_TIME.match(text)
    if match is None:
        return None
    *parts, fraction = match.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    microsecond = int((fraction or "0")[:6].ljust(6, "0"))
    zone = _zone_in(_IN_BRACKETS.sub(_zone_name, text[match.end() :]).split())
    return dt.datetime(year, month, day, hour, minute, second, microsecond, zone)


def _parse_words(text: str) -> dt.datetime | None:
    """Read a date with the name of its month; the zone may stand anywhere behind the time."""
    date: list[str] = []
    zone: list[str] = []
    for word in _IN_BRACKETS.sub(_zone_name, text).split():
        is_zone = word[0] in "+-" or (word[0].isalpha() and not _CALENDAR_WORD.fullmatch(word))
        (zone if is_zone else date).append(word)
    try:
        parsed = email.utils.parsedate(" ".join(date))
    except (TypeError, IndexError):
        # On parts that are missing the standard library's parser raises these beside ValueError.
        return None
    return dt.datetime(*parsed[:6], tzinfo=_zone_in(zone)) if parsed else None


def _zone_name(brackets: re.Match[str]) -> str:
    """Return what stands in brackets where it is the short name of a zone; else it is a comment."""
    name = (brackets[1] or brackets[2] or "").strip()
    return f" {name} " if name.upper() in _ZONE_HOURS else " "


def _zone_in(words: list[str]) -> dt.tzinfo | None:
    """Return the zone that words name; an offset counts more than a name.

    Raises:
        ValueError: there are words, but none is a zone.
    """
    if not words:
        return None
    for word in words:
        if match := _OFFSET.fullmatch(word):
            offset = dt.timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
            return dt.timezone(-offset if match[1] == "-" else offset)
    for word in words:
        hours = _ZONE_HOURS.get(word.upper())
        if hours is not None:
            return dt.timezone(dt.timedelta(hours=hours))
    message = f"no zone is known among {words!r}"
    raise ValueError(message)
