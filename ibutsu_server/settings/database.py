"""How to reach the database."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, AliasChoices, SecretStr

from ibutsu_server.settings.base import CrossFault, SettingsGroup
from ibutsu_server.settings.fields import Parsed, setting
from ibutsu_server.settings.urls import DatabaseUrl

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARTS = "POSTGRESQL_HOST, POSTGRESQL_DATABASE, POSTGRESQL_USER and POSTGRESQL_PASSWORD"
_EXAMPLE = "postgresql://user:password@host:5432/ibutsu"
_OF_THE_DATABASE_IMAGE = frozenset({"POSTGRES_USER", "POSTGRES_PASSWORD"})
"""Variables that an environment has for the image of PostgreSQL, whether or not we read them."""

_HOST = re.compile(r"/.*|[^\s/?#@]+", re.DOTALL)


def _check_host(host: str | None) -> str | None:
    if host is not None and not _HOST.fullmatch(host):
        message = "must be the name or address of a host, or the absolute path of its socket's directory"
        raise ValueError(message)
    return host


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

    postgresql_host: Annotated[str | None, AfterValidator(_check_host)] = _part("HOST", None)
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
            return
        if self.postgresql_database is None:
            problem = "environment variable must be set beside POSTGRESQL_HOST"
            yield CrossFault(("postgresql_database",), problem)
        if self.postgresql_password is not None and self.postgresql_user is None:
            problem = "environment variable must be set beside POSTGRESQL_PASSWORD"
            yield CrossFault(("postgresql_user", "postgresql_password"), problem)

    def cross_warnings(self) -> Iterator[CrossFault]:
        """Yield parts that the URI makes useless."""
        yield from super().cross_warnings()
        parts = DatabaseSettings.model_fields.keys() - {"sqlalchemy_database_uri", "postgresql_port"}
        given = [field for field in DatabaseSettings.model_fields if field in parts and self.is_given(field)]
        ignored = [name for field in given if (name := self.typed_name(field)) not in _OF_THE_DATABASE_IMAGE]
        if self.sqlalchemy_database_uri is not None and ignored:
            problem = f"wins over {', '.join(ignored)}, which count for nothing; unset one or the other"
            yield CrossFault(("sqlalchemy_database_uri",), problem)
