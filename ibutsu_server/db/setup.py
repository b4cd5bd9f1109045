"""Give a Flask app its database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibutsu_server.db.base import db

if TYPE_CHECKING:
    from flask import Flask

    from ibutsu_server.settings.urls import DatabaseUrl


def configure_database(app: Flask, url: DatabaseUrl, *, read_only: bool = False) -> None:
    """Set up the engine of ``app`` for ``url``; an app that has its database already keeps it.

    A connection is checked before it is used, so that a restart of the database costs no task. With
    ``read_only`` the file of a SQLite database is neither made nor touched.
    """
    if "sqlalchemy" in app.extensions:
        return
    app.config["SQLALCHEMY_DATABASE_URI"] = url.for_sqlalchemy(read_only=read_only)
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "pool_pre_ping": True,
        **app.config.get("SQLALCHEMY_ENGINE_OPTIONS", {}),
    }
    db.init_app(app)
