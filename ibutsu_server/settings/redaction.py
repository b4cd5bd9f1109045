"""Hide secrets in whatever is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Set
from typing import Any, Final

from ibutsu_server.settings.text import looks_like_json, read_json

HIDDEN: Final = "***"

_USER_INFO = re.compile(r"(?P<scheme>\b\w*+)://(?P<user>[^:@/;]*+)(?P<password>:.*)?@")
_NAMES_OF_SECRETS: Final = (
    r"pass|pwd|secret|token|credential|auth|bearer|api_?key|access_key|(?<![a-z])dsn(?![a-z])"
    r"|(?<!routing)_key$|^key$|cookie|activation_code"
)
_SECRET_NAME = re.compile(_NAMES_OF_SECRETS, re.IGNORECASE)
_PARAMETER = re.compile(r"(?P<name>[?&][^=&;]*+)=(?P<value>[^&;]*+)")
_ARGUMENT_NAMES: Final = frozenset({"args", "kwargs"})
"""Names under which an entry of the beat schedule has the arguments of its task."""

_SCHEMES_WITH_LONE_USERS: Final = ("postgres", "mysql")
"""Schemes of databases that know users without a password; anywhere else a lone user is a token."""


def is_secret_name(name: str) -> bool:
    """Tell whether a value under ``name`` is a secret by its name: a password, a key, a token."""
    return bool(_SECRET_NAME.search(name))


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
    return _PARAMETER.sub(_redact_parameter, _USER_INFO.sub(_redact_user_info, part))


def _redact_user_info(match: re.Match[str]) -> str:
    user, password = match["user"], match["password"]
    if not password and user and not match["scheme"].startswith(_SCHEMES_WITH_LONE_USERS):
        user = HIDDEN
    return f"{match['scheme']}://{user}{f':{HIDDEN}' if password else ''}@"


def _redact_parameter(match: re.Match[str]) -> str:
    return f"{match['name']}={HIDDEN if is_secret_name(match['name']) else match['value']}"


def redact(name: str, value: Any) -> Any:
    """Return ``value`` as it may be shown under ``name``: passwords, keys and tokens hidden at any depth.

    The result is ready for JSON. The arguments of the tasks in a beat schedule are hidden too.
    """
    if value is None or isinstance(value, (bool, int, float)):
        return HIDDEN if value is not None and is_secret_name(name) and not isinstance(value, bool) else value
    if is_secret_name(name) or (name in _ARGUMENT_NAMES and value):
        return HIDDEN
    if isinstance(value, str):
        return _redact_text(name, value)
    if isinstance(value, Mapping):
        return {str(key): redact(str(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple, Set)):
        return [redact("", item) for item in value]
    return value


def _redact_text(name: str, text: str) -> str:
    read = read_json(text) if looks_like_json(text) else None
    if read is None:
        return redact_url(text)
    return json.dumps(redact(name, read), ensure_ascii=False)
