"""Check settings against the table of the installed Celery (``celery.app.defaults``)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

TRUE_WORDS: Final = frozenset({"true", "yes", "on", "1"})
FALSE_WORDS: Final = frozenset({"false", "no", "off", "0"})

# Where Celery's documentation allows more than its table says.
_ALSO_ALLOWED: Final[dict[str, tuple[type, ...]]] = {
    "result_expires": (dt.timedelta,),
    "task_queues": (list, tuple),
    "broker_use_ssl": (dict,),
    "timezone": (dt.tzinfo,),
    "beat_scheduler": (type,),
    "worker_consumer": (type,),
    "worker_pool": (type,),
}


@cache
def option_types() -> dict[str, str]:
    """Return Celery's setting names, each with the name of its type: ``int``, ``bool``, ``dict`` …"""
    from celery.app.defaults import NAMESPACES, flatten

    table: dict[str, Any] = dict(flatten(NAMESPACES))
    return {name: getattr(option.type, "__name__", option.type) for name, option in table.items()}


@cache
def _newer_names() -> dict[str, str]:
    from celery.app.defaults import NAMESPACES, flatten

    def old_names(namespace: str, key: str, option: Any) -> list[tuple[str, str]]:
        name = namespace + key
        old = {pattern.format(key).upper() for pattern in option.old}
        return [(spelling, name) for spelling in {*old, name.upper()}]

    return dict(flatten(NAMESPACES, keyfilter=old_names))


def newer_name(name: str) -> str | None:
    """Return Celery's present name for an old upper-case one such as ``CELERYD_CONCURRENCY``."""
    return _newer_names().get(name)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``name`` was probably meant to be."""
    near = get_close_matches(name.lower(), list(known), n=1, cutoff=0.75)
    return near[0] if near else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'broker_url'?`` for a misspelt name, or nothing where none is near."""
    near = nearest(name, known)
    return f"; did you mean '{near}'?" if near else ""


def convert(name: str, value: Any) -> Any:
    """Return ``value`` as the type Celery's table gives for ``name``; text is read as that type.

    Raises:
        ValueError: the value is not of that type; the sentence leaves the value out, it may be secret.
    """
    if name == "worker_concurrency":
        return _concurrency(value)
    kind = option_types()[name]
    if value is None or kind == "any" or isinstance(value, _ALSO_ALLOWED.get(name, ())):
        return value
    return _CONVERTERS[kind](value)


def _number(value: Any, kind: type[int] | type[float], noun: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        message = f"must be {noun}"
        raise ValueError(message)
    try:
        number = kind(value)
    except ValueError:
        message = f"must be {noun}"
        raise ValueError(message) from None
    if isinstance(value, float) and number != value:
        message = f"must be {noun}"
        raise ValueError(message)
    return number


def _integer(value: Any) -> int | float:
    return _number(value, int, "a whole number")


def _float(value: Any) -> int | float:
    return _number(value, float, "a number")


def _concurrency(value: Any) -> Any:
    """Read what Celery's table leaves open, because it takes a word or a number."""
    if value is None or (isinstance(value, str) and value.strip().lower() == "auto"):
        return value
    message = "must be a whole number, or auto"
    try:
        number = _integer(value)
    except ValueError:
        raise ValueError(message) from None
    if number < 0:
        raise ValueError(message)
    return number


def _boolean(value: Any) -> bool:
    word = str(value).strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    message = "must be true or false"
    raise ValueError(message)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        message = "must be text"
        raise ValueError(message)
    return value


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return _text(value).encode()


def read_dictionary(value: Any) -> dict[str, Any]:
    """Return a dictionary, read from a JSON object where ``value`` is text."""
    read = _json(value) if isinstance(value, str) else value
    if not isinstance(read, Mapping):
        message = 'must be a dictionary; as text, a JSON object such as {"key": 1}'
        raise ValueError(message)
    return dict(read)


def read_sequence(value: Any) -> list[Any]:
    """Return a list, read from a JSON array or comma-separated items where ``value`` is text."""
    if isinstance(value, str):
        read = _json(value) if value.lstrip().startswith("[") else [part.strip() for part in value.split(",")]
        value = [part for part in read if part != ""] if isinstance(read, list) else read
    if not isinstance(value, (list, tuple, set, frozenset)):
        message = "must be a list; as text, its items with commas between them or a JSON array"
        raise ValueError(message)
    return list(value)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None


_CONVERTERS: Final = {
    "int": _integer,
    "float": _float,
    "bool": _boolean,
    "string": _text,
    "str": _text,
    "bytes": _bytes,
    "dict": read_dictionary,
    "list": read_sequence,
    "tuple": read_sequence,
}
