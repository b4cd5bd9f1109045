"""URLs that may hold a password, which is never shown."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import SplitResult, parse_qs, parse_qsl, unquote, urlsplit

from pydantic import AfterValidator, Field, Secret

from ibutsu_server.settings.celery_table import suggestion
from ibutsu_server.settings.redaction import redact_text, split_sentinels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.config import JsonDict
    from pydantic.fields import FieldInfo
    from sqlalchemy.engine import URL

SENTINEL_PORT: Final = 26379
UNIX_SCHEMES: Final = frozenset({"redis+socket", "unix"})
TLS_VERIFICATION: Final = ("required", "optional", "none")
_TLS_PARAMETERS: Final = frozenset(
    {"ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname"}
)
_SOCKET_PARAMETERS: Final = frozenset({"db", "virtual_host"})
REDIS_PARAMETERS: Final = {
    "redis": frozenset[str](),
    "rediss": _TLS_PARAMETERS,
    "redis+socket": _SOCKET_PARAMETERS,
    "unix": _SOCKET_PARAMETERS,
    "sentinel": frozenset[str](),
}
"""The query parameters of each scheme that kombu, Celery's result backend and redis-py all take."""

REDIS_SCHEMES: Final = tuple(REDIS_PARAMETERS)

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
"""Control characters, some of which the parser would drop without a word."""

POSTGRESQL_SCHEMES: Final = ("postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2")


def _split(url: str) -> SplitResult:
    """Split one URL; the parser's own message is dropped because it may quote the password."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.port != 0 and not _is_cut_short(parts) and not _CONTROL.search(url):
            return parts
    message = (
        "cannot be read as a URL; write scheme://user:password@host:port/database "
        "and percent-encode the special characters of the password"
    )
    raise ValueError(message)


def _is_cut_short(parts: SplitResult) -> bool:
    """Tell whether an "@" shows that a character of the password was taken for the end of the host."""
    behind_host = (parts.path if parts.netloc else "") + parts.query + parts.fragment
    return parts.netloc.count("@") > 1 or "@" in behind_host


def _check_redis_url(url: str) -> str:
    scheme = url.partition("://")[0].lower()
    if "://" not in url or scheme not in REDIS_SCHEMES:
        allowed = ", ".join(f"{name}://" for name in REDIS_SCHEMES)
        message = f"has a scheme that is not Redis; use one of {allowed}"
        raise ValueError(message)
    for part in split_sentinels(url):
        _check_redis_part(scheme, _split(part))
    return url


def _check_redis_part(scheme: str, parts: SplitResult) -> None:
    if parts.scheme != scheme:
        message = "mixes schemes; every part of a sentinel:// URL starts with sentinel://"
        raise ValueError(message)
    if parts.fragment:
        message = "holds a '#'; percent-encode it as %23"
        raise ValueError(message)
    if scheme in UNIX_SCHEMES:
        if parts.path in ("", "/"):
            message = f"names no socket; write {scheme}:///path/to/redis.sock"
            raise ValueError(message)
    elif not re.fullmatch(r"/?\d*", parts.path):
        message = "names a database that is not a number; write for example redis://host:6379/0"
        raise ValueError(message)
    _check_redis_query(parts.query, REDIS_PARAMETERS[scheme])


def _check_redis_query(query: str, known: frozenset[str]) -> None:
    for name in parse_qs(query, keep_blank_values=True):
        if name not in known:
            others = f"; use {', '.join(sorted(known))}" if known else "; remove it"
            message = f"has the unknown query parameter '{name}'{suggestion(name, known) or others}"
            raise ValueError(message)
    if not all(number.isdecimal() for name in _SOCKET_PARAMETERS for number in parse_qs(query).get(name, [])):
        message = "names a database that is not a number; write for example unix:///path/to/redis.sock?db=0"
        raise ValueError(message)
    verification = parse_qs(query).get("ssl_cert_reqs", [])
    if any(value.removeprefix("CERT_").lower() not in TLS_VERIFICATION for value in verification):
        message = "has an unknown ssl_cert_reqs; use required, optional or none"
        raise ValueError(message)


def _check_database_url(url: str) -> str:
    scheme = url.partition(":")[0]
    if "://" not in url or not (scheme in POSTGRESQL_SCHEMES or scheme == "sqlite"):
        message = "has a scheme that is not supported; use postgresql:// or sqlite://"
        raise ValueError(message)
    _split(url)
    return url


def _form(schemes: Iterable[str], *shown: str) -> FieldInfo:
    """Return what the JSON Schema of a URL says about it; ``shown`` are the schemes to write."""
    kind = f"a URL that begins with {', '.join(f'{scheme}://' for scheme in shown[:-1])} or {shown[-1]}://"
    pattern = f"^(?:{'|'.join(map(re.escape, schemes))})://"
    extra: JsonDict = {"pattern": pattern, "writeOnly": True, "x-kind": kind}
    form: FieldInfo = Field(json_schema_extra=extra)
    return form


_REDIS_FORM: Final = _form(REDIS_SCHEMES, *REDIS_SCHEMES)
_DATABASE_FORM: Final = _form((*POSTGRESQL_SCHEMES, "sqlite"), "postgresql", "sqlite")


class RedisUrl(Secret[Annotated[str, AfterValidator(_check_redis_url), _REDIS_FORM]]):
    """The URL of a Redis, or of the sentinels of a master, whose password is never shown."""

    def _display(self) -> str:
        return redact_text(self.get_secret_value())

    @property
    def scheme(self) -> str:
        """Return the scheme in lower case."""
        return self.get_secret_value().partition("://")[0].lower()

    @property
    def is_tls(self) -> bool:
        """Tell whether the connection is encrypted."""
        return self.scheme == "rediss"

    @property
    def is_unix(self) -> bool:
        """Tell whether the connection goes through a unix socket."""
        return self.scheme in UNIX_SCHEMES

    @property
    def is_sentinel(self) -> bool:
        """Tell whether the URL names sentinels rather than the server itself."""
        return self.scheme == "sentinel"

    def for_celery(self) -> str:
        """Return the URL in the form that kombu and Celery's result backend read."""
        url = self.get_secret_value()
        if not self.is_unix:
            return url
        return re.sub(r"([?&])db=", r"\1virtual_host=", f"redis+socket{url[len(self.scheme) :]}")

    def for_redis(self) -> str:
        """Return the URL in the form that redis-py reads."""
        url = self.get_secret_value()
        if not self.is_unix:
            return url
        return re.sub(r"([?&])virtual_host=", r"\1db=", f"unix{url[len(self.scheme) :]}")

    def tls_parameters(self) -> dict[str, str]:
        """Return the ``ssl_*`` parameters of the URL's query, by the names of redis-py."""
        query = dict(parse_qsl(urlsplit(self.get_secret_value()).query))
        parameters = {name: value for name, value in query.items() if name.startswith("ssl_")}
        if "ssl_cert_reqs" in parameters:
            parameters["ssl_cert_reqs"] = parameters["ssl_cert_reqs"].removeprefix("CERT_").lower()
        return parameters

    def sentinels(self) -> list[tuple[str, int]]:
        """Return host and port of each sentinel of a ``sentinel://`` URL."""
        parts = (urlsplit(part) for part in split_sentinels(self.get_secret_value()))
        return [(part.hostname or "localhost", part.port or SENTINEL_PORT) for part in parts]

    def credentials(self) -> dict[str, str | int | None]:
        """Return the user, password and database number of a ``sentinel://`` URL, which are the master's."""
        part = urlsplit(split_sentinels(self.get_secret_value())[-1])
        return {
            "username": unquote(part.username) if part.username else None,
            "password": unquote(part.password) if part.password else None,
            "db": int(part.path.strip("/") or 0),
        }


class DatabaseUrl(Secret[Annotated[str, AfterValidator(_check_database_url), _DATABASE_FORM]]):
    """The URL of a PostgreSQL or SQLite database, whose password is never shown."""

    def _display(self) -> str:
        return redact_text(self.get_secret_value())

    @classmethod
    def of_parts(
        cls,
        *,
        host: str,
        port: int,
        user: str | None,
        password: str | None,
        database: str,
        sslmode: str | None,
    ) -> DatabaseUrl:
        """Return the URL of a PostgreSQL database; a ``host`` that is a path is its socket's folder."""
        from sqlalchemy.engine import URL

        is_socket = host.startswith("/")
        query = {"host": host if is_socket else None, "sslmode": sslmode}
        url = URL.create(
            "postgresql",
            username=user,
            password=password,
            host=None if is_socket else host,
            port=port,
            database=database,
            query={name: value for name, value in query.items() if value is not None},
        )
        return cls(url.render_as_string(hide_password=False))

    def for_sqlalchemy(self, *, read_only: bool = False) -> URL:
        """Return the URL with the driver this package uses for PostgreSQL: psycopg 3.

        With ``read_only`` that of a SQLite file says so (https://www.sqlite.org/uri.html).
        """
        from sqlalchemy.engine import make_url

        url = make_url(self.get_secret_value())
        if url.drivername in POSTGRESQL_SCHEMES:
            return url.set(drivername="postgresql+psycopg")
        path = url.database or ""
        if read_only and path and not path.startswith((":memory:", "file:")):
            return url.set(database=f"file:{path}", query={"mode": "ro", "uri": "true"})
        return url
