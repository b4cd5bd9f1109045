"""Give a Flask app its database."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from psycopg.errors import InvalidParameterValue, UndefinedObject
from sqlalchemy import event

from ibutsu_server.db.base import db

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg
    from flask import Flask
    from sqlalchemy.engine.interfaces import DBAPIConnection

    from ibutsu_server.settings.database_limits import DatabaseLimits
    from ibutsu_server.settings.urls import DatabaseUrl

logger = logging.getLogger(__name__)


def configure_database(
    app: Flask, url: DatabaseUrl, limits: DatabaseLimits, *, read_only: bool = False
) -> None:
    """Set up the engine of ``app`` for ``url``; an app that has its database already keeps it.

    A connection is checked before it is used, so that a restart of the database costs no task. With
    ``read_only`` the file of a SQLite database is neither made nor touched.
    """
    if "sqlalchemy" in app.extensions:
        return
    uri = url.for_sqlalchemy(read_only=read_only)
    options: dict[str, Any] = {"pool_pre_ping": True, **app.config.get("SQLALCHEMY_ENGINE_OPTIONS", {})}
    is_postgresql = uri.get_backend_name() == "postgresql"
    if is_postgresql:
        ours = {name: limit for name, limit in limits.for_libpq().items() if name not in uri.query}
        options["connect_args"] = {**ours, **options.get("connect_args", {})}
    app.config["SQLALCHEMY_DATABASE_URI"] = uri
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
    db.init_app(app)
    if is_postgresql:
        _limit_every_connection(app, limits)


def _limit_every_connection(app: Flask, limits: DatabaseLimits) -> None:
    wanted = limits.for_server()

    def limit(connection: DBAPIConnection, record: object) -> None:
        del record
        driver: Any = connection
        limit_server(driver, wanted)

    with app.app_context():
        event.listen(db.engine, "connect", limit)


def limit_server(connection: psycopg.Connection[Any], limits: Mapping[str, str]) -> None:
    """Set ``limits`` at the server's end of a connection; a limit that the server does not know is left out.

    They are set after connecting: as options of the startup packet, pgbouncer and older servers would refuse
    the connection.
    """
    connection.autocommit = True
    for name, value in limits.items():
        try:
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        except (UndefinedObject, InvalidParameterValue) as error:
            logger.info("PostgreSQL does not limit this connection by %s: %s", name, error)
    connection.autocommit = False
