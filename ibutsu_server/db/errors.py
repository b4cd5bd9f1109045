"""Tell the errors that a value of a query caused from those of the database itself."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DataError, DBAPIError

from ibutsu_server.exceptions import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROGRAM_LIMIT_EXCEEDED: Final = "54"
"""Class of the SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

_REFUSALS: Final = (
    "invalid memory alloc request size",  # of a regular expression; PostgreSQL calls it an internal error
    "too many SQL variables",
    "Expression tree is too large",
    "string or blob too big",
)
"""Parts of the messages that PostgreSQL and SQLite have for values beyond their limits."""


def is_caused_by_a_value(error: DBAPIError) -> bool:
    """Return whether the same statement would fail in the same way again because of its values."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return (
        isinstance(error, DataError)
        or state.startswith(_PROGRAM_LIMIT_EXCEEDED)
        or any(refusal in str(error.orig) for refusal in _REFUSALS)
    )


@contextmanager
def values_refused() -> Iterator[None]:
    """Turn an error that a value caused into bad input; let any other one pass.

    Raises:
        InvalidInputError: the database refused a value; the transaction can only be rolled back.
    """
    try:
        yield
    except (DBAPIError, UnicodeEncodeError) as error:  # the latter where the database is not in UTF-8
        if isinstance(error, DBAPIError) and not is_caused_by_a_value(error):
            raise
        reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        message = f"The database refused a value of the filters ({reason}): write simpler or fewer ones."
        raise InvalidInputError(message) from error
