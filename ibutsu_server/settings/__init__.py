"""Hold the typed settings: one model, one file; the environment enters here and nowhere else.

A model is imported on first use, so that the monitor does not pay for those of the worker.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ibutsu_server.settings.beat import BeatSettings
    from ibutsu_server.settings.broker import BrokerSettings
    from ibutsu_server.settings.database import DatabaseSettings
    from ibutsu_server.settings.flask_celery import FlaskCelerySettings
    from ibutsu_server.settings.imports import ImportSettings
    from ibutsu_server.settings.pruning import PruneSettings
    from ibutsu_server.settings.server import ServerSettings
    from ibutsu_server.settings.sources import Origin, Reading

_MODULES = {
    "BeatSettings": "beat",
    "BrokerSettings": "broker",
    "DatabaseSettings": "database",
    "FlaskCelerySettings": "flask_celery",
    "ImportSettings": "imports",
    "Origin": "sources",
    "PruneSettings": "pruning",
    "Reading": "sources",
    "ServerSettings": "server",
}

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


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
