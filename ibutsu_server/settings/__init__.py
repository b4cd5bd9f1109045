"""The typed settings: one group, one file; the environment enters here and nowhere else.

A group is imported on first use, so that the monitor does not pay for those of the worker.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ibutsu_server.settings.beat import BeatSettings
    from ibutsu_server.settings.broker import BrokerSettings
    from ibutsu_server.settings.database import DatabaseSettings
    from ibutsu_server.settings.database_limits import DatabaseLimits
    from ibutsu_server.settings.flask_celery import FlaskCelerySettings
    from ibutsu_server.settings.flower import FlowerSettings
    from ibutsu_server.settings.imports import ImportSettings
    from ibutsu_server.settings.intake import IntakeSettings
    from ibutsu_server.settings.origins import Origin
    from ibutsu_server.settings.outages import OutageSettings
    from ibutsu_server.settings.pruning import PruneSettings
    from ibutsu_server.settings.queries import QuerySettings
    from ibutsu_server.settings.server import ServerSettings
    from ibutsu_server.settings.sources import Sources

_MODULES = {
    "BeatSettings": "beat",
    "BrokerSettings": "broker",
    "DatabaseLimits": "database_limits",
    "DatabaseSettings": "database",
    "FlaskCelerySettings": "flask_celery",
    "FlowerSettings": "flower",
    "ImportSettings": "imports",
    "IntakeSettings": "intake",
    "Origin": "source_kinds",
    "OutageSettings": "outages",
    "PruneSettings": "pruning",
    "QuerySettings": "queries",
    "ServerSettings": "server",
    "Sources": "sources",
}

__all__ = [
    "BeatSettings",
    "BrokerSettings",
    "DatabaseLimits",
    "DatabaseSettings",
    "FlaskCelerySettings",
    "FlowerSettings",
    "ImportSettings",
    "IntakeSettings",
    "Origin",
    "OutageSettings",
    "PruneSettings",
    "QuerySettings",
    "ServerSettings",
    "Sources",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
