"""The Flask application that tasks run in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask

from ibutsu_server.db.setup import configure_database
from ibutsu_server.settings.server import ServerSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ibutsu_server.settings import BeatSettings, FlaskCelerySettings
    from ibutsu_server.settings.base import SettingsGroup


def create_app(
    settings: ServerSettings | FlaskCelerySettings | None = None,
    beat: BeatSettings | None = None,
    *,
    groups: Iterable[SettingsGroup] = (),
    **extra_config: Any,
) -> Flask:
    """Build the Flask app with its database, and no routes: the API is another server's work.

    ``settings`` is the whole tree, or the settings of Celery, with ``beat`` and further ``groups`` beside it.
    Where it is given the environment is not read, and the groups that are not given have their defaults.
    ``extra_config`` is Flask configuration.

    Raises:
        ConfigurationError: with every fault of the configuration.
        TypeError: one of ``groups`` is not a group of the tree.
    """
    app = Flask("ibutsu_server")
    app.config.update(extra_config)
    server = ServerSettings.of_app(app, settings, beat, *groups)
    configure_database(app, server.celery.database_url, server.database)
    return app
