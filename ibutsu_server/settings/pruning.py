"""How old rows are deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from ibutsu_server.settings.base import SettingsGroup
from ibutsu_server.settings.fields import Seconds, setting
from ibutsu_server.settings.flask_celery import FlaskCelerySettings

if TYPE_CHECKING:
    from collections.abc import Mapping


_SHARE: Final = 2 / 3
"""The time budget as a share of the soft time limit at most, so that the last batch has time to end."""


class PruneSettings(SettingsGroup):
    """In which portions old rows are deleted, and for how long at a time."""

    model_config = SettingsConfigDict(env_prefix="IBUTSU_PRUNE_")

    batch_size: Annotated[int, Field(ge=1, le=30_000)] = 10_000
    """Rows that one transaction deletes: fewer hold locks for a shorter time."""

    time_budget: Seconds = setting(
        3600,
        json_schema_extra={"x-default": "3600, or two thirds of CELERY_TASK_SOFT_TIME_LIMIT if that is less"},
    )
    """Seconds after which a prune ends; the next one goes on where it stopped. It must be shorter than
    ``CELERY_TASK_SOFT_TIME_LIMIT``, which would end the prune as a failure."""

    def longest_work(self) -> tuple[float, str]:
        """Return the time budget where it was given."""
        name = self.names_of("time_budget")[0]
        return (self.time_budget, name) if self.is_given("time_budget") else super().longest_work()

    def adapted_to(self, groups: Mapping[str, SettingsGroup]) -> Self:
        """Return the group with a time budget that ends before the soft time limit of tasks does."""
        celery = groups["celery"]
        assert isinstance(celery, FlaskCelerySettings)  # noqa: S101 - narrows for the type checker
        longest = celery.task_soft_time_limit * _SHARE
        is_given = self.is_given("time_budget") and self.is_known("time_budget")
        if is_given or self.time_budget <= longest:
            return self
        return self.with_derived("time_budget", longest, "CELERY_TASK_SOFT_TIME_LIMIT")
