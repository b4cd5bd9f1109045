"""Check text and numbers, and read dictionaries and lists from text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

_HIGHEST: Final = 2**63 - 1
"""The highest number that JSON readers, Redis and PostgreSQL take as a whole number."""

Number = TypeVar("Number", int, float)


def read_mapping(value: Any) -> dict[str, Any]:
    """Return a dictionary, read from a JSON object where ``value`` is text.

    Raises:
        ValueError: it is neither.
    """
    read = read_json(value) if isinstance(value, str) else value
    if not isinstance(read, Mapping):
        message = 'must be a dictionary; as text, a JSON object such as {"key": 1}'
        raise ValueError(message)
    return dict(read)


def read_sequence(value: Any) -> list[Any]:
    """Return a list, read from a JSON array or comma-separated items where ``value`` is text.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, str):
        value = read_json(value) if looks_like_json(value) else _items(value)
    if not isinstance(value, (list, tuple, set, frozenset)):
        message = "must be a list; as text, its items with commas between them or a JSON array"
        raise ValueError(message)
    return [check_text(item) if isinstance(item, str) else item for item in value]


def check_text(text: str) -> str:
    """Return ``text``, which can be printed, stored and sent.

    Raises:
        ValueError: it holds a NUL, or half of a character (a lone surrogate).
    """
    if "\0" in text:
        message = "holds a NUL character; remove it"
        raise ValueError(message)
    try:
        text.encode()
    except UnicodeEncodeError:
        message = "holds a lone surrogate, which is half a character; write the whole character"
        raise ValueError(message) from None
    return text


def check_number(number: Number) -> Number:
    """Return ``number``, which can be printed, stored and sent.

    Raises:
        ValueError: it is not finite, or has more than 64 bits.
    """
    if not -_HIGHEST <= number <= _HIGHEST:  # which NaN is not, either
        message = f"holds a number that is not finite or is beyond {_HIGHEST:,}; write a smaller one"
        raise ValueError(message)
    return number


def _items(text: str) -> list[str]:
    return [item for part in text.split(",") if (item := part.strip())]


def looks_like_json(text: str) -> bool:
    """Tell whether ``text`` opens like a JSON object or array."""
    return text.lstrip().startswith(("{", "["))


def read_json(text: str) -> Any:
    """Return what ``text`` means as JSON, or None where it is not JSON, or nested too deeply to be read."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> Any:
    message = f"{name} is not JSON"
    raise ValueError(message)
