"""Map the column types of the schema onto PostgreSQL and SQLite."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, DateTime, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql.compiler import SQLCompiler

Condition = ColumnElement[bool]
"""What a row may meet, in SQL."""

PortableJSON = JSON().with_variant(JSONB(), "postgresql")
"""``jsonb`` on PostgreSQL, JSON text on SQLite."""


class PortableUuid(TypeDecorator[str]):
    """A UUID, stored natively where the database can; in Python it is lower-case text with hyphens."""

    impl = Uuid(as_uuid=False)
    cache_ok = True

    def process_bind_param(self, value: str | UUID | None, dialect: Dialect) -> str | None:
        """Return the canonical text of ``value``; a ``ValueError`` for text that is no UUID."""
        del dialect
        return None if value is None else str(UUID(str(value)))


class UtcDateTime(TypeDecorator[dt.datetime]):
    """A time that is stored as naive UTC (``timestamp without time zone``), as in existing databases.

    A datetime with an offset is converted to UTC; a naive one is taken to be in UTC already.
    """

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Return ``value`` in UTC, without its offset."""
        del dialect
        return None if value is None else naive_utc(value)


def naive_utc(value: dt.datetime) -> dt.datetime:
    """Return ``value`` in UTC, without its offset; without an offset it is in UTC already.

    Raises:
        OverflowError: it lies outside of the calendar once it is in UTC.
    """
    return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value


def utc_now() -> dt.datetime:
    """Return the current time as naive UTC."""
    return naive_utc(dt.datetime.now(dt.UTC))


def is_storable_text(text: str) -> bool:
    """Return whether there is no NUL and no lone surrogate, which no text in a database can have."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


class utc_timestamp(GenericFunction[dt.datetime]):  # noqa: N801 - the name of an SQL function
    """The database's current time in UTC, whatever the time zone of its session is."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(utc_timestamp)
def _portable_utc_timestamp(element: utc_timestamp, compiler: SQLCompiler, **kwargs: Any) -> str:
    del element, compiler, kwargs
    return "CURRENT_TIMESTAMP"


@compiles(utc_timestamp, "postgresql")
def _postgresql_utc_timestamp(element: utc_timestamp, compiler: SQLCompiler, **kwargs: Any) -> str:
    del element, compiler, kwargs
    return "timezone('utc', now())"
