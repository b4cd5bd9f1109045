"""Hand validated options to Flower, which otherwise reads the environment by itself."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, cast

from ibutsu_server.settings.server import read_role
from ibutsu_server.settings.source_kinds import SERVICE_LINKS
from ibutsu_server.settings.sources import Sources

if TYPE_CHECKING:
    from ibutsu_server.settings import BrokerSettings, FlowerSettings

logger = logging.getLogger(__name__)


def configure_flower() -> BrokerSettings:
    """Set the options of Flower from the environment, and return how the broker is reached.

    Raises:
        ConfigurationError: with every fault of the role ``flower``.
    """
    read = read_role("flower", Sources.of_process())
    broker = cast("BrokerSettings", read.groups["celery"])
    for warning in read.warnings:
        if warning not in broker.warnings:  # those the app reports
            logger.warning("%s", warning)
    if "flower.command" in sys.modules:  # celery's command line has imported it, where it is installed
        _hand_over(cast("FlowerSettings", read.groups["flower"]))
    return broker


def _hand_over(settings: FlowerSettings) -> None:
    """Set Flower's options; those of its command line still win.

    Flower 2.2 takes every ``FLOWER_<OPTION>`` of the environment as it is: it splits a password at a comma,
    and ``FLOWER_PORT``, which Kubernetes sets to ``tcp://...`` where a service is called "flower", ends it
    with a traceback. So the variables that are read here, and such links, are removed from the environment
    of the process.
    """
    from flower.options import options

    read = {settings.names_of(field)[0] for field in type(settings).model_fields}
    for name, value in list(os.environ.items()):
        if name in read or (name.startswith("FLOWER_") and value.startswith(SERVICE_LINKS)):
            del os.environ[name]
    for name, value in settings.to_flower().items():
        setattr(options, name, value)
