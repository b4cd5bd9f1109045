"""Check regular expressions with the engine that will use them: PostgreSQL's own, or RE2 for SQLite."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Text, literal, select
from sqlalchemy.exc import DBAPIError

from ibutsu_server.db.base import db
from ibutsu_server.db.errors import is_caused_by_a_value
from ibutsu_server.db.filters import FilterError
from ibutsu_server.db.sqlite import compile_pattern

MAX_PATTERN_LENGTH: Final = 1_000
"""Characters of a regular expression."""


def checked_pattern(value: str) -> str:
    """Return a regular expression that the database accepts.

    Raises:
        FilterError: it does not, or the expression is too long.
    """
    if len(value) > MAX_PATTERN_LENGTH:
        message = f"a regular expression has at most {MAX_PATTERN_LENGTH:,} characters, not {len(value):,}"
        raise FilterError(message)
    try:
        if db.engine.dialect.name == "postgresql":
            with db.session.begin_nested():
                db.session.scalar(select(literal("", Text).regexp_match(value)))
        else:
            compile_pattern(value)
    except DBAPIError as error:
        if not is_caused_by_a_value(error):
            raise
        raise FilterError(_message(str(error.orig))) from None
    except ValueError as error:
        raise FilterError(_message(str(error))) from None
    return value


def _message(reason: str) -> str:
    first = reason.strip().partition("\n")[0]
    return (
        f"the regular expression cannot be used ({first}); make it simpler, "
        "and write \\ before a character that stands for itself"
    )
