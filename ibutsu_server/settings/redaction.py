"""Hide secrets in whatever is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

HIDDEN: Final = "***"

_USER_INFO = re.compile(r"://(?P<user>[^:@/;]*)(?P<password>:.*)?@")
_SECRET_PARAMETER = re.compile(r"([?&][^=&]*(?:pass|secret|token)[^=&]*=)[^&;]*", re.IGNORECASE)
_SECRET_NAME = re.compile(r"pass|secret|token|credential|(?<!routing)_key$|^key$|access_key", re.IGNORECASE)


def split_sentinels(url: str) -> list[str]:
    """Return the parts of a ``sentinel://a;sentinel://b`` URL; any other URL is one part."""
    return re.split(r";(?=sentinel://)", url)


def redact_url(url: str) -> str:
    """Return ``url`` with ``***`` for every password in it.

    Everything up to the last ``@`` of a part counts as user information, so a password that holds
    unescaped ``/``, ``?`` or ``#`` is hidden as well.
    """
    return ";".join(_redact_part(part) for part in split_sentinels(url))


def _redact_part(part: str) -> str:
    hidden = _USER_INFO.sub(lambda m: f"://{m['user']}{f':{HIDDEN}' if m['password'] else ''}@", part)
    return _SECRET_PARAMETER.sub(rf"\1{HIDDEN}", hidden)


def redact(name: str, value: Any) -> Any:
    """Return ``value`` as it may be shown under ``name``: passwords, keys and tokens hidden at any depth."""
    if value is not None and _SECRET_NAME.search(name):
        return HIDDEN
    if isinstance(value, str):
        return redact_url(value)
    if isinstance(value, Mapping):
        return {str(key): redact(str(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact("", item) for item in value]
    return value


class Options(Mapping[str, Any]):
    """Be a dictionary that nobody can change and that shows no secret."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._values = dict(values or {})

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(redact("", self._values))
