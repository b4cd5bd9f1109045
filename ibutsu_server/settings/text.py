"""Read dictionaries and lists from text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


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
    return list(value)


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
