"""Create the tables of an Ibutsu database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from ibutsu_server.db import models  # noqa: F401 - its tables are what is created
from ibutsu_server.db.base import Base, db

if TYPE_CHECKING:
    from sqlalchemy import Connection

_INIT_LOCK = 0x1B075
"""Key of the PostgreSQL advisory lock that lets one process at a time create the tables."""


def create_schema() -> list[str]:
    """Create all tables and indexes in a database that has none of them; return the tables' names.

    A database with any Ibutsu table in it, of whatever version, stays as it is: see
    :func:`ibutsu_server.db.schema_check.check_schema`.
    """
    tables = Base.metadata.tables
    with db.engine.begin() as connection:
        _lock_creation(connection)
        if tables.keys() & set(inspect(connection).get_table_names()):
            return []
        Base.metadata.create_all(connection)
    return sorted(tables)


def _lock_creation(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _INIT_LOCK})
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
