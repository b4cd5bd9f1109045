"""Options by name that cannot be changed once they are validated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any, Final

from ibutsu_server.settings.redaction import redact
from ibutsu_server.settings.text import check_number, check_text

_DEEPEST: Final = 64
"""Levels of dictionaries and lists in each other; Celery and kombu have no option that needs ten."""


class Options(Mapping[str, Any]):
    """A dictionary that is frozen all the way down and shows no secret.

    Nested dictionaries are ``Options``, nested lists are tuples and nested sets are frozen; :meth:`thaw`
    makes dictionaries again.

    Raises:
        ValueError: the values are nested too deeply, or hold text or numbers that cannot be stored.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._values = self._freeze_items(values or {}, _DEEPEST)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(redact("", self._values))

    def thaw(self) -> dict[str, Any]:
        """Return a dictionary of its own, with dictionaries in place of all ``Options``."""
        return {name: _thaw(value) for name, value in self._values.items()}

    @classmethod
    def freeze(cls, value: Any, depth: int = _DEEPEST) -> Any:
        """Return ``value`` with ``Options`` for dictionaries and tuples for lists, ``depth`` levels down.

        Raises:
            ValueError: it is nested more deeply, or holds text or a number that cannot be stored.
        """
        if depth == 0:
            message = f"is nested more than {_DEEPEST} levels deep; make it flatter"
            raise ValueError(message)
        if isinstance(value, str):
            return check_text(value)
        if isinstance(value, (int, float)):
            return check_number(value)
        if isinstance(value, Mapping):
            options = cls()
            options._values = cls._freeze_items(value, depth - 1)
            return options
        if isinstance(value, Set):
            return frozenset(cls.freeze(item, depth - 1) for item in value)
        if isinstance(value, (list, tuple)):
            return tuple(cls.freeze(item, depth - 1) for item in value)
        return bytes(value) if isinstance(value, bytearray) else value

    @classmethod
    def _freeze_items(cls, values: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
        return {cls.freeze(key): cls.freeze(value, depth) for key, value in values.items()}


def _thaw(value: Any) -> Any:
    if isinstance(value, Options):
        return value.thaw()
    if isinstance(value, tuple):
        return tuple(_thaw(item) for item in value)
    return value
