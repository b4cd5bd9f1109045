"""Parse the arguments of tasks, which come from other programs as JSON."""

from __future__ import annotations

import re
from typing import Any, Final
from uuid import UUID

from ibutsu_server.exceptions import InvalidInputError

_MOST_DIGITS: Final = 9
_WHOLE_NUMBER: Final = re.compile(r"-?+[0-9]++")


def uuid_argument(name: str, value: Any) -> str:
    """Return the canonical text of an id.

    Raises:
        InvalidInputError: ``value`` is not a UUID.
    """
    try:
        return str(UUID(value))
    except (TypeError, AttributeError, ValueError) as error:
        message = f"{name} must be the text of a UUID, not {str(value)[:100]!r}"
        raise InvalidInputError(message) from error


def whole_number_argument(name: str, value: Any) -> int:
    """Return a whole number; a string of digits, with or without a sign, is one too.

    Raises:
        InvalidInputError: ``value`` is neither.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= _MOST_DIGITS and _WHOLE_NUMBER.fullmatch(value):
        return int(value)
    message = f"{name} must be a whole number, or digits, not {str(value)[:100]!r}"
    raise InvalidInputError(message)


def count_argument(name: str, value: Any) -> int:
    """Return a whole number that is not negative; a string of digits is one too.

    Raises:
        InvalidInputError: ``value`` is neither.
    """
    number = whole_number_argument(name, value)
    if number < 0:
        message = f"{name} must not be negative, and is {number}"
        raise InvalidInputError(message)
    return number
