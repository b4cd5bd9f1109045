"""Define the declarative base and the Flask-SQLAlchemy extension."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self
from uuid import uuid4

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import LargeBinary, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from ibutsu_server.db.sqlite import log_writes_ahead, prepare_connection
from ibutsu_server.db.types import PortableUuid, naive_utc

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy import Engine


PRIVATE: Final = "private"
"""Key in the ``info`` of a column whose content stays in the database: a password, a token."""


class Base(DeclarativeBase):
    """A row of any table: each has an ``id`` and a dictionary form."""

    wire_names: ClassVar[dict[str, str]] = {}
    """Column name to the name it has in :meth:`to_dict`, where the two differ."""

    id: Mapped[str] = mapped_column(PortableUuid, primary_key=True, default=lambda: str(uuid4()))

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON-ready values: ids as text, times in UTC and with a ``Z``, as in the API.

        Binary content, passwords and tokens stay in the database.
        """
        return {
            self.wire_names.get(column.key, column.key): _to_wire(getattr(self, column.key))
            for column in self.__mapper__.columns
            if not isinstance(column.type, LargeBinary) and PRIVATE not in column.info
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
    return f"{naive_utc(value).isoformat()}Z" if isinstance(value, dt.datetime) else value


class _Database(SQLAlchemy):
    """An extension whose SQLite connections behave as those of PostgreSQL do."""

    def _make_engine(self, bind_key: str | None, options: dict[str, Any], app: Flask) -> Engine:
        engine = super()._make_engine(bind_key, options, app)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", prepare_connection)
            if engine.url.query.get("mode") != "ro":
                event.listen(engine, "connect", log_writes_ahead)
        return engine


db = _Database(model_class=Base)
"""The session and the engine of the Flask app whose context is active."""
