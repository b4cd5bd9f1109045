"""Define how to reach the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, urlencode

from pydantic import Field, SecretStr

from ibutsu_server.settings.base import CrossFault, Names, SettingsModel
from ibutsu_server.settings.urls import DatabaseUrl

if TYPE_CHECKING:
    from collections.abc import Iterator

_MISSING = (
    "environment variable must be set, for example to postgresql://user:password@host:5432/ibutsu "
    "(or set POSTGRESQL_HOST, POSTGRESQL_DATABASE, POSTGRESQL_USER and POSTGRESQL_PASSWORD)"
)


def _parts(name: str) -> Names:
    return Names(f"POSTGRESQL_{name}", older=(f"POSTGRES_{name}",))


class DatabaseSettings(SettingsModel):
    """Say where the database is: one URI, or the parts of a PostgreSQL one."""

    sqlalchemy_database_uri: Annotated[DatabaseUrl | None, Names("SQLALCHEMY_DATABASE_URI")] = None
    """URI of the database, ``postgresql://`` or ``sqlite://``; it wins over the parts below. A relative path
    of a SQLite file counts from Flask's instance folder; ``sqlite:////var/lib/i.db`` has an absolute one."""

    postgresql_host: Annotated[str | None, _parts("HOST")] = None
    """Host of the PostgreSQL server."""

    postgresql_port: Annotated[int, _parts("PORT"), Field(ge=1, le=65535)] = 5432
    """Port of the PostgreSQL server."""

    postgresql_user: Annotated[str | None, _parts("USER")] = None
    """Role to connect as."""

    postgresql_password: Annotated[SecretStr | None, _parts("PASSWORD")] = None
    """Password of that role."""

    postgresql_database: Annotated[str | None, _parts("DATABASE")] = None
    """Name of the database."""

    postgresql_sslmode: Annotated[str | None, _parts("SSLMODE")] = None
    """TLS mode of libpq: ``disable``, ``prefer``, ``require``, ``verify-ca``, ``verify-full`` …"""

    @property
    def database_url(self) -> DatabaseUrl:
        """Return the URL of the database."""
        if self.sqlalchemy_database_uri is not None:
            return self.sqlalchemy_database_uri
        return DatabaseUrl(self._uri_of_parts())

    def cross_faults(self) -> Iterator[CrossFault]:
        """Yield what is missing to reach a database."""
        yield from super().cross_faults()
        if self.sqlalchemy_database_uri is not None:
            return
        if self.postgresql_host is None:
            yield CrossFault(("sqlalchemy_database_uri", "postgresql_host"), _MISSING)
        elif self.postgresql_database is None:
            problem = "environment variable must be set beside POSTGRESQL_HOST"
            yield CrossFault(("postgresql_database",), problem)

    def _uri_of_parts(self) -> str:
        password = self.postgresql_password.get_secret_value() if self.postgresql_password else None
        secret = f":{quote(password, safe='')}" if password else ""
        user = f"{quote(self.postgresql_user, safe='')}{secret}@" if self.postgresql_user else ""
        host = f"[{self.postgresql_host}]" if ":" in (self.postgresql_host or "") else self.postgresql_host
        query = f"?{urlencode({'sslmode': self.postgresql_sslmode})}" if self.postgresql_sslmode else ""
        database = quote(self.postgresql_database or "", safe="")
        return f"postgresql://{user}{host}:{self.postgresql_port}/{database}{query}"
