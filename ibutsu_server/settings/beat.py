"""The plan of the scheduler."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from ibutsu_server import constants
from ibutsu_server.settings.base import CrossFault, SettingsGroup
from ibutsu_server.settings.fields import setting
from ibutsu_server.settings.schedule import Schedule, ScheduleField

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_MONTHS: Final = 1200
_LONGEST_DAYS: Final = _LONGEST_MONTHS * constants.MONTH_DAYS


class _Plan(NamedTuple):
    """The stable name of an entry, with the fields and the task that belong to it."""

    name: str
    field: str
    task: str
    retention: str | None


_PLAN: Final = (
    _Plan("prune-old-artifact-files", "prune_files", "ibutsu_server.tasks.db.prune_old_files", "months"),
    _Plan("prune-old-results", "prune_results", "ibutsu_server.tasks.db.prune_old_results", "months"),
    _Plan("prune-old-runs", "prune_runs", "ibutsu_server.tasks.db.prune_old_runs", "months"),
    _Plan("sync-aborted-runs", "sync_aborted_runs", "ibutsu_server.tasks.runs.sync_aborted_runs", None),
    _Plan(
        "prune-old-import-files",
        "prune_import_files",
        "ibutsu_server.tasks.db.prune_old_import_files",
        "days",
    ),
    _Plan("rescue-imports", "rescue_imports", "ibutsu_server.tasks.importers.rescue_imports", None),
)


def _known_timezone(name: str) -> str:
    if name == "UTC":
        return name
    try:
        return ZoneInfo(name).key
    except (OSError, ValueError, KeyError):
        message = "is not a time zone that this machine knows; use an IANA name such as Europe/Prague"
        raise ValueError(message) from None


class BeatSettings(SettingsGroup):
    """What the scheduler sends, and when."""

    model_config = SettingsConfigDict(env_prefix="IBUTSU_BEAT_")

    timezone: Annotated[str, AfterValidator(_known_timezone)] = setting(
        "UTC", validation_alias="CELERY_TIMEZONE"
    )
    """IANA time zone in which the crontab schedules are meant."""

    lease: Annotated[int, Field(ge=1, le=40)] = 30
    """Seconds after which another scheduler takes over from one that was killed; it needs a sixth more."""

    prune_files_enabled: bool = True
    """Whether old artifact files are pruned."""

    prune_files_schedule: ScheduleField = setting(Schedule("0 4 * * 6"))
    """When artifact files are pruned: five crontab fields or seconds; Saturday 04:00."""

    prune_files_months: Annotated[int, Field(ge=constants.MIN_FILE_MONTHS, le=_LONGEST_MONTHS)] = 3
    """Months of 30 days that artifact files are kept; fewer than those of results."""

    prune_results_enabled: bool = True
    """Whether old results are pruned."""

    prune_results_schedule: ScheduleField = setting(Schedule("0 5 * * 6"))
    """When results are pruned: five crontab fields or seconds; Saturday 05:00."""

    prune_results_months: Annotated[int, Field(ge=constants.MIN_RESULT_MONTHS, le=_LONGEST_MONTHS)] = 5
    """Months of 30 days that results are kept; fewer than those of runs."""

    prune_runs_enabled: bool = True
    """Whether old runs are pruned."""

    prune_runs_schedule: ScheduleField = setting(Schedule("0 6 * * 6"))
    """When runs are pruned: five crontab fields or seconds; Saturday 06:00."""

    prune_runs_months: Annotated[int, Field(ge=constants.MIN_RUN_MONTHS, le=_LONGEST_MONTHS)] = 12
    """Months of 30 days that runs are kept."""

    sync_aborted_runs_enabled: bool = True
    """Whether the summaries of runs that were cut off are brought up to date."""

    sync_aborted_runs_schedule: ScheduleField = setting(Schedule("1800"))
    """When they are: five crontab fields or seconds; every 30 minutes."""

    prune_import_files_enabled: bool = True
    """Whether old imports that have ended are pruned, each with its uploaded file."""

    prune_import_files_schedule: ScheduleField = setting(Schedule("0 2 * * *"))
    """When they are: five crontab fields or seconds; daily 02:00."""

    prune_import_files_days: Annotated[int, Field(ge=constants.MIN_IMPORT_FILE_DAYS, le=_LONGEST_DAYS)] = 7
    """Days that imports and their files are kept."""

    rescue_imports_enabled: bool = True
    """Whether imports whose message or worker was lost are sent again."""

    rescue_imports_schedule: ScheduleField = setting(Schedule("300"))
    """When they are: five crontab fields or seconds; every 5 minutes."""

    def cross_faults(self) -> Iterator[CrossFault]:
        """Yield retentions in the wrong order: a child row must go before its parent."""
        pruned = [name for name in ("files", "results", "runs") if getattr(self, f"prune_{name}_enabled")]
        for child, parent in pairwise(pruned):
            fields = (f"prune_{child}_months", f"prune_{parent}_months")
            if getattr(self, fields[0]) >= getattr(self, fields[1]):
                kept, limit = (getattr(self, field) for field in fields)
                problem = (
                    f"keeps {child} for {kept} months, as long as {parent} or longer, so foreign keys would "
                    f"stop the prune; set it below {self.names_of(fields[1])[0]}, which is {limit}"
                )
                yield CrossFault(fields, problem)

    def to_celery(self) -> dict[str, Any]:
        """Return Celery's ``beat_schedule`` and ``timezone``."""
        return {"beat_schedule": self.beat_entries(), "timezone": self.timezone}

    def beat_entries(self) -> dict[str, dict[str, Any]]:
        """Return the entries that are enabled, by their stable names."""
        return {plan.name: self._entry(plan) for plan in _PLAN if getattr(self, f"{plan.field}_enabled")}

    def _entry(self, plan: _Plan) -> dict[str, Any]:
        schedule: Schedule = getattr(self, f"{plan.field}_schedule")
        entry: dict[str, Any] = {"task": plan.task, "schedule": schedule.to_celery()}
        if plan.retention is not None:
            entry["args"] = (getattr(self, f"{plan.field}_{plan.retention}"),)
        return entry
