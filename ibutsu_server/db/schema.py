"""Create the tables of an Ibutsu database."""

from __future__ import annotations

from sqlalchemy import inspect

from ibutsu_server.db import models  # noqa: F401 - its tables are what is created
from ibutsu_server.db.base import Base, db


def create_schema() -> list[str]:
    """Create the tables that are missing, with their indexes, and return their names.

    Tables that exist stay as they are.
    """
    tables = Base.metadata.tables
    missing = sorted(tables.keys() - set(inspect(db.engine).get_table_names()))
    db.create_all()
    return missing
