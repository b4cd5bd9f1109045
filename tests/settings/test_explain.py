"""Show what is explained of one setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings.explain import explain
from ibutsu_server.settings.sources import Sources

if TYPE_CHECKING:
    from pathlib import Path

REACHABLE = {"CELERY_BROKER_URL": "redis://h/0", "SQLALCHEMY_DATABASE_URI": "sqlite://"}


def test_the_first_source_is_in_force_and_the_lower_ones_are_named(tmp_path: Path) -> None:
    """A person sees where else a value is written that does not count."""
    env_file = tmp_path / ".env"
    env_file.write_text("A=1\nCELERY_TASK_MAX_RETRIES=3\n")
    (tmp_path / "celery_task_max_retries").write_text("4")
    environ = {**REACHABLE, "CELERY_TASK_MAX_RETRIES": "2"}
    explained = explain("task_max_retries", Sources({}, environ, env_file, tmp_path))
    assert (explained.value, explained.origin) == (2, "environment variable CELERY_TASK_MAX_RETRIES")
    assert explained.overridden == (
        f"file CELERY_TASK_MAX_RETRIES in {env_file}:2",
        f"file CELERY_TASK_MAX_RETRIES in {tmp_path}/celery_task_max_retries",
    )


def test_a_value_that_stands_nowhere_else_overrides_nothing() -> None:
    """The only source is the one in force."""
    explained = explain(
        "CELERY_TASK_MAX_RETRIES", Sources(environ={**REACHABLE, "CELERY_TASK_MAX_RETRIES": "2"})
    )
    assert explained.overridden == ()


def test_a_setting_is_described_with_its_bounds_and_every_way_to_give_it() -> None:
    """The ways are in the order of the sources; the description is that of the reference."""
    explained = explain("celery_task_max_retries", Sources(environ=REACHABLE))
    assert (explained.accepts, explained.default) == ("a whole number, at least 0, at most 100", "5")
    assert (explained.value, explained.origin) == (5, "default")
    assert explained.meaning.startswith("How often a task that met an unexpected exception is tried again")
    assert explained.names == (
        "argument task_max_retries of FlaskCelerySettings",
        'Flask config CELERY["task_max_retries"]',
        "Flask config CELERY_TASK_MAX_RETRIES",
        "environment variable CELERY_TASK_MAX_RETRIES",
        "CELERY_TASK_MAX_RETRIES in the .env file",
        "file that CELERY_TASK_MAX_RETRIES_FILE names",
        "file celery_task_max_retries in the secrets directory",
    )


@pytest.mark.parametrize(
    ("option", "default", "value"),
    [
        ("task_store_eager_result", "that of Celery", None),
        ("beat_enable_remote_control", "true", True),
    ],
)
def test_a_setting_of_celerys_own_is_explained_too(option: str, default: str, value: object) -> None:
    """Its default is Celery's, but for the few that are ours."""
    explained = explain(option, Sources(environ=REACHABLE))
    assert (explained.name, explained.default) == (f"CELERY_{option.upper()}", default)
    assert (explained.value, explained.origin) == (value, "default")


def test_a_secret_is_not_shown() -> None:
    """The password of a URL is hidden, and its place is named."""
    secret = {**REACHABLE, "CELERY_BROKER_URL": "redis://:hunter2@h/0"}
    explained = explain("broker_url", Sources(environ=secret))
    assert explained.value == "redis://:***@h/0"
    assert "hunter2" not in repr(explained)


def test_a_configuration_that_is_not_valid_has_no_value_in_force() -> None:
    """The faults are named instead; the setting is still described."""
    explained = explain("task_max_retries", Sources(environ={**REACHABLE, "CELERY_TASK_MAX_RETRIES": "101"}))
    assert (explained.value, explained.origin, explained.default) == (None, "", "5")
    assert [str(fault) for fault in explained.faults] == [
        "CELERY_TASK_MAX_RETRIES must be a whole number, at least 0, at most 100"
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("TASK_TIME_LIMT", "TASK_TIME_LIMT is not a setting; did you mean 'CELERY_TASK_TIME_LIMIT'?"),
        ("ibutsu_intake_ulr", "ibutsu_intake_ulr is not a setting; did you mean 'IBUTSU_INTAKE_URL'?"),
        ("weather", "weather is not a setting; 'ibutsu config show' lists them"),
    ],
)
def test_a_misspelt_name_gets_a_suggestion(name: str, message: str) -> None:
    """A name that resembles none is told how to find the right one."""
    with pytest.raises(ConfigurationError) as refused:
        explain(name, Sources(environ=REACHABLE))
    assert str(refused.value) == message
