"""Read points in time that people and other programs wrote."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from sqlalchemy import Text, cast, func, literal, select
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.exc import DataError

from ibutsu_server.db.base import db
from ibutsu_server.db.types import UtcDateTime, naive_utc, utc_now

_SECONDS: Final = re.compile(r"(?!\d{8}$)\d++(?:\.\d++)?", re.A)
"""Seconds since 1970; eight digits are a date in the basic form of ISO 8601. Linear: no group gives back."""

_FIRST_YEAR: Final = 1990
_AHEAD: Final = dt.timedelta(days=1)
"""How far the clock of another machine may be ahead."""

_DAYS_FROM_TODAY: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}


def parse_time(text: str) -> dt.datetime | None:
    """Return the time as naive UTC, or None: ISO 8601, without an offset in UTC, or seconds since 1970."""
    try:
        if _SECONDS.fullmatch(text):
            return naive_utc(dt.datetime.fromtimestamp(float(text), dt.UTC))
        return naive_utc(dt.datetime.fromisoformat(text))
    except (ValueError, OverflowError, OSError):
        return None


def parse_plausible_time(text: str) -> dt.datetime | None:
    """Return the time that :func:`parse_time` reads; before 1990 or in the future it is a placeholder."""
    time = parse_time(text)
    is_plausible = time is not None and time.year >= _FIRST_YEAR and time <= utc_now() + _AHEAD
    return time if is_plausible else None


def read_time(text: str) -> dt.datetime | None:
    """Return the time as naive UTC, or None: what :func:`parse_time` reads, a word such as ``yesterday``, and
    on PostgreSQL any other text that it reads.
    """
    time = parse_time(text) or _parse_word(text.lower())
    if time is None and db.engine.dialect.name == "postgresql":
        return _read_by_postgresql(text)
    return time


def _parse_word(word: str) -> dt.datetime | None:
    now = utc_now()
    if word == "now":
        return now
    if word not in _DAYS_FROM_TODAY:
        return None
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + dt.timedelta(days=_DAYS_FROM_TODAY[word])


def _read_by_postgresql(text: str) -> dt.datetime | None:
    """Let PostgreSQL read the text, in UTC where it has no zone.

    What lies outside of Python's calendar, such as ``infinity``, becomes its first or last point in time.
    """
    in_utc = func.timezone("UTC", cast(literal(text, Text), TIMESTAMP(timezone=True)))
    first, last = dt.datetime.min, dt.datetime.max  # noqa: DTZ901 - naive UTC, as the columns are
    within = func.least(func.greatest(in_utc, first), last, type_=UtcDateTime())
    try:
        with db.session.begin_nested():
            db.session.execute(select(func.set_config("TimeZone", "UTC", True)))
            return db.session.scalar(select(within))
    except DataError:
        return None
