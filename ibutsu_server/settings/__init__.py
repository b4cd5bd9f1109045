"""Hold the typed settings: one model, one file; the environment enters here and nowhere else."""

from __future__ import annotations

from ibutsu_server.settings.beat import BeatSettings
from ibutsu_server.settings.broker import BrokerSettings
from ibutsu_server.settings.database import DatabaseSettings
from ibutsu_server.settings.flask_celery import FlaskCelerySettings
from ibutsu_server.settings.imports import ImportSettings
from ibutsu_server.settings.pruning import PruneSettings
from ibutsu_server.settings.server import ServerSettings
from ibutsu_server.settings.sources import Origin, Reading

__all__ = [
    "BeatSettings",
    "BrokerSettings",
    "DatabaseSettings",
    "FlaskCelerySettings",
    "ImportSettings",
    "Origin",
    "PruneSettings",
    "Reading",
    "ServerSettings",
]
