"""Hide secrets in whatever is shown."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Set
from typing import Any, Final

from ibutsu_server.settings.text import looks_like_json, read_json

HIDDEN: Final = "***"

_NAMES_OF_SECRETS: Final = (
    r"(?:pass|pwd|secret|token|credential|auth|bearer|cookie|signature|activation_code|connection_string"
    r"|(?<![a-z])(?:dsn|sig)(?![a-z])|(?<!routing)(?<!routing_)key(?![\w.-]))"
)
_SECRET_NAME: Final = re.compile(_NAMES_OF_SECRETS, re.IGNORECASE)
_ARGUMENT_NAMES: Final = frozenset({"args", "kwargs"})
"""Names under which an entry of the beat schedule has the arguments of its task."""

# Linear, because each expression starts where a word starts, looks back at no more than that word, and its
# other parts are possessive. A user part is only looked for before the last "@", so that the greedy ``.*``
# always finds its end.
_USER_INFO: Final = re.compile(r"(?P<scheme>(?<!\w)\w*+)://(?P<user>[^:@/;]*+)(?P<password>:.*)?@", re.DOTALL)
_PARAMETER: Final = re.compile(
    rf"(?<![\w.-])(?<!//)(?<!@)(?P<name>(?=[\w.-]*{_NAMES_OF_SECRETS})[\w.-]++\\*+[\"']?\s*+[=:]\s*+)"
    r"(?:\"(?:[^\"\\]++|\\.)*+\"|'(?:[^'\\]++|\\.)*+'|\\++[\"'](?:(?!\\[\"']).)*+"
    r"|[{\[].*+|[^&;\s]*+)",
    re.DOTALL | re.IGNORECASE,
)
"""The name of a secret, its sign and its value; what follows ``//`` or ``@`` is a host with its port."""

_CREDENTIALS: Final = re.compile(r"(?P<kind>(?<!\w)(?:Bearer|Basic|Token)\s++)[^\s\"',;]++", re.IGNORECASE)
"""What follows the scheme in an ``Authorization`` header."""

_SIGN: Final = re.compile(r"[@=:\s]")
"""One of these stands beside every secret that the expressions above find."""

_SCHEMES_WITH_LONE_USERS: Final = ("postgres", "mysql")
"""Schemes of databases that know users without a password; anywhere else a lone user is a token."""


def is_secret_name(name: str) -> bool:
    """Tell whether a value under ``name`` is a secret by its name: a password, a key, a token."""
    return bool(_SECRET_NAME.search(name))


def split_sentinels(url: str) -> list[str]:
    """Return the parts of a ``sentinel://a;sentinel://b`` URL; any other URL is one part."""
    return re.split(r";(?=sentinel://)", url)


def redact_text(text: str) -> str:
    """Return ``text`` with ``***`` for every password and token in it: in a URL, a parameter, a header.

    Everything up to the last ``@`` of a URL counts as user information, so a password that holds
    unescaped ``/``, ``?`` or ``#`` is hidden as well.
    """
    if not _SIGN.search(text):
        return text
    return ";".join(_redact_part(part) for part in split_sentinels(text))


def _redact_part(part: str) -> str:
    before, at, after = part.rpartition("@")
    shown = _USER_INFO.sub(_redact_user_info, before + at) + after
    return _PARAMETER.sub(rf"\g<name>{HIDDEN}", _CREDENTIALS.sub(rf"\g<kind>{HIDDEN}", shown))


def _redact_user_info(match: re.Match[str]) -> str:
    user, password = match["user"], match["password"]
    if not password and user and not match["scheme"].startswith(_SCHEMES_WITH_LONE_USERS):
        user = HIDDEN
    return f"{match['scheme']}://{user}{f':{HIDDEN}' if password else ''}@"


def redact(name: str, value: Any) -> Any:
    """Return ``value`` as it may be shown under ``name``: passwords, keys and tokens hidden at any depth.

    The result is ready for JSON. The arguments of the tasks in a beat schedule are hidden too, and an object
    of another kind is shown by its type alone.
    """
    if value is None or isinstance(value, bool):
        return value
    if (is_secret_name(name) or name in _ARGUMENT_NAMES) and not _is_empty(value):
        return HIDDEN
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, (str, bytes)):
        return _redact_string(
            name, value if isinstance(value, str) else value.decode(errors="backslashreplace")
        )
    if isinstance(value, Mapping):
        return {_shown_key(key): redact(_shown_key(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple, Set)):
        return _redact_items(list(value))
    return _shown_object(value)


def _shown_key(key: Any) -> str:
    return key if isinstance(key, str) else str(redact("", key))


def _shown_object(value: Any) -> str:
    if isinstance(value, (dt.date, dt.time, dt.timedelta, dt.tzinfo)):
        return str(value)
    if isinstance(value, re.Pattern):
        return str(redact("", value.pattern))
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    if type(value).__module__ == "celery.schedules":
        return repr(value)
    return f"<{type(value).__qualname__}>"


def _is_empty(value: Any) -> bool:
    return isinstance(value, (Mapping, list, tuple)) and not value


def _redact_items(items: list[Any]) -> list[Any]:
    if len(items) == 2 and isinstance(items[0], str) and is_secret_name(items[0]):  # a name and its value
        return [redact("", items[0]), HIDDEN]
    return [redact("", item) for item in items]


def _redact_string(name: str, text: str) -> str:
    is_quoted = text.lstrip().startswith('"')
    read = read_json(text) if is_quoted or looks_like_json(text) else None
    if read is None:
        return redact_text(text)
    # Escapes in the text may stand for halves of characters, which cannot be printed.
    return json.dumps(redact(name, read), ensure_ascii=False).encode(errors="backslashreplace").decode()
