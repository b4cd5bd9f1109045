"""Show what worker and scheduler are configured with, and the accidents that are stopped."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from kombu import Queue

from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings import FlaskCelerySettings, Sources
from ibutsu_server.settings.flask_celery import TASK_MODULES

REACHABLE = {"CELERY_BROKER_URL": "redis://broker/0", "SQLALCHEMY_DATABASE_URI": "sqlite://"}


def load(celery: dict[str, Any] | None = None, /, **environ: str) -> FlaskCelerySettings:
    """Load settings from a CELERY dictionary and from environment variables."""
    return FlaskCelerySettings.from_sources(
        Sources(flask_config={"CELERY": celery or {}}, environ={**REACHABLE, **environ})
    )


def faults_of(celery: dict[str, Any] | None = None, /, **environ: str) -> list[str]:
    """Return the sentences with which these are refused."""
    with pytest.raises(ConfigurationError) as caught:
        load(celery, **environ)
    return str(caught.value).splitlines()


TRUE_OR_FALSE = "must be true or false (or yes and no, on and off, 1 and 0)"


def test_the_defaults_survive_a_broker_that_dies() -> None:
    """Late acknowledgement, no prefetching, cancelled work and JSON only, out of the box."""
    celery = load().to_celery()
    assert celery["include"] == TASK_MODULES
    assert celery["worker_disable_prefetch"] is True
    assert celery["worker_prefetch_multiplier"] == 1
    assert celery["task_acks_late"] is True
    assert celery["task_reject_on_worker_lost"] is True
    assert celery["worker_cancel_long_running_tasks_on_connection_loss"] is False
    assert celery["broker_connection_retry_on_startup"] is True
    assert celery["accept_content"] == ("json",)
    assert celery["broker_transport_options"]["visibility_timeout"] > celery["task_time_limit"]


def test_only_celerys_own_names_reach_celery() -> None:
    """What is ours, such as the retry bound or the database, is not handed to Celery."""
    assert not {"task_max_retries", "sqlalchemy_database_uri", "celery"} & load().to_celery().keys()


@pytest.mark.parametrize(
    ("celery", "environ", "sentence"),
    [
        (
            None,
            {"CELERY_TASK_TIME_LIMIT": "abc"},
            "CELERY_TASK_TIME_LIMIT must be a number, above 0, at most 1,000,000,000",
        ),
        (None, {"CELERY_RESULT_EXPIRES": "soon"}, "CELERY_RESULT_EXPIRES must be a number of at least 0"),
        (
            None,
            {"CELERY_WORKER_MAX_TASKS_PER_CHILD": "1.5"},
            "CELERY_WORKER_MAX_TASKS_PER_CHILD must be a whole number of at least 1",
        ),
        (
            None,
            {"CELERY_TASK_TRACK_STARTED": "maybe"},
            f"CELERY_TASK_TRACK_STARTED {TRUE_OR_FALSE}",
        ),
        (
            {"worker_max_tasks_per_child": 1.5},
            {},
            'CELERY["worker_max_tasks_per_child"] must be a whole number of at least 1',
        ),
        (
            None,
            {"CELERY_WORKER_CONCURRENCY": "abc"},
            "CELERY_WORKER_CONCURRENCY must be a whole number of at least 1, or auto",
        ),
        (
            {"worker_concurrency": -1},
            {},
            'CELERY["worker_concurrency"] must be a whole number of at least 1, or auto',
        ),
        ({"task_track_started": "maybe"}, {}, f'CELERY["task_track_started"] {TRUE_OR_FALSE}'),
        ({"task_default_queue": 5}, {}, 'CELERY["task_default_queue"] must be text'),
        (
            {"database_table_names": "x"},
            {},
            'CELERY["database_table_names"] must be a dictionary; as text, a JSON object such as {"key": 1}',
        ),
        (
            {"imports": 5},
            {},
            'CELERY["imports"] must be a list; as text, its items with commas between them or a JSON array',
        ),
        (
            {"broker_ulr": "x"},
            {},
            "CELERY[\"broker_ulr\"] is not a Celery setting; did you mean 'broker_url'?",
        ),
        (
            {"frobnicate": 1},
            {},
            'CELERY["frobnicate"] is not a Celery setting; see the Celery documentation for the names',
        ),
        (
            {"accept_content": ["json", "pickle"]},
            {},
            'CELERY["accept_content"] must be json: pickle and yaml let anyone who can write to the broker '
            "run code in the worker",
        ),
        (
            None,
            {"CELERY_TASK_SERIALIZER": "pickle"},
            "CELERY_TASK_SERIALIZER must be json: pickle and yaml let anyone who can write to the broker "
            "run code in the worker",
        ),
        (
            {"event_serializer": "pickle"},
            {},
            'CELERY["event_serializer"] must be json: pickle and yaml let anyone who can write to the broker '
            "run code in the worker",
        ),
        (
            None,
            {"CELERY_TASK_SOFT_TIME_LIMIT": "8000", "CELERY_TASK_TIME_LIMIT": "7200"},
            "CELERY_TASK_SOFT_TIME_LIMIT is 8000 s, above CELERY_TASK_TIME_LIMIT, which is 7200 s, "
            "so it never acts; lower it",
        ),
        (
            None,
            {"CELERY_BROKER_VISIBILITY_TIMEOUT": "7200", "CELERY_TASK_TIME_LIMIT": "7200"},
            "CELERY_BROKER_VISIBILITY_TIMEOUT gives a visibility timeout of 7200 s, not longer than "
            "CELERY_TASK_TIME_LIMIT, which is 7200 s: a long import would be delivered twice; "
            "raise it above the time limit",
        ),
        (
            {"broker_transport_options": {"visibility_timeout": 3600}, "task_time_limit": 3700},
            {},
            'CELERY["broker_transport_options"] gives a visibility timeout of 3600 s, not longer than '
            "CELERY_TASK_TIME_LIMIT, which is 3700 s: a long import would be delivered twice; "
            "raise it above the time limit",
        ),
        (
            None,
            {"CELERY_TASK_RETRY_BACKOFF_MAX": "20000", "CELERY_BROKER_VISIBILITY_TIMEOUT": "20000"},
            "CELERY_BROKER_VISIBILITY_TIMEOUT gives a visibility timeout of 20000 s, not longer than "
            "CELERY_TASK_RETRY_BACKOFF_MAX, which is 20000 s: a waiting retry would be delivered twice; "
            "raise it above the longest wait",
        ),
        (
            None,
            {"CELERY_TASK_MAX_RETRIES": "none"},
            "CELERY_TASK_MAX_RETRIES must be a whole number, at least 0, at most 100",
        ),
        (
            None,
            {"CELERY_TASK_MAX_RETRIES": "-1"},
            "CELERY_TASK_MAX_RETRIES must be a whole number, at least 0, at most 100",
        ),
        (
            None,
            {"CELERY_BEAT_SCHEDULE": '{"nightly": 1}'},
            "CELERY_BEAT_SCHEDULE has the entry nightly, which lacks a part; "
            'write {"task": ..., "schedule": ...}',
        ),
    ],
)
def test_an_accident_is_stopped(
    celery: dict[str, Any] | None, environ: dict[str, str], sentence: str
) -> None:
    """Each fault is one sentence: the name that was typed, the fault, the remedy."""
    assert faults_of(celery, **environ) == [sentence]


def test_early_acknowledgement_needs_no_long_visibility_timeout() -> None:
    """A message that is acknowledged before the work is not delivered again."""
    assert (
        load(CELERY_TASK_ACKS_LATE="false", CELERY_BROKER_VISIBILITY_TIMEOUT="3600").visibility_timeout
        == 3600
    )


def test_faults_of_fields_of_options_and_between_fields_come_together() -> None:
    """The list is whole, whatever kind each fault is of."""
    with pytest.raises(ConfigurationError) as caught:
        FlaskCelerySettings.from_sources(
            Sources(
                flask_config={
                    "CELERY": {"broker_ulr": "x", "task_soft_time_limit": 9000, "task_time_limit": 8000}
                },
                environ={"CELERY_RESULT_EXPIRES": "soon"},
            )
        )
    assert {fault.name for fault in caught.value.faults} == {
        "CELERY_BROKER_URL",
        "CELERY_RESULT_EXPIRES",
        'CELERY["broker_ulr"]',
        "SQLALCHEMY_DATABASE_URI",
        'CELERY["task_soft_time_limit"]',
    }


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("WORKER_MAX_MEMORY_PER_CHILD", "200000", 200_000),
        ("RESULT_EXPIRES", "3600.5", 3600.5),
        ("TASK_TRACK_STARTED", "yes", True),
        ("WORKER_SEND_TASK_EVENTS", "off", False),
        ("TASK_DEFAULT_QUEUE", "imports", "imports"),
        ("IMPORTS", "a, b", ("a", "b")),
        ("IMPORTS", '["a", "b"]', ("a", "b")),
        ("TASK_PUBLISH_RETRY_POLICY", '{"max_retries": 1}', {"max_retries": 1}),
    ],
)
def test_text_from_the_environment_becomes_the_type_of_celerys_table(
    name: str, text: str, value: object
) -> None:
    """A Celery setting reaches Celery as number, truth, list or dictionary."""
    assert load(**{f"CELERY_{name}": text}).to_celery()[name.lower()] == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("task_queues", (Queue("imports"),)),
        ("result_expires", dt.timedelta(days=2)),
        ("worker_concurrency", "auto"),
        ("result_chord_expires", None),
    ],
)
def test_what_celery_documents_beyond_its_table_is_accepted(name: str, value: object) -> None:
    """Queues, timedeltas and None pass as they are."""
    assert load({name: value}).to_celery()[name] == value


def test_an_old_upper_case_name_is_read_with_a_warning() -> None:
    """CELERYD_CONCURRENCY still counts, and says its present name."""
    settings = load({"CELERYD_CONCURRENCY": 3})
    assert settings.celery["worker_concurrency"] == 3
    assert list(map(str, settings.warnings)) == [
        'CELERY["CELERYD_CONCURRENCY"] is an older name; write CELERY["worker_concurrency"]'
    ]


def test_the_new_lower_case_name_wins_over_the_old_one() -> None:
    """Mixed names say which one counts and why."""
    settings = load({"CELERYD_CONCURRENCY": 3, "worker_concurrency": 7})
    assert settings.celery["worker_concurrency"] == 7
    assert list(map(str, settings.warnings)) == [
        'CELERY["CELERYD_CONCURRENCY"] is ignored: CELERY["worker_concurrency"] is set too, '
        "and the newer name wins because it is the documented one"
    ]


def test_a_secret_that_passes_through_shows_nowhere_but_in_celery() -> None:
    """Passwords in other Celery settings are as hidden as ours."""
    settings = load({"redis_password": "hunter2", "broker_read_url": "redis://:hunter2@h/0"})
    assert "hunter2" not in f"{settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert settings.to_celery()["redis_password"] == "hunter2"  # noqa: S105 - a password of this test
