"""How to reach the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import AliasChoices, SecretStr

from ibutsu_server.settings.base import CrossFault, SettingsGroup
from ibutsu_server.settings.fields import Parsed, setting
from ibutsu_server.settings.urls import DatabaseUrl

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARTS = "POSTGRESQL_HOST, POSTGRESQL_DATABASE, POSTGRESQL_USER and POSTGRESQL_PASSWORD"
_EXAMPLE = "postgresql://user:password@host:5432/ibutsu"


def _part(name: str, *default: Any, **arguments: Any) -> Any:
    names = AliasChoices(f"POSTGRESQL_{name}", f"POSTGRES_{name}")
    return setting(*default, validation_alias=names, **arguments)


class DatabaseSettings(SettingsGroup):
    """Where the database is: one URI, or the parts of a PostgreSQL one."""

    roles: ClassVar[frozenset[str]] = frozenset()
    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("sqlalchemy_database_uri",),
        ("postgresql_host", "postgresql_database"),
    )

    sqlalchemy_database_uri: Parsed[DatabaseUrl | None, DatabaseUrl | str | None] = setting(
        None, validation_alias="SQLALCHEMY_DATABASE_URI", examples=[_EXAMPLE]
    )
    """URI of the database, ``postgresql://`` or ``sqlite://``; it wins over the parts below. A relative path
    of a SQLite file counts from Flask's instance folder; ``sqlite:////var/lib/i.db`` has an absolute one."""

    postgresql_host: str | None = _part("HOST", None)
    """Host of the PostgreSQL server, or the absolute path of the directory with its socket."""

    postgresql_port: int = _part("PORT", 5432, ge=1, le=65535)
    """Port of the PostgreSQL server."""

    postgresql_user: str | None = _part("USER", None)
    """Role to connect as."""

    postgresql_password: Parsed[SecretStr | None, SecretStr | str | None] = _part("PASSWORD", None)
    """Password of that role."""

    postgresql_database: str | None = _part("DATABASE", None)
    """Name of the database."""

    postgresql_sslmode: (
        Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] | None
    ) = _part("SSLMODE", None)
    """TLS mode of libpq."""

    @property
    def database_url(self) -> DatabaseUrl:
        """Return the URL of the database."""
        if self.sqlalchemy_database_uri is not None:
            return self.sqlalchemy_database_uri
        password = self.postgresql_password.get_secret_value() if self.postgresql_password else None
        return DatabaseUrl.of_parts(
            host=self.postgresql_host or "",
            port=self.postgresql_port,
            user=self.postgresql_user,
            password=password,
            database=self.postgresql_database or "",
            sslmode=self.postgresql_sslmode,
        )

    def cross_faults(self) -> Iterator[CrossFault]:
        """Yield what is missing to reach a database."""
        yield from super().cross_faults()
        if self.sqlalchemy_database_uri is not None:
            return
        if self.postgresql_host is None:
            problem = f"environment variable must be set, for example to {_EXAMPLE} (or set {_PARTS})"
            yield CrossFault(("sqlalchemy_database_uri", "postgresql_host"), problem)
        elif self.postgresql_database is None:
            problem = "environment variable must be set beside POSTGRESQL_HOST"
            yield CrossFault(("postgresql_database",), problem)

    def cross_warnings(self) -> Iterator[CrossFault]:
        """Yield parts that the URI makes useless."""
        yield from super().cross_warnings()
        if self.sqlalchemy_database_uri is not None and self.is_given("postgresql_host"):
            host = self.typed_name("postgresql_host")
            problem = f"wins over {host} and the other parts, which are ignored; unset one or the other"
            yield CrossFault(("sqlalchemy_database_uri",), problem)
