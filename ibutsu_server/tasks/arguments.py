"""Parse the arguments of tasks, which come from other programs as JSON."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from ibutsu_server.exceptions import InvalidInputError

_MOST_DIGITS: Final = 9


def uuid_argument(name: str, value: Any) -> str:
    """Return the canonical text of an id.

    Raises:
        InvalidInputError: ``value`` is no UUID.
    """
    try:
        return str(UUID(value))
    except (TypeError, AttributeError, ValueError) as error:
        message = f"{name} must be the text of a UUID, not {str(value)[:100]!r}"
        raise InvalidInputError(message) from error


def count_argument(name: str, value: Any) -> int:
    """Return a number that is not negative; a string of digits is one too.

    Raises:
        InvalidInputError: ``value`` is none.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return int(value)
    message = f"{name} must be a whole number, or digits, not {str(value)[:100]!r}"
    raise InvalidInputError(message)
