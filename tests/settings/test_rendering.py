"""Show how settings and faults are put into words."""

from __future__ import annotations

import json

from ibutsu_server.exceptions import Fault
from ibutsu_server.settings import BeatSettings, BrokerSettings, FlaskCelerySettings, Sources, rendering

FAULTS = (Fault("CELERY_BROKER_URL", "must be set"), Fault('CELERY["include"]', "is empty"))


def shown(settings: BrokerSettings | BeatSettings) -> dict[str, tuple[object, str]]:
    """Give the value and the source of each setting by its name, as they go into a table or into JSON."""
    values = json.loads(json.dumps([value._asdict() for value in rendering.effective_values(settings)]))
    return {value["name"]: (value["value"], value["origin"]) for value in values}


def test_text_has_a_line_for_each_fault() -> None:
    """The name that was typed opens the line."""
    assert rendering.as_text(FAULTS) == 'CELERY_BROKER_URL must be set\nCELERY["include"] is empty'


def test_an_annotation_escapes_what_would_end_it() -> None:
    """Per cent signs and line ends are escaped in the message; colons and commas in the title as well."""
    fault = Fault("a:b,c", "is 100%\r\nwrong: here, there")
    assert rendering.as_github([fault], "error") == (
        "::error title=a%3Ab%2Cc::a:b,c is 100%25%0D%0Awrong: here, there"
    )


def test_each_annotation_has_a_line_and_none_is_nothing() -> None:
    """Two faults are two lines of the level that was asked for; no fault is no output."""
    assert rendering.as_github(FAULTS, "warning").splitlines() == [
        "::warning title=CELERY_BROKER_URL::CELERY_BROKER_URL must be set",
        '::warning title=CELERY["include"]::CELERY["include"] is empty',
    ]
    assert rendering.as_github([], "warning") == ""


def test_json_is_valid_unless_there_is_a_fault() -> None:
    """A warning alone leaves the configuration valid."""
    nowhere = {"file": None, "line": None}
    faulty = {"name": "CELERY_BROKER_URL", "problem": "must be set", **nowhere}
    warning = {"name": 'CELERY["include"]', "problem": "is empty", **nowhere}
    assert json.loads(rendering.as_json(FAULTS[:1], FAULTS[1:])) == {
        "valid": False,
        "checked": [],
        "faults": [faulty],
        "warnings": [warning],
        "notes": [],
    }
    assert json.loads(rendering.as_json([], FAULTS[1:]))["valid"] is True


def test_every_kind_of_source_is_told() -> None:
    """Argument, Flask config, environment and default are named with what the user typed."""
    sources = Sources(
        flask_config={"CELERY": {"broker_url": "redis://flask/0"}, "CELERY_TASK_MAX_RETRIES": 7},
        environ={"SQLALCHEMY_DATABASE_URI": "sqlite://", "CELERY_RESULT_BACKEND_URL": "redis://old/0"},
    )
    values = shown(FlaskCelerySettings.from_sources(sources, redis_socket_timeout=9))
    assert values["CELERY_BROKER_URL"] == ("redis://flask/0", 'Flask config CELERY["broker_url"]')
    assert values["CELERY_TASK_MAX_RETRIES"] == (7, "Flask config CELERY_TASK_MAX_RETRIES")
    assert values["CELERY_RESULT_BACKEND"] == (
        "redis://old/0",
        "environment variable CELERY_RESULT_BACKEND_URL",
    )
    assert values["CELERY_REDIS_SOCKET_TIMEOUT"] == (9, "argument redis_socket_timeout")
    assert values["CELERY_TASK_TIME_LIMIT"] == (7200, "default")


def test_a_setting_of_celerys_own_has_a_row_like_the_others() -> None:
    """What passes through to Celery is shown by its environment name, with its source."""
    environ = {
        "CELERY_BROKER_URL": "redis://a/0",
        "SQLALCHEMY_DATABASE_URI": "sqlite://",
        "CELERY_WORKER_CONCURRENCY": "3",
    }
    values = shown(FlaskCelerySettings.from_sources(Sources(environ=environ)))
    assert values["CELERY_WORKER_CONCURRENCY"] == (3, "environment variable CELERY_WORKER_CONCURRENCY")
    assert "CELERY_CELERY" not in values


def test_no_row_shows_a_secret() -> None:
    """Passwords are hidden in URLs, in nested options and in the settings that pass through."""
    settings = FlaskCelerySettings.hermetic(
        broker_url="redis://:hunter2@a/0",
        sqlalchemy_database_uri="postgresql://u:hunter2@h/d",
        broker_transport_options={"sentinel_kwargs": {"password": "hunter2"}},
        celery={"security_key_password": "hunter2", "database_engine_options": {"password": "hunter2"}},
    )
    values = shown(settings)
    assert "hunter2" not in json.dumps(values)
    assert values["CELERY_BROKER_URL"][0] == "redis://:***@a/0"
    assert values["CELERY_SECURITY_KEY_PASSWORD"][0] == "***"
    assert values["CELERY_DATABASE_ENGINE_OPTIONS"][0] == {"password": "***"}
