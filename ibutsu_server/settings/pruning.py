"""How old rows are deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from ibutsu_server.exceptions import Fault
from ibutsu_server.settings.base import SettingsGroup
from ibutsu_server.settings.fields import Seconds, seconds_in_words, setting
from ibutsu_server.settings.flask_celery import FlaskCelerySettings

if TYPE_CHECKING:
    from collections.abc import Mapping


class PruneSettings(SettingsGroup):
    """In which portions old rows are deleted, and for how long at a time."""

    model_config = SettingsConfigDict(env_prefix="IBUTSU_PRUNE_")

    batch_size: Annotated[int, Field(ge=1, le=30_000)] = 10_000
    """Rows that one transaction deletes: fewer hold locks for a shorter time."""

    time_budget: Seconds = setting(
        3600, json_schema_extra={"x-default": "3600, or half of CELERY_TASK_SOFT_TIME_LIMIT if that is less"}
    )
    """Seconds after which a prune ends; the next one goes on where it stopped. It must be shorter than
    ``CELERY_TASK_SOFT_TIME_LIMIT``, which would end the prune as a failure."""

    def adapted_to(self, groups: Mapping[str, SettingsGroup]) -> Self:
        """Return the group with a time budget that ends before the soft time limit of tasks does."""
        celery = groups["celery"]
        assert isinstance(celery, FlaskCelerySettings)  # noqa: S101 - narrows for the type checker
        limit = celery.task_soft_time_limit
        if not (self.is_known("time_budget") and celery.is_known("task_soft_time_limit", "task_time_limit")):
            return self.with_derived("time_budget", limit / 2, "CELERY_TASK_SOFT_TIME_LIMIT")
        if self.is_given("time_budget"):
            if self.time_budget < limit or celery.is_given("task_soft_time_limit", "task_time_limit"):
                return self
            problem = (
                f"of {seconds_in_words(self.time_budget)} is cut to {seconds_in_words(limit / 2)}: it must "
                f"end before CELERY_TASK_SOFT_TIME_LIMIT, which is {seconds_in_words(limit)}; raise that too"
            )
            warnings = [Fault(self.typed_name("time_budget"), problem)]
        elif self.time_budget <= limit / 2:
            return self
        else:
            warnings = []
        return self.with_derived("time_budget", limit / 2, "CELERY_TASK_SOFT_TIME_LIMIT", *warnings)
