"""Check settings against the table of the installed Celery (``celery.app.defaults``).

Celery is imported only when one of its own settings is met: most configurations have none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from ibutsu_server.settings.text import looks_like_json, read_json, read_mapping, read_sequence

if TYPE_CHECKING:
    from collections.abc import Iterable

TRUE_WORDS: Final = frozenset({"true", "yes", "on", "1"})
FALSE_WORDS: Final = frozenset({"false", "no", "off", "0"})

_CORRECTED: Final = {
    "broker_heartbeat_checkrate": "float",
    "cassandra_auth_kwargs": "dict",
    "cassandra_entry_ttl": "int",
    "cassandra_port": "int",
    "task_default_priority": "int",
}
"""Types that contradict Celery's documentation in its table, or do not work, as they should be."""

_LOWEST: Final = {
    "redis_max_connections": 1,
    "result_cache_max": -1,
    "worker_concurrency": 1,
    "worker_max_memory_per_child": 1,
    "worker_max_tasks_per_child": 1,
}
"""The lowest value where it is not 0: counts of which there is never none, and -1 for no cache at all."""

_HIGHEST: Final = 10**12
"""Above every number of seconds, bytes, connections or tries that means something."""


@cache
def option_types() -> dict[str, str]:
    """Return Celery's setting names, each with the name of its type: ``int``, ``bool``, ``dict`` …"""
    from celery.app.defaults import NAMESPACES, flatten

    table: dict[str, Any] = dict(flatten(NAMESPACES))
    types = {name: getattr(option.type, "__name__", option.type) for name, option in table.items()}
    return types | _CORRECTED


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
    return _newer_names().get(name) if name.isupper() else None


def nearest(name: str, known: Iterable[str], likeness: float = 0.75) -> str | None:
    """Return the known name that ``name`` was probably meant to be; ``likeness`` is a ratio of difflib."""
    near = get_close_matches(name.lower(), list(known), n=1, cutoff=likeness)
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
    from ibutsu_server.settings.celery_options import choices_of

    if name == "worker_concurrency":
        return _concurrency(value)
    if choices := choices_of(name):
        return _choice(value, choices)
    kind = option_types()[name]
    if value is None or _is_also_allowed(name, kind, value):
        return value
    if kind == "any":
        return _anything(value)
    if kind in ("int", "float"):
        return _number(value, int if kind == "int" else float, least(name))
    return _CONVERTERS[kind](value)


def least(name: str) -> int:
    """Return the smallest number that Celery's setting ``name`` may be."""
    return _LOWEST.get(name, 0)


def _is_also_allowed(name: str, kind: str, value: Any) -> bool:
    """Tell whether ``value`` is of a type that Celery accepts beside that of its table."""
    from ibutsu_server.settings.celery_options import types_of

    others = types_of(name) - _TYPES.get(kind, frozenset())
    return not isinstance(value, str) and isinstance(value, tuple(others))


def _choice(value: Any, choices: tuple[str | int, ...]) -> str | int | None:
    """Return the choice that ``value`` is, or is as text."""
    if value is None:
        return None
    if isinstance(value, (str, int)) and not isinstance(value, bool):  # other objects may not even compare
        for choice in choices:
            if value in (choice, str(choice)):
                return choice
    message = f"must be one of {', '.join(map(str, choices))}"
    raise ValueError(message)


def _anything(value: Any) -> Any:
    """Read text that opens like JSON, which no setting of an open type takes as plain text."""
    if not isinstance(value, str) or not looks_like_json(value):
        return value
    read = read_json(value)
    if read is None:
        message = 'looks like JSON and is not; write a JSON object such as {"key": 1}, or a JSON array'
        raise ValueError(message)
    return read


def _number(value: Any, kind: type[int] | type[float], minimum: int) -> int | float:
    noun = "a whole number" if kind is int else "a number"
    message = f"must be {noun} of at least {minimum}"
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(message)
    try:
        number = kind(value)
    except OverflowError:  # infinity, or too many digits for a float
        number = math.inf
    except ValueError:
        raise ValueError(message) from None
    if number > _HIGHEST:
        message = f"must be {noun} of at most {_HIGHEST:,}"
        raise ValueError(message)
    if not number >= minimum or (isinstance(value, float) and number != value):  # NaN is not above anything
        raise ValueError(message)
    return number


def _concurrency(value: Any) -> Any:
    """Read what Celery's table leaves open, because it takes a word or a number."""
    if value is None or (isinstance(value, str) and value.strip().lower() == "auto"):
        return value
    try:
        return _number(value, int, 1)
    except ValueError as error:
        message = f"{error}, or auto"
        raise ValueError(message) from None


def _boolean(value: Any) -> bool:
    word = str(value).strip().lower() if isinstance(value, (str, int)) else ""
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    message = "must be true or false (or yes and no, on and off, 1 and 0)"
    raise ValueError(message)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        message = "must be text"
        raise ValueError(message)
    return value


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else _text(value).encode(errors="surrogateescape")


_SEQUENCES: Final = frozenset({list, tuple, set, frozenset})
_TYPES: Final = {
    "int": frozenset({int}),
    "float": frozenset({int, float}),
    "dict": frozenset({Mapping}),
    "list": _SEQUENCES,
    "tuple": _SEQUENCES,
}
"""The types of which a value is checked or copied before it is used."""

_CONVERTERS: Final = {
    "bool": _boolean,
    "string": _text,
    "str": _text,
    "bytes": _bytes,
    "dict": read_mapping,
    "list": read_sequence,
    "tuple": read_sequence,
}
