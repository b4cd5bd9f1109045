"""Show how the settings that pass through to Celery are read and checked."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any, Final

import pytest
from celery.schedules import schedule as celery_schedule

from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings import FlaskCelerySettings, Sources
from ibutsu_server.settings.celery_table import convert
from ibutsu_server.settings.options import Options
from tests.settings.test_celery_options import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable

REACHABLE: Final = {"CELERY_BROKER_URL": "redis://broker/0", "SQLALCHEMY_DATABASE_URI": "sqlite://"}


def read(celery: dict[str, Any] | None = None, /, **environ: str) -> dict[str, Any]:
    """Return Celery's configuration of a CELERY dictionary and variables without their prefix."""
    variables = {f"CELERY_{name}": value for name, value in environ.items()}
    sources = Sources(flask_config={"CELERY": celery or {}}, environ={**REACHABLE, **variables})
    return FlaskCelerySettings.from_sources(sources).to_celery()


def fault_of(celery: dict[str, Any] | None = None, /, **environ: str) -> str:
    """Return the sentence with which these are refused."""
    with pytest.raises(ConfigurationError) as caught:
        read(celery, **environ)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("TASK_ROUTES", '{"x": {"queue": "q"}}', {"x": {"queue": "q"}}),
        ("TASK_ROUTES", ' [["x.*", {"queue": "q"}]]', (("x.*", {"queue": "q"}),)),
        ("TASK_ROUTES", "own.routers.Router", "own.routers.Router"),
        ("TASK_ANNOTATIONS", '{"*": {"rate_limit": "10/s"}}', {"*": {"rate_limit": "10/s"}}),
        ("TASK_QUEUES", '{"q": {"exchange": "q"}}', {"q": {"exchange": "q"}}),
        ("TASK_DEFAULT_PRIORITY", "3", 3),
        ("BROKER_HEARTBEAT_CHECKRATE", "2.5", 2.5),
        ("WORKER_CONCURRENCY", "auto", "auto"),
        ("WORKER_CONCURRENCY", "1", 1),
        ("RESULT_CACHE_MAX", "-1", -1),
        ("WORKER_MAX_TASKS_PER_CHILD", "1", 1),
        ("WORKER_MAX_MEMORY_PER_CHILD", "1000000000000", 10**12),
        ("RESULT_EXPIRES", "0", 0),
        ("TASK_TRACK_STARTED", " Yes ", True),
        ("TASK_TRACK_STARTED", "0", False),
    ],
)
def test_text_is_read_as_the_type_of_the_setting(name: str, text: str, value: object) -> None:
    """Text that looks like JSON is JSON where the type is open, and other text is kept there."""
    assert read(**{name: text})[name.lower()] == value


WHOLE: Final = "must be a whole number of at least"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        (
            "TASK_ROUTES",
            '{"x": ',
            'looks like JSON and is not; write a JSON object such as {"key": 1}, or a JSON array',
        ),
        (
            "TASK_ANNOTATIONS",
            "[NaN]",
            'looks like JSON and is not; write a JSON object such as {"key": 1}, or a JSON array',
        ),
        ("TASK_ROUTES", '{"a":' * 63 + "1" + "}" * 63, ""),
        ("TASK_ROUTES", '{"a":' * 64 + "1" + "}" * 64, "is nested more than 64 levels deep; make it flatter"),
        (
            "TASK_ROUTES",
            '{"a": "\\ud800"}',
            "holds a lone surrogate, which is half a character; write the whole character",
        ),
        ("TASK_QUEUES", "q", 'must be a dictionary; as text, a JSON object such as {"key": 1}'),
        (
            "IMPORTS",
            '{"a": 1}',
            "must be a list; as text, its items with commas between them or a JSON array",
        ),
        ("RESULT_EXPIRES", "inf", "must be a number of at most 1,000,000,000,000"),
        ("RESULT_EXPIRES", "nan", "must be a number of at least 0"),
        ("RESULT_EXPIRES", "-1", "must be a number of at least 0"),
        ("WORKER_CONCURRENCY", "0", f"{WHOLE} 1, or auto"),
        ("WORKER_CONCURRENCY", "-3", f"{WHOLE} 1, or auto"),
        ("WORKER_CONCURRENCY", "many", f"{WHOLE} 1, or auto"),
        ("WORKER_MAX_TASKS_PER_CHILD", "-1", f"{WHOLE} 1"),
        ("WORKER_MAX_TASKS_PER_CHILD", "0", f"{WHOLE} 1"),
        ("WORKER_MAX_MEMORY_PER_CHILD", "0", f"{WHOLE} 1"),
        ("REDIS_MAX_CONNECTIONS", "0", f"{WHOLE} 1"),
        ("RESULT_CACHE_MAX", "-2", f"{WHOLE} -1"),
        ("BROKER_POOL_LIMIT", "-1", f"{WHOLE} 0"),
        ("BROKER_POOL_LIMIT", "1000000000001", "must be a whole number of at most 1,000,000,000,000"),
        ("BROKER_POOL_LIMIT", "9" * 5000, f"{WHOLE} 0"),
        ("TASK_TRACK_STARTED", "maybe", "must be true or false (or yes and no, on and off, 1 and 0)"),
        (
            "RESULT_ACCEPT_CONTENT",
            "json,pickle",
            "must be json: pickle and yaml let anyone who can write to the broker run code in the worker",
        ),
    ],
)
def test_text_of_another_type_is_refused(name: str, text: str, sentence: str) -> None:
    """The sentence says what is accepted."""
    if sentence:
        assert fault_of(**{name: text}) == f"CELERY_{name} {sentence}"
    else:
        assert read(**{name: text})


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("task_track_started", 2, "must be true or false (or yes and no, on and off, 1 and 0)"),
        ("task_track_started", [True], "must be true or false (or yes and no, on and off, 1 and 0)"),
        ("worker_max_tasks_per_child", True, f"{WHOLE} 1"),
        ("worker_max_tasks_per_child", 10.5, f"{WHOLE} 1"),
        ("result_expires", 10**400, "must be a number of at most 1,000,000,000,000"),
        ("worker_max_tasks_per_child", 10**400, "must be a whole number of at most 1,000,000,000,000"),
        ("timezone", "Europe/Prague", "is a field of BeatSettings; give it there, as timezone=..."),
        ("broker_url", "redis://a/0", "is a field of FlaskCelerySettings; give it as broker_url=..."),
        ("celery", {}, "is a field of FlaskCelerySettings; give it as celery=..."),
        ("worker_concurency", 3, "is not a Celery setting; did you mean 'worker_concurrency'?"),
    ],
)
def test_an_argument_is_refused_by_the_name_that_was_typed(name: str, value: Any, sentence: str) -> None:
    """An option is named as it is written in ``celery={...}``."""
    options: Any = {name: value}
    with pytest.raises(ConfigurationError) as caught:
        FlaskCelerySettings.hermetic(
            broker_url="redis://a/0", sqlalchemy_database_uri="sqlite://", celery=options
        )
    assert str(caught.value) == f'celery["{name}"] {sentence}'


class Mute:
    """An object that can neither be shown nor compared."""

    def __repr__(self) -> str:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]  # it cannot be a key, either


@pytest.mark.parametrize("kind", [Mute, lambda: 10**5000, lambda: True, lambda: 1.0, lambda: ["1"]])
def test_a_choice_is_text_or_a_whole_number(kind: Callable[[], Any]) -> None:
    """Whatever else is given is refused with the choices; it is neither shown nor compared."""
    assert fault_of({"task_protocol": kind()}) == 'CELERY["task_protocol"] must be one of 1, 2'


def test_no_second_of_a_timedelta_is_lost() -> None:
    """A duration is a timedelta where Celery takes one."""
    duration = dt.timedelta(days=30, seconds=1)
    assert read({"result_expires": duration})["result_expires"] == duration


def test_every_default_of_celerys_is_accepted() -> None:
    """What applies without a setting can be written down; only infinity is written by leaving it out."""
    defaults = {name: option.default for name, option in TABLE.items() if option.default != math.inf}
    converted = {name: convert(name, default) for name, default in defaults.items()}
    assert Options(converted) == Options(defaults)


@pytest.mark.parametrize(
    ("schedule", "read_as"),
    [("60", 60), ("0.5", 0.5), ('"0 4 * * 6"', "<crontab: 0 4 * * 6 (m/h/dM/MY/d)>"), ('"90"', 90)],
)
def test_the_schedule_of_an_entry_is_read_from_text(schedule: str, read_as: Any) -> None:
    """JSON has no crontab, so five fields in a text are one."""
    entry = read(BEAT_SCHEDULE=f'{{"a": {{"task": "t", "schedule": {schedule}, "args": [1]}}}}')[
        "beat_schedule"
    ]["a"]
    assert entry["task"] == "t"
    assert entry["args"] == (1,)
    assert entry["schedule"] == read_as or repr(entry["schedule"]) == read_as


FORM: Final = "write five crontab fields (minute hour day-of-month month day-of-week) or a number of seconds"


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("1", 'which lacks a part; write {"task": ..., "schedule": ...}'),
        ('{"task": "t"}', 'which lacks a part; write {"task": ..., "schedule": ...}'),
        ('{"schedule": 1}', 'which lacks a part; write {"task": ..., "schedule": ...}'),
        ('{"task": 1, "schedule": 1}', "whose task is not the name of a task; write it as text"),
        ('{"task": "t", "schedule": "daily"}', f"whose schedule is not a schedule; {FORM}"),
        ('{"task": "t", "schedule": null}', f"whose schedule is not a schedule; {FORM}"),
        ('{"task": "t", "schedule": [1]}', f"whose schedule is not a schedule; {FORM}"),
        (
            '{"task": "t", "schedule": 0}',
            "whose schedule can never fire; give a number of seconds above 0, at most 1,000,000,000",
        ),
        (
            '{"task": "t", "schedule": 1000000001}',
            "whose schedule can never fire; give a number of seconds above 0, at most 1,000,000,000",
        ),
    ],
)
def test_an_entry_that_beat_cannot_use_is_refused(entry: str, problem: str) -> None:
    """Beat itself would fail at its start, or never send the task."""
    assert fault_of(BEAT_SCHEDULE=f'{{"nightly": {entry}}}') == (
        f"CELERY_BEAT_SCHEDULE has the entry nightly, {problem}"
    )


def test_the_schedule_of_an_entry_may_be_an_object() -> None:
    """A timedelta and a schedule of Celery's own pass as they are."""
    for schedule in (dt.timedelta(days=30, seconds=1), celery_schedule(60)):
        entries = {"a": {"task": "t", "schedule": schedule}}
        assert read({"beat_schedule": entries})["beat_schedule"] == entries
