"""How tasks and imports outlast an outage of the infrastructure."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from ibutsu_server.settings.base import SettingsGroup
from ibutsu_server.settings.fields import Seconds


class OutageSettings(SettingsGroup):
    """How long a task waits for its servers, and when an import that nobody works on is sent again."""

    model_config = SettingsConfigDict(env_prefix="IBUTSU_OUTAGE_")

    limit: Seconds = 86_400
    """Seconds a task waits for the broker or the database; from then on each attempt counts towards
    ``CELERY_TASK_MAX_RETRIES``. An import stays pending even then, until it is sent again."""

    longest_wait: Annotated[int, Field(ge=1, le=60)] = 60
    """Seconds between two attempts at most; the first waits are shorter."""

    rescue_grace: Seconds = 15
    """Seconds after its upload in which an import is not sent again: its own message is on its way."""

    rescue_interval: Seconds = 240
    """Seconds in which an import is sent again once at most."""

    foreign_age: Seconds = 3600
    """Seconds for which an import must have been seen running before it is taken from a worker of an earlier
    version, which does not lock what it imports."""

    stuck_after: Seconds = 120
    """Seconds after which a worker ends that consumes nothing though a child process is free, messages wait
    and the broker answers; its supervisor starts another one."""
