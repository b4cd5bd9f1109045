"""Show the plan of the scheduler and how it is changed."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from celery.schedules import crontab

from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings import BeatSettings, Sources

PLAN = {
    "prune-old-artifact-files": {
        "task": "ibutsu_server.tasks.db.prune_old_files",
        "schedule": crontab(minute="0", hour="4", day_of_week="6"),
        "args": (3,),
    },
    "prune-old-results": {
        "task": "ibutsu_server.tasks.db.prune_old_results",
        "schedule": crontab(minute="0", hour="5", day_of_week="6"),
        "args": (5,),
    },
    "prune-old-runs": {
        "task": "ibutsu_server.tasks.db.prune_old_runs",
        "schedule": crontab(minute="0", hour="6", day_of_week="6"),
        "args": (12,),
    },
    "sync-aborted-runs": {
        "task": "ibutsu_server.tasks.runs.sync_aborted_runs",
        "schedule": 30 * 60,
    },
    "prune-old-import-files": {
        "task": "ibutsu_server.tasks.db.prune_old_import_files",
        "schedule": crontab(minute="0", hour="2"),
        "args": (7,),
    },
    "rescue-imports": {
        "task": "ibutsu_server.tasks.importers.rescue_imports",
        "schedule": 5 * 60,
    },
}


def plan_of(**environ: str) -> dict[str, Any]:
    """Return the beat schedule that these variables make."""
    schedule: dict[str, Any] = BeatSettings.from_sources(Sources(environ=environ)).to_celery()[
        "beat_schedule"
    ]
    return schedule


def test_the_default_plan_is_the_documented_one() -> None:
    """Six entries, nothing more, with their schedules and retentions."""
    assert plan_of() == PLAN


def test_schedule_retention_and_switch_come_from_the_environment() -> None:
    """Each part of an entry has a variable of its own."""
    plan = plan_of(
        IBUTSU_BEAT_PRUNE_FILES_SCHEDULE="30 1 * * mon",
        IBUTSU_BEAT_PRUNE_FILES_MONTHS="4",
        IBUTSU_BEAT_PRUNE_RUNS_ENABLED="false",
        IBUTSU_BEAT_SYNC_ABORTED_RUNS_SCHEDULE="60",
    )
    assert plan["prune-old-artifact-files"] == {
        "task": "ibutsu_server.tasks.db.prune_old_files",
        "schedule": crontab(minute="30", hour="1", day_of_week="mon"),
        "args": (4,),
    }
    assert "prune-old-runs" not in plan
    assert plan["sync-aborted-runs"]["schedule"] == 60


def test_any_entry_can_be_switched_off() -> None:
    """Without the entries that are switched off nothing is left."""
    fields = [field for field in BeatSettings.model_fields if field.endswith("_enabled")]
    assert plan_of(**{BeatSettings.names_of(field)[0]: "off" for field in fields}) == {}


def test_a_schedule_in_code_may_be_a_timedelta() -> None:
    """No second of it is lost, however long it is."""
    settings = BeatSettings.hermetic(sync_aborted_runs_schedule=dt.timedelta(days=30, seconds=1))
    assert settings.to_celery()["beat_schedule"]["sync-aborted-runs"]["schedule"] == 2_592_001


def test_the_time_zone_of_the_plan_is_celerys() -> None:
    """CELERY_TIMEZONE says in which zone 04:00 is meant."""
    settings = BeatSettings.from_sources(Sources(environ={"CELERY_TIMEZONE": "Europe/Prague"}))
    assert settings.to_celery()["timezone"] == "Europe/Prague"


FORM = "write five crontab fields (minute hour day-of-month month day-of-week) or a number of seconds"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PRUNE_FILES_MONTHS", "1", "must be a whole number, at least 2, at most 1,200"),
        ("PRUNE_RESULTS_MONTHS", "3", "must be a whole number, at least 4, at most 1,200"),
        ("PRUNE_RUNS_MONTHS", "9", "must be a whole number, at least 10, at most 1,200"),
        ("PRUNE_IMPORT_FILES_DAYS", "0", "must be a whole number, at least 1, at most 36,000"),
        (
            "PRUNE_FILES_MONTHS",
            "5",
            "keeps files for 5 months, as long as results or longer, so foreign keys would stop the prune; "
            "set it below IBUTSU_BEAT_PRUNE_RESULTS_MONTHS, which is 5",
        ),
        (
            "PRUNE_RESULTS_MONTHS",
            "12",
            "keeps results for 12 months, as long as runs or longer, so foreign keys would stop the prune; "
            "set it below IBUTSU_BEAT_PRUNE_RUNS_MONTHS, which is 12",
        ),
        (
            "PRUNE_RUNS_SCHEDULE",
            "0 0 31 2 *",
            "is not a schedule that can fire "
            f"(Invalid crontab: day_of_month '31' never occurs in month_of_year '2'.); {FORM}",
        ),
        (
            "PRUNE_RUNS_SCHEDULE",
            "0 0 *",
            f"is not a schedule that can fire (not enough values to unpack (expected 5, got 3)); {FORM}",
        ),
        ("PRUNE_RUNS_SCHEDULE", "daily", f"is not a schedule; {FORM}"),
        (
            "SYNC_ABORTED_RUNS_SCHEDULE",
            "0",
            "can never fire; give a number of seconds above 0, at most 1,000,000,000",
        ),
        (
            "SYNC_ABORTED_RUNS_SCHEDULE",
            "nan",
            "can never fire; give a number of seconds above 0, at most 1,000,000,000",
        ),
    ],
)
def test_a_plan_that_cannot_work_is_refused(name: str, value: str, sentence: str) -> None:
    """Floors, order, and schedules that never come are told by the variable's name."""
    with pytest.raises(ConfigurationError) as caught:
        plan_of(**{f"IBUTSU_BEAT_{name}": value})
    assert str(caught.value) == f"IBUTSU_BEAT_{name} {sentence}"


def test_retention_in_wrong_order_is_allowed_where_an_entry_is_off() -> None:
    """An entry that never runs keeps no row."""
    assert "prune-old-results" not in plan_of(
        IBUTSU_BEAT_PRUNE_RESULTS_ENABLED="no", IBUTSU_BEAT_PRUNE_FILES_MONTHS="6"
    )


def test_a_time_zone_that_does_not_exist_is_refused() -> None:
    """The sentence names the variable and the form."""
    with pytest.raises(ConfigurationError) as caught:
        plan_of(CELERY_TIMEZONE="Mars/Olympus")
    assert str(caught.value) == (
        "CELERY_TIMEZONE is not a time zone that this machine knows; use an IANA name such as Europe/Prague"
    )
