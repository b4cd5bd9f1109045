"""Show how the whole tree of settings is given and read, and that nothing given is lost."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from pydantic import ValidationError

from ibutsu_server.app import create_app
from ibutsu_server.celery_utils import create_broker_celery_app, create_flask_celery_app
from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings import (
    BeatSettings,
    BrokerSettings,
    DatabaseSettings,
    FlaskCelerySettings,
    FlowerSettings,
    ImportSettings,
    PruneSettings,
    ServerSettings,
    Sources,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ibutsu_server.settings.base import SettingsGroup

REACHABLE = {"CELERY_BROKER_URL": "redis://read/0", "SQLALCHEMY_DATABASE_URI": "sqlite://"}
READ = {
    **REACHABLE,
    "CELERY_TASK_MAX_RETRIES": "7",
    "IBUTSU_BEAT_PRUNE_RUNS_MONTHS": "70",
    "IBUTSU_IMPORT_MAX_CASES": "7",
    "IBUTSU_PRUNE_BATCH_SIZE": "7",
}
CELERY = FlaskCelerySettings.hermetic(
    broker_url="redis://given/0", sqlalchemy_database_uri="sqlite://", task_max_retries=3
)
BEAT = BeatSettings.hermetic(prune_runs_months=30)
IMPORTS = ImportSettings.hermetic(max_cases=3)
PRUNE = PruneSettings.hermetic(batch_size=3)
DEFAULTS = {"celery": 5, "beat": 12, "imports": 1_000_000, "prune": 10_000}
NUMBERS_READ = {"celery": 7, "beat": 70, "imports": 7, "prune": 7}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def readable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a variable of each group."""
    for name, value in READ.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def poisoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make environment, ``.env`` file and secrets directory such that whoever reads them fails."""
    secrets = tmp_path / "poisoned"
    secrets.mkdir()
    (secrets / "ibutsu_import_max_cases").write_text("poison")
    (tmp_path / ".env").write_text("IBUTSU_PRUNE_BATCH_SIZE=poison\nFLOWER_PORT=poison\nno assignment\n")
    monkeypatch.setenv("IBUTSU_SECRETS_DIR", str(secrets))
    monkeypatch.setenv("CELERY_BROKER_URL_FILE", "/nowhere")
    for name in ("CELERY_TASK_MAX_RETRIES", "IBUTSU_BEAT_PRUNE_RUNS_MONTHS", "POSTGRESQL_PORT"):
        monkeypatch.setenv(name, "poison")


def numbers_of(app: Flask) -> dict[str, int]:
    """Return one number of each group that ``app`` is configured with."""
    server = ServerSettings.of_app(app)
    return {
        "celery": server.celery.task_max_retries,
        "beat": server.beat.prune_runs_months,
        "imports": server.imports.max_cases,
        "prune": server.prune.batch_size,
    }


def test_the_whole_tree_is_given_as_one_object() -> None:
    """create_app takes a ServerSettings, and uses its groups."""
    server = ServerSettings.hermetic(celery=CELERY, beat=BEAT, imports=IMPORTS, prune=PRUNE)
    assert numbers_of(create_app(server)) == {"celery": 3, "beat": 30, "imports": 3, "prune": 3}


def test_groups_are_given_one_by_one() -> None:
    """Any of the groups stands beside a FlaskCelerySettings; the others have their defaults."""
    app = create_app(CELERY, BEAT, groups=[IMPORTS])
    assert numbers_of(app) == {**DEFAULTS, "celery": 3, "beat": 30, "imports": 3}


@pytest.mark.usefixtures("readable")
def test_a_group_that_is_not_given_is_read_where_celerys_is_not_given_either() -> None:
    """A beat plan alone leaves the rest to the environment."""
    assert numbers_of(create_app(beat=BEAT, groups=[PRUNE])) == {**NUMBERS_READ, "beat": 30, "prune": 3}


FIRST: list[tuple[dict[str, Any], dict[str, int]]] = [
    ({}, NUMBERS_READ),
    ({"beat": BEAT}, {**NUMBERS_READ, "beat": 30}),
    ({"groups": [IMPORTS, PRUNE]}, {**NUMBERS_READ, "imports": 3, "prune": 3}),
    ({"settings": CELERY}, {**DEFAULTS, "celery": 3}),
    (
        {"settings": CELERY, "beat": BEAT, "groups": [PRUNE]},
        {**DEFAULTS, "celery": 3, "beat": 30, "prune": 3},
    ),
    (
        {"settings": ServerSettings.hermetic(celery=CELERY, imports=IMPORTS)},
        {**DEFAULTS, "celery": 3, "imports": 3},
    ),
    (
        {"CELERY": {"task_max_retries": 8}, "IBUTSU_IMPORT_MAX_CASES": 8},
        {**NUMBERS_READ, "celery": 8, "imports": 8},
    ),
]
OTHER_CELERY = FlaskCelerySettings.hermetic(
    broker_url="redis://other/0", sqlalchemy_database_uri="sqlite://", task_max_retries=4
)
SECOND: list[tuple[dict[str, Any], dict[str, int]]] = [
    ({}, {}),
    ({"beat": BeatSettings.hermetic(prune_runs_months=40)}, {"beat": 40}),
    ({"settings": OTHER_CELERY}, {"celery": 4}),
    ({"settings": OTHER_CELERY, "groups": [PruneSettings.hermetic(batch_size=4)]}, {"celery": 4, "prune": 4}),
    (
        {"settings": ServerSettings.hermetic(celery=OTHER_CELERY)},
        {**DEFAULTS, "celery": 4},
    ),
]


@pytest.mark.usefixtures("readable")
@pytest.mark.parametrize(("first", "expected"), FIRST)
@pytest.mark.parametrize(("second", "replaced"), SECOND)
def test_what_the_first_call_was_given_or_read_stays(
    first: dict[str, Any], expected: dict[str, int], second: dict[str, Any], replaced: dict[str, int]
) -> None:
    """The call for the Celery app replaces the groups that it is given itself, and no other."""
    app = create_app(**first)
    assert numbers_of(app) == expected
    celery_app = create_flask_celery_app(app, **second)
    assert numbers_of(app) == {**expected, **replaced}
    assert celery_app.conf.beat_schedule["prune-old-runs"]["args"] == (numbers_of(app)["beat"],)


@pytest.mark.usefixtures("readable")
def test_a_flask_app_of_ones_own_is_read_with_its_config() -> None:
    """An app that create_app did not build is read once, its config first."""
    app = Flask("own")
    app.config["IBUTSU_PRUNE_BATCH_SIZE"] = 9
    celery_app = create_flask_celery_app(app, beat=BEAT)
    assert numbers_of(app) == {**NUMBERS_READ, "beat": 30, "prune": 9}
    assert celery_app.conf.broker_url == "redis://read/0"


def test_a_derived_value_follows_the_group_that_replaces_another() -> None:
    """The time budget is derived anew from the limits of the second call."""
    short = FlaskCelerySettings.hermetic(
        broker_url="redis://a/0", sqlalchemy_database_uri="sqlite://", task_soft_time_limit=100
    )
    app = create_app(short)
    assert ServerSettings.of_app(app).prune.time_budget == pytest.approx(66.67, abs=0.01)
    create_flask_celery_app(app, settings=CELERY)
    assert ServerSettings.of_app(app).prune.time_budget == 3600


def test_a_limit_that_made_room_for_a_group_shrinks_again_with_it() -> None:
    """A time budget that is replaced leaves no trace in the limits of tasks."""
    app = create_app(CELERY, groups=[PruneSettings.hermetic(time_budget=9000)])
    assert ServerSettings.of_app(app).celery.task_soft_time_limit > 9000
    create_flask_celery_app(app, groups=[PruneSettings.hermetic(time_budget=60)])
    assert ServerSettings.of_app(app).celery.task_soft_time_limit == 6900


def test_what_is_not_of_the_tree_is_refused() -> None:
    """A BrokerSettings, which has no database, cannot stand for the worker's settings."""
    message = "^BrokerSettings is not a group of ServerSettings; give one of its groups, or all of it$"
    with pytest.raises(TypeError, match=message):
        create_app(groups=[BrokerSettings.hermetic(broker_url="redis://a/0")])


def test_a_subclass_of_a_group_stands_for_the_group() -> None:
    """An embedder's own class is kept as it is."""

    class OwnImports(ImportSettings):
        pass

    app = create_app(CELERY, groups=[OwnImports.hermetic(max_cases=3)])
    assert type(ServerSettings.of_app(app).imports) is OwnImports


@pytest.mark.parametrize("given", [{"max_cases": 3}, BEAT, 5, None])
def test_a_field_of_the_tree_takes_an_object_of_its_group(given: Any) -> None:
    """A dictionary would be read by pydantic, with the environment; it is refused like any other value."""
    with pytest.raises(ConfigurationError) as caught:
        ServerSettings.hermetic(celery=CELERY, imports=given)
    assert str(caught.value) == "imports must be an object of the class ImportSettings"


GROUPS: list[tuple[type[SettingsGroup], dict[str, Any]]] = [
    (BrokerSettings, {"broker_url": "redis://a/0"}),
    (DatabaseSettings, {"sqlalchemy_database_uri": "sqlite://"}),
    (FlaskCelerySettings, {"broker_url": "redis://a/0", "sqlalchemy_database_uri": "sqlite://"}),
    (BeatSettings, {}),
    (ImportSettings, {}),
    (PruneSettings, {}),
    (FlowerSettings, {}),
]


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize(("group", "arguments"), GROUPS)
@pytest.mark.parametrize(
    "make",
    [
        lambda group, arguments: group.hermetic(**arguments),
        lambda group, arguments: group.from_sources(Sources(), **arguments),
        lambda group, arguments: group.hermetic(**arguments).model_copy(deep=True),
        lambda group, arguments: copy.deepcopy(group.hermetic(**arguments)),
        lambda group, arguments: pickle.loads(pickle.dumps(group.hermetic(**arguments))),  # noqa: S301 - ours
    ],
)
def test_an_object_is_made_without_reading_anything(
    group: type[SettingsGroup],
    arguments: dict[str, Any],
    make: Callable[[type[SettingsGroup], dict[str, Any]], SettingsGroup],
) -> None:
    """Neither the environment nor a file reaches a hermetic object or a copy of one."""
    made = make(group, arguments)
    assert made == group.hermetic(**arguments)
    assert made.warnings == ()
    assert {made.origin_of(field).kind for field in group.model_fields} <= {"argument", "default"}


@pytest.mark.usefixtures("poisoned")
def test_a_factory_that_is_given_an_object_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """However the object was made, neither factory looks at the environment or a file."""
    with monkeypatch.context() as clean:
        for name in (
            "CELERY_TASK_MAX_RETRIES",
            "POSTGRESQL_PORT",
            "CELERY_BROKER_URL_FILE",
            "IBUTSU_SECRETS_DIR",
        ):
            clean.delenv(name)
        clean.setenv("IBUTSU_ENV_FILE", "/dev/null")
        read = FlaskCelerySettings(broker_url="redis://given/0", sqlalchemy_database_uri="sqlite://")
    for settings in (CELERY, read, CELERY.model_copy(), copy.deepcopy(CELERY)):
        app = create_app(settings, CELERY_TASK_MAX_RETRIES="poison")
        assert create_flask_celery_app(app).conf.broker_url == "redis://given/0"
        assert create_flask_celery_app(Flask("own"), settings=settings).conf.broker_url == "redis://given/0"
    broker = BrokerSettings.hermetic(broker_url="redis://given/0")
    assert create_broker_celery_app(settings=broker).conf.broker_url == "redis://given/0"


@pytest.mark.usefixtures("readable")
@pytest.mark.parametrize(
    ("group", "field", "argument", "other", "read"),
    [
        (BrokerSettings, "redis_socket_timeout", 3, "broker_url", "redis://read/0"),
        (FlaskCelerySettings, "broker_url", "redis://argument/0", "task_max_retries", 7),
        (BeatSettings, "timezone", "Europe/Prague", "prune_runs_months", 70),
        (ImportSettings, "batch_size", 5, "max_cases", 7),
        (PruneSettings, "time_budget", 5, "batch_size", 7),
        (DatabaseSettings, "postgresql_port", 5, "sqlalchemy_database_uri", "sqlite://"),
    ],
)
def test_an_argument_wins_for_its_field_alone(
    group: type[SettingsGroup], field: str, argument: Any, other: str, read: Any
) -> None:
    """The other fields are read from the environment, as pydantic-settings does it."""
    made = group(**{field: argument})
    values = [getattr(made, name) for name in (field, other)]
    shown = [value.get_secret_value() if hasattr(value, "get_secret_value") else value for value in values]
    assert shown == [argument, read]
    assert [made.origin_of(name).kind for name in (field, other)] == ["argument", "environment variable"]


def test_an_argument_may_say_that_there_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is a value like any other, and wins over the environment."""
    monkeypatch.setenv("POSTGRESQL_SSLMODE", "require")
    settings = DatabaseSettings(postgresql_host="db", postgresql_database="ibutsu", postgresql_sslmode=None)
    assert settings.postgresql_sslmode is None


def test_an_option_of_celerys_wins_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each option in the argument ``celery`` is a setting of its own, and knows where it came from."""
    for name, value in {**READ, "CELERY_WORKER_CONCURRENCY": "7", "CELERY_RESULT_EXPIRES": "7"}.items():
        monkeypatch.setenv(name, value)
    settings = FlaskCelerySettings(celery={"worker_concurrency": 3})
    assert dict(settings.celery) == {"worker_concurrency": 3, "result_expires": 7}
    assert str(settings.origin_of("celery.worker_concurrency")) == 'argument celery["worker_concurrency"]'
    assert str(settings.origin_of("celery.result_expires")) == "environment variable CELERY_RESULT_EXPIRES"


def test_an_option_is_not_mixed_with_that_of_another_source() -> None:
    """A dictionary in an argument replaces the one of the Flask config as a whole."""
    sources = Sources(flask_config={"CELERY": {"task_routes": {"a": {"queue": "a"}}}}, environ=REACHABLE)
    settings = FlaskCelerySettings.from_sources(sources, celery={"task_routes": {"b": {"queue": "b"}}})
    assert settings.celery.thaw() == {"task_routes": {"b": {"queue": "b"}}}


def test_the_tree_is_frozen_all_the_way_down() -> None:
    """Neither a group nor a field nor a value in an option can be changed."""
    nested = {"queue": ["q"]}
    celery = FlaskCelerySettings.hermetic(
        broker_url="redis://a/0",
        sqlalchemy_database_uri="sqlite://",
        celery={"task_routes": {"a": nested}},
    )
    server = ServerSettings.hermetic(celery=celery)
    nested["queue"].append("r")
    with pytest.raises(ValidationError, match="frozen"):
        server.celery = CELERY
    with pytest.raises(ValidationError, match="frozen"):
        server.celery.task_max_retries = 9
    routes: Any = server.celery.celery["task_routes"]
    assert routes["a"]["queue"] == ("q",)
    with pytest.raises(TypeError, match="does not support item assignment"):
        routes["a"]["queue"] = "r"
    thawed = server.to_celery()
    thawed["task_routes"]["a"]["queue"] = "r"
    assert server.to_celery()["task_routes"] == {"a": {"queue": ("q",)}}
