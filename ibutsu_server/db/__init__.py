"""Hold the tables of an Ibutsu database and the session over them."""

from __future__ import annotations

from ibutsu_server.db.base import Base, db

__all__ = ["Base", "db"]
