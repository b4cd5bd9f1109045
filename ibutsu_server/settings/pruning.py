"""Define how old rows are deleted."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat
from pydantic_settings import SettingsConfigDict

from ibutsu_server.settings.base import SettingsModel


class PruneSettings(SettingsModel):
    """Say in which portions old rows are deleted, and for how long at a time."""

    model_config = SettingsConfigDict(env_prefix="IBUTSU_PRUNE_")

    batch_size: Annotated[int, Field(ge=1, le=30_000)] = 10_000
    """Rows that one transaction deletes: fewer hold locks for a shorter time."""

    time_budget: PositiveFloat = 3600
    """Seconds after which a prune ends; the next one goes on where it stopped. Keep it below
    ``CELERY_TASK_SOFT_TIME_LIMIT``, which would end the prune as a failure."""
