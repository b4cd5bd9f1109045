"""Define the declarative base and the Flask-SQLAlchemy extension."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import uuid4

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import LargeBinary, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from ibutsu_server.constants import SQLITE_BUSY_TIMEOUT
from ibutsu_server.db.types import PortableUuid

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy import Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection


class Base(DeclarativeBase):
    """Give every table its ``id`` and every row its dictionary form."""

    wire_names: ClassVar[dict[str, str]] = {}
    """Column name to the name it has in :meth:`to_dict`, where the two differ."""

    id: Mapped[str] = mapped_column(PortableUuid, primary_key=True, default=lambda: str(uuid4()))

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON-ready values: ids as text, moments as ISO 8601 in UTC.

        Binary content and passwords stay in the database.
        """
        return {
            self.wire_names.get(column.key, column.key): _to_wire(getattr(self, column.key))
            for column in self.__mapper__.columns
            if not isinstance(column.type, LargeBinary) and not column.key.startswith("_")
        }

    @classmethod
    def from_dict(cls, **fields: Any) -> Self:
        """Make a row from the names of :meth:`to_dict` or from column names.

        Raises:
            TypeError: a name is neither.
        """
        columns = {wire: column for column, wire in cls.wire_names.items()}
        return cls(**{columns.get(name, name): value for name, value in fields.items()})


def _to_wire(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime) else value


class _Database(SQLAlchemy):
    """Make SQLite keep its promises the way PostgreSQL does."""

    def _make_engine(self, bind_key: str | None, options: dict[str, Any], app: Flask) -> Engine:
        engine = super()._make_engine(bind_key, options, app)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
            if engine.url.query.get("mode") != "ro":
                event.listen(engine, "connect", _log_writes_ahead)
        return engine


def _prepare_sqlite(connection: DBAPIConnection, record: object) -> None:
    """Enforce foreign keys, and wait while another process writes."""
    del record
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_TIMEOUT * 1000}")
    cursor.close()


def _log_writes_ahead(connection: DBAPIConnection, record: object) -> None:
    """Let readers and a writer of several processes work side by side."""
    del record
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.close()


db = _Database(model_class=Base)
"""The session and the engine of the Flask app whose context is active."""
