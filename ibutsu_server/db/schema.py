"""Create the tables of an Ibutsu database."""

from __future__ import annotations

from ibutsu_server.db import models  # noqa: F401 - its tables are what is created
from ibutsu_server.db.base import db


def create_schema() -> None:
    """Create the tables that are missing, with their indexes; those that exist stay as they are."""
    db.create_all()
