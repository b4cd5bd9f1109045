"""Show that the JSON Schema of an environment judges as the settings do."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from ibutsu_server.cli import main
from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings import Origin, Sources
from ibutsu_server.settings.celery_options import CeleryOptions
from ibutsu_server.settings.describe import describe_group
from ibutsu_server.settings.origins import Found
from ibutsu_server.settings.server import ServerSettings, read_role
from ibutsu_server.settings.sources import read_env_file
from ibutsu_server.settings.template import template
from ibutsu_server.settings.tree import parts_of, roles_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLES: Final = roles_of(ServerSettings)
VALID: Final = {"CELERY_BROKER_URL": "redis://redis", "SQLALCHEMY_DATABASE_URI": "sqlite://"}


@cache
def schema(role: str = "worker") -> dict[str, Any]:
    """Return what the command prints."""
    result = CliRunner().invoke(main, ["config", "schema", "--role", role])
    assert result.exit_code == 0
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


@cache
def validator(role: str = "worker") -> Draft202012Validator:
    """Return a validator of the environment of a role."""
    return Draft202012Validator(schema(role))


def is_valid(environment: dict[str, Any], role: str = "worker") -> bool:
    """Tell what the schema says about an environment."""
    return bool(validator(role).is_valid(environment))


def is_right(environment: dict[str, Any]) -> bool:
    """Tell what the settings say about the values of an environment, each by itself."""
    variables = {
        name: Found(json.dumps(value) if not isinstance(value, str) else value, Origin("file", name, "f", 1))
        for name, value in environment.items()
    }
    try:
        # An environment that has more than this contradicts nothing.
        read_role("worker", Sources(deployed=variables, is_complete=False))
    except ConfigurationError:
        return False
    return True


@pytest.mark.parametrize("role", ROLES)
def test_the_schema_is_one_of_its_dialect(role: str) -> None:
    """Checked against the schema of schemas of draft 2020-12."""
    assert schema(role)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema(role))


@pytest.mark.parametrize("role", ROLES)
def test_every_setting_of_the_role_is_a_property(role: str) -> None:
    """With its meaning; the older names are deprecated."""
    properties = schema(role)["properties"]
    for part in parts_of(ServerSettings, role).values():
        for setting in describe_group(part):
            described = properties[setting.name]
            assert described["description"] == f"{setting.sentences} Takes {setting.accepts}."
            assert "deprecated" not in described
            for older in setting.older_names:
                assert properties[older]["deprecated"] is True
                assert properties[older]["anyOf"] == described["anyOf"]
                assert properties[older]["description"].startswith(f"Older name of {setting.name}. ")


def test_every_setting_of_celery_is_a_property() -> None:
    """Of a worker and a scheduler, which pass them on; Flower does not."""
    names = {f"CELERY_{option.upper()}" for option in CeleryOptions.__annotations__}
    for role in ("worker", "scheduler"):
        assert names <= schema(role)["properties"].keys()
    assert "CELERY_RESULT_EXPIRES" not in schema("flower")["properties"]
    described = schema()["properties"]["CELERY_WORKER_POOL_START_METHOD"]
    assert described["description"].startswith("How prefork starts child processes")
    assert described["examples"] == ["fork", "spawn"]


@pytest.mark.parametrize("role", ROLES)
def test_every_default_and_example_is_valid(role: str) -> None:
    """What an editor inserts is right."""
    for name, described in schema(role)["properties"].items():
        for value in [
            *described.get("examples", ()),
            *([described["default"]] if "default" in described else []),
        ]:
            assert validator(role).evolve(schema={**described, "$defs": schema()["$defs"]}).is_valid(value), (
                name
            )


@pytest.mark.parametrize("role", ROLES)
def test_the_template_of_a_role_is_valid(role: str) -> None:
    """As it is, and with every line in use."""
    text = template(ServerSettings, role, "env")
    for each in (text, text.replace("\n#", "\n").replace("\n ", "\n# ")):
        variables, faults = read_env_file(each, "f")
        assert len(variables) >= 1
        assert is_valid({name: found.value for name, found in variables.items()}, role)
        assert each is not text or not faults


VALUES: Final = (
    *("", "0", "1", "5", "100", "101", "65535", "65536", "100000", "-1", "1.5", "1e3", "nan", "inf", "0x5"),
    *("true", "TRUE", "off", "abc", "auto", "none", "required", "{}", '{"a": 1}', "[]", "{", "a,b"),
    *("json", "json,json", "pickle", "application/json", "redis://h", "rediss://h/0", "amqp://h"),
    *("sqlite://", "postgresql://u:p@h/d", "mysql://h", "0 4 * * 6", "* * *", "tcp://10.0.0.1:5432"),
    *(0, 1, 5, 101, 65536, -1, 1.5, True, False),
)


def kinds() -> Iterator[str]:
    """Yield the name of one setting for each way in which a value is described."""
    seen = set()
    for name, described in schema()["properties"].items():
        kind = json.dumps(described.get("anyOf", described.get("type")))
        if kind not in seen:
            seen.add(kind)
            yield name


def takes(described: dict[str, Any], value: float | str) -> bool:
    """Tell whether a setting may have a value of this type; what is text must be written as text."""
    values = described.get("anyOf", [{"type": "string"}])
    takes_truth = {"$ref": "#/$defs/boolean"} in values
    takes_numbers = any(each.get("type") in ("integer", "number") for each in values)
    if isinstance(value, bool):
        return takes_truth
    return isinstance(value, str) or takes_numbers or (takes_truth and value in (0, 1))


@pytest.mark.parametrize("name", sorted({*kinds()} - {"CELERY_TIMEZONE"}))
def test_a_value_is_judged_as_the_setting_does(name: str) -> None:
    """For each kind of setting but the time zone, whose names are those of the machine.

    A place with more settings keeps both from asking for what must be set.
    """
    for value in VALUES:
        expected = takes(schema()["properties"][name], value) and is_right({**VALID, name: value})
        assert is_valid({"IBUTSU_SECRETS_DIR": "/x", **VALID, name: value}) is expected, value


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"CELERY_BROKER_URL": ""}, False),
        ({"CELERY_BROKER_URL": "", "CELERY_BROKER_URL_FILE": "/x"}, True),
        ({"CELERY_BROKER_URL": None}, False),
        ({"SQLALCHEMY_DATABASE_URI": ""}, False),
        ({"SQLALCHEMY_DATABASE_URI": "", "SQLALCHEMY_DATABASE_URI_FILE": "/x"}, True),
        ({"SQLALCHEMY_DATABASE_URI": "", "POSTGRESQL_HOST": "h"}, False),
        ({"SQLALCHEMY_DATABASE_URI": "", "POSTGRESQL_HOST": "h", "POSTGRESQL_DATABASE": "d"}, True),
        ({"SQLALCHEMY_DATABASE_URI": "", "POSTGRES_HOST": "h", "POSTGRES_DATABASE_FILE": "/x"}, True),
        ({"SQLALCHEMY_DATABASE_URI": "", "POSTGRESQL_HOST": "", "POSTGRESQL_DATABASE": "d"}, False),
        ({"CELERY_BROKER_URL": "", "IBUTSU_SECRETS_DIR": "/x", "SQLALCHEMY_DATABASE_URI": ""}, True),
        ({"CELERY_BROKER_URL": "", "IBUTSU_ENV_FILE": "/x", "SQLALCHEMY_DATABASE_URI": ""}, True),
    ],
)
def test_what_must_be_set_is_required(changes: dict[str, str | None], expected: bool) -> None:
    """By any of its names, or in a secret file; a place of settings may have it."""
    environment = {name: value for name, value in {**VALID, **changes}.items() if value is not None}
    assert is_valid(environment) is expected


def test_a_variable_that_is_missing_counts_as_one_that_is_empty() -> None:
    """An empty environment lacks broker and database, and Flower's only the broker."""
    assert not is_valid({})
    assert not is_valid({}, "flower")
    assert is_valid({"CELERY_BROKER_URL": "redis://redis"}, "flower")
    assert not is_valid({"CELERY_BROKER_URL": "redis://redis"})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("HOME", True),
        ("POSTGRES_DB", True),
        ("IBUTSU_TOKEN", True),
        ("IBUTSU_PORT_8080_TCP_ADDR", True),
        ("CELERY_FLOWER_SERVICE_HOST", True),
        ("CELERY_WORKER_LOGLEVEL", True),
        ("CELERY_BIN", True),
        ("CELERY_RESULT_BACKEND_FILE", True),
        ("FLOWER_PERSISTENT", True),
        ("CELERY_TASK_TIME_LIMITS", False),
        ("CELERYD_CONCURRENCY", True),
        ("IBUTSU_BEAT_PRUNE_RUNS_SHEDULE", False),
        ("CELERY_RESULT_BACKENDS_FILE", False),
        ("CELERY_WORKER_LOGLEVELS", False),
    ],
)
def test_a_name_that_looks_like_ours_is_ours(name: str, expected: bool) -> None:
    """Or that of a program we know; all other names are none of our business."""
    assert is_valid({**VALID, name: "5"}) is expected


@pytest.mark.parametrize(
    ("value", "expected"), [("x", True), (5, True), (True, True), (None, False), ([], False)]
)
def test_a_foreign_variable_has_a_value_that_can_be_written_as_text(value: object, expected: bool) -> None:
    """A list is no variable of an environment."""
    assert is_valid({**VALID, "OTHER": value}) is expected


def test_settings_of_another_role_are_left_alone() -> None:
    """An environment may be shared by all roles."""
    assert is_valid({**VALID, "FLOWER_PORT": "5555"})
    assert not is_valid({"CELERY_BROKER_URL": "redis://redis", "FLOWER_PORT": "x"}, "flower")
