"""Build the Flask application that tasks run in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask

from ibutsu_server.db.setup import configure_database
from ibutsu_server.settings.server import ServerSettings

if TYPE_CHECKING:
    from ibutsu_server.settings import BeatSettings, FlaskCelerySettings


def create_app(
    settings: FlaskCelerySettings | None = None, beat: BeatSettings | None = None, **extra_config: Any
) -> Flask:
    """Build the Flask app with its database, and no routes: the API is another server's work.

    ``extra_config`` is Flask configuration. With ``settings`` given the environment is not read.

    Raises:
        ConfigurationError: with every fault of the configuration.
    """
    app = Flask("ibutsu_server")
    app.config.update(extra_config)
    server = ServerSettings.of_app(app, settings=settings, beat=beat)
    configure_database(app, server.celery.database_url)
    return app
