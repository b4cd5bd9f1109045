"""Turn what files say into values the database takes: times, durations, text, ids."""

from __future__ import annotations

import datetime as dt
import email.utils
import hashlib
import itertools
import json
import math
import os
import re
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_INDEXED_BYTES: Final = 2500
"""Bytes of a text in an indexed column."""

# What XML 1.0 forbids (production [2], Char); NUL and lone surrogates are PostgreSQL's own refusals.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

_NUMBER: Final = re.compile(
    r"(?P<number>[-+]?(?:\d[\d.,]*|[.,]\d+)(?:e[-+]?\d+)?)\s*(?P<unit>s|secs?|seconds?|ms)?", re.I | re.A
)
# Fewer digits would be a moment before 1973: a counter or a date without dashes, not a time of a test.
_EPOCH_SECONDS: Final = re.compile(r"\d{9,10}(?:[.,]\d+)?", re.A)
_EPOCH_MILLISECONDS: Final = re.compile(r"\d{12,13}", re.A)
_DATE_AND_TIME: Final = re.compile(
    r"(\d{4})[-/:.](\d\d?)[-/:.](\d\d?)"
    r"(?:[T\s]\s*(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?"
    r"\s*(?:(Z|UTC|GMT)|([-+]\d\d):?(\d\d)?)?(?:\s*\[[\w/+-]+\])?",
    re.I | re.A,
)
# JavaScript writes ``GMT+0100``, which the standard library's parser reads as Greenwich time.
_NAMED_OFFSET: Final = re.compile(r"\b(?:GMT|UTC)(?=[-+]\d)")
_MONTH_NAME: Final = re.compile(r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)", re.I)
# ``DateTime.MinValue`` of .NET and the zero ``time.Time`` of Go are in this year: they say "not set".
_YEAR_OF_UNSET: Final = 1


def new_id() -> str:
    """Make a time-ordered id (UUID version 7, RFC 9562): rows that come together lie together in an index."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    digits = f"{milliseconds:012x}7{random >> 68:03x}{random & 0x3FFFFFFFFFFFFFFF | 0x8000000000000000:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def numbered_ids(first: str) -> Iterator[str]:
    """Number ids from ``first`` on in their last eight digits: they lie together in an index."""
    return (f"{first[:-8]}{number:08x}" for number in itertools.count())


def clean_text(text: str) -> str:
    """Drop the characters that XML or PostgreSQL forbid."""
    return _FORBIDDEN.sub("", text)


def clip_indexed(text: str) -> str:
    """Shorten a text that an index of PostgreSQL refuses; a digest keeps long texts apart.

    An entry of a B-tree holds at most 2,704 bytes.
    """
    if len(text) <= MAX_INDEXED_BYTES // 4:  # a character takes four bytes at most
        return text
    content = text.encode()
    if len(content) <= MAX_INDEXED_BYTES:
        return text
    digest = hashlib.sha256(content).hexdigest()[:16]
    return content[: MAX_INDEXED_BYTES - 20].decode(errors="ignore") + "..." + digest


def clip_indexed_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """Shorten what an index holds of metadata as text: ``jenkins.job_name`` and ``jenkins.build_number``."""
    jenkins = metadata.get("jenkins")
    if not isinstance(jenkins, dict):
        return metadata
    indexed = {name: _clip_value(jenkins[name]) for name in ("job_name", "build_number") if name in jenkins}
    return {**metadata, "jenkins": {**jenkins, **indexed}}


def _clip_value(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    clipped = clip_indexed(text)
    return value if clipped == text else clipped


def clean_json(value: Any) -> Any:
    """Make a value that ``jsonb`` accepts: text cleaned in keys and values, NaN and infinities null."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {clean_text(str(key)): clean_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean_json(item) for item in value]
    return value


def parse_seconds(text: str) -> float | None:
    """Read a duration as tools write it: ``1.5e-05``, ``1,234.5``, ``0,25``, ``3.2s``, ``250 ms``."""
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


def parse_moment(text: str) -> dt.datetime | None:
    """Read a point in time as tools write it, as naive UTC; one without a zone is taken to be in UTC.

    ISO 8601 (comma, ``Z``, offset), RFC 2822, ``1999:12:31 23:59:59``, seconds or milliseconds since 1970.
    """
    text = text.strip()
    try:
        moment = _parse_epoch(text) or _parse_iso(text) or _parse_parts(text) or _parse_rfc_2822(text)
        if moment is not None and moment.tzinfo is not None:
            moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return None if moment is None or moment.year <= _YEAR_OF_UNSET else moment


def _parse_epoch(text: str) -> dt.datetime | None:
    if _EPOCH_SECONDS.fullmatch(text):
        return dt.datetime.fromtimestamp(float(text.replace(",", ".")), dt.UTC)
    if _EPOCH_MILLISECONDS.fullmatch(text):
        return dt.datetime.fromtimestamp(int(text) / 1000, dt.UTC)
    return None


def _parse_iso(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        return None


def _parse_parts(text: str) -> dt.datetime | None:
    match = _DATE_AND_TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, utc, hours, minutes = match.groups()
    microsecond = int((fraction or "0")[:6].ljust(6, "0"))
    moment = dt.datetime(  # noqa: DTZ001 - the zone, when there is one, is put on below
        int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), microsecond
    )
    if utc:
        return moment.replace(tzinfo=dt.UTC)
    if hours:
        east = dt.timedelta(hours=abs(int(hours)), minutes=int(minutes or 0))
        return moment.replace(tzinfo=dt.timezone(-east if hours[0] == "-" else east))
    return moment


def _parse_rfc_2822(text: str) -> dt.datetime | None:
    if not _MONTH_NAME.search(text):
        return None
    try:
        return email.utils.parsedate_to_datetime(_NAMED_OFFSET.sub("", text))
    except (TypeError, IndexError):
        # On parts that are missing the standard library's parser raises these beside ValueError.
        return None
