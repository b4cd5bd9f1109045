"""Check regular expressions with the engine that will use them: PostgreSQL's own, or Python's for SQLite."""

from __future__ import annotations

import re
import warnings
from typing import Final

from sqlalchemy import Text, literal, select
from sqlalchemy.exc import DataError

from ibutsu_server.db.base import db
from ibutsu_server.db.filters import FilterError

MAX_PATTERN_LENGTH: Final = 1_000
"""Characters of a regular expression."""


def checked_pattern(value: str) -> str:
    """Return a regular expression that cannot make a larger statement fail.

    Raises:
        FilterError: the engine refuses it, or it is too long.
    """
    if len(value) > MAX_PATTERN_LENGTH:
        message = f"a regular expression has at most {MAX_PATTERN_LENGTH:,} characters, not {len(value):,}"
        raise FilterError(message)
    try:
        _compile(value)
    except DataError as error:
        raise FilterError(_message(error.orig)) from None
    except (re.error, FutureWarning, OverflowError, RecursionError) as error:
        raise FilterError(_message(error)) from None
    return value


def _compile(value: str) -> None:
    if db.engine.dialect.name == "postgresql":
        with db.session.begin_nested():
            db.session.scalar(select(literal("", Text).regexp_match(value)))
    else:
        with warnings.catch_warnings(action="error"):  # what Python will read otherwise one day
            re.compile(value)


def _message(error: BaseException | None) -> str:
    told = (str(error).strip().splitlines() or ["too complex"])[0]
    return f"the regular expression is not valid ({told}); write \\ before a character that stands for itself"
