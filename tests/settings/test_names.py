"""Show which names in the environment are reported, and which belong to other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
import pytest
from celery.bin.celery import celery
from flower.options import options

from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings import FlowerSettings, Sources
from ibutsu_server.settings.flower import OTHER_OPTIONS
from ibutsu_server.settings.foreign_names import COMMAND_OPTIONS, COMMAND_VARIABLES, is_foreign
from ibutsu_server.settings.server import read_role
from tests.settings.outputs import ROLES

if TYPE_CHECKING:
    from pathlib import Path

REACHABLE: Final = {"CELERY_BROKER_URL": "redis://broker/0", "SQLALCHEMY_DATABASE_URI": "sqlite://"}
LINK: Final = "tcp://10.0.0.1:5432"


def reported(role: str = "worker", /, **environ: str) -> list[str]:
    """Return what the strict check reports of an environment: its faults and its warnings."""
    try:
        return [str(warning) for warning in read_role(role, Sources(environ=environ)).warnings]
    except ConfigurationError as error:
        return [str(fault) for fault in (*error.faults, *error.warnings)]


TEMPLATE: Final = {
    "CELERY_BROKER_URL": "redis://:hunter2@redis:6379/0",
    "CELERY_RESULT_BACKEND": "redis://:hunter2@redis:6379/0",
    "POSTGRESQL_HOST": "postgresql",
    "POSTGRESQL_DATABASE": "ibutsu",
    "POSTGRESQL_USER": "ibutsu",
    "POSTGRESQL_PASSWORD": "hunter2",
    "POSTGRESQL_SSLMODE": "require",
    "FLOWER_BASIC_AUTH": "user:hunter2",
    "CELERY_WORKER_CONCURRENCY": "2",
    "CELERY_RESULT_EXPIRES": "3600",
    "CELERY_TASK_TIME_LIMIT": "3600",
    "CELERY_WORKER_LOGLEVEL": "info",
    "FRONTEND_URL": "https://ibutsu.example.com",
    "BACKEND_URL": "https://api.ibutsu.example.com",
    "POSTGRES_DB": "ibutsu",
    "POSTGRES_HOSTNAME": "postgresql",
}


def links_of(service: str, port: int, *port_names: str) -> dict[str, str]:
    """Return the variables that Kubernetes injects for a service of the namespace."""
    url = f"tcp://10.0.0.1:{port}"
    return {
        f"{service}_SERVICE_HOST": "10.0.0.1",
        f"{service}_SERVICE_PORT": str(port),
        **{f"{service}_SERVICE_PORT_{name}": str(port) for name in port_names},
        f"{service}_PORT": url,
        f"{service}_PORT_{port}_TCP": url,
        f"{service}_PORT_{port}_TCP_PROTO": "tcp",
        f"{service}_PORT_{port}_TCP_PORT": str(port),
        f"{service}_PORT_{port}_TCP_ADDR": "10.0.0.1",
    }


LINKS: Final = {
    **links_of("POSTGRESQL", 5432, "POSTGRESQL"),
    **links_of("POSTGRES", 5432),
    **links_of("FLOWER", 5555, "HTTP"),
    **links_of("CELERY_FLOWER", 5555, "5555_TCP"),
    **links_of("IBUTSU_BACKEND", 8080),
    **links_of("BROKER", 6379),
    "CELERY_DNS_PORT": "udp://10.0.0.1:53",
    "CELERY_DNS_PORT_53_UDP_ADDR": "10.0.0.1",
}


@pytest.mark.parametrize("role", ROLES)
def test_the_environment_of_existing_templates_is_valid(role: str) -> None:
    """All that the templates set and the cluster injects passes the strict check of each role."""
    assert reported(role, **TEMPLATE, **LINKS) == []


@pytest.mark.parametrize("role", ROLES)
def test_the_variables_of_the_database_image_are_no_misspelt_names(role: str) -> None:
    """A template that names the database by its URI sets them for its own purposes."""
    image = {
        "POSTGRES_DB": "ibutsu",
        "POSTGRES_HOSTNAME": "postgresql",
        "POSTGRES_USER": "ibutsu",
        "POSTGRES_PASSWORD": "hunter2",
        "POSTGRES_HOST_AUTH_METHOD": "trust",
        "POSTGRESQL_ADMIN_PASSWORD": "hunter2",
    }
    assert reported(role, **REACHABLE, **image) == []


@pytest.mark.parametrize("scheme", ["tcp", "udp", "sctp"])
def test_a_link_to_a_service_is_no_port(scheme: str) -> None:
    """Kubernetes sets POSTGRESQL_PORT and FLOWER_PORT where services have these names."""
    link = f"{scheme}://10.0.0.1:5432"
    environ = {**TEMPLATE, "POSTGRESQL_PORT": link, "FLOWER_PORT": link}
    worker = read_role("worker", Sources(environ=environ)).groups["celery"]
    flower = read_role("flower", Sources(environ=environ)).groups["flower"]
    assert (worker.postgresql_port, flower.port) == (5432, 5555)  # type: ignore[attr-defined]  # of its class


@pytest.mark.parametrize(
    ("role", "environ", "sentence"),
    [
        (
            "worker",
            {"POSTGRESQL_PORT": "5432x"},
            "POSTGRESQL_PORT must be a whole number, at least 1, at most 65,535",
        ),
        (
            "flower",
            {"FLOWER_PORT": "http://h:1"},
            "FLOWER_PORT must be a whole number, at least 0, at most 65,535",
        ),
        (
            "worker",
            {"CELERY_BROKER_URL": LINK},
            "CELERY_BROKER_URL has a scheme that is not Redis; "
            "use one of redis://, rediss://, redis+socket://, unix://, sentinel://",
        ),
    ],
)
def test_a_value_that_is_no_link_to_a_service_is_read(
    role: str, environ: dict[str, str], sentence: str
) -> None:
    """Only the value of a port that begins like a link is one."""
    assert reported(role, **{**TEMPLATE, **environ}) == [sentence]


SHOW: Final = "remove it, or find its name with 'ibutsu config show'"


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"IBUTSU_FOO": "1"}, f"IBUTSU_FOO is not a setting and is ignored; {SHOW}"),
        ({"CELERY_FOO": "1"}, f"CELERY_FOO is not a Celery setting and is ignored; {SHOW}"),
        ({"CELERY_LOGLEVEL": "info"}, f"CELERY_LOGLEVEL is not a Celery setting and is ignored; {SHOW}"),
        ({"CELERY_CELERY": "{}"}, f"CELERY_CELERY is not a Celery setting and is ignored; {SHOW}"),
        (
            {"CELERYD_CONCURRENCY": "3"},
            "CELERYD_CONCURRENCY is an old name and is ignored; write CELERY_WORKER_CONCURRENCY",
        ),
        (
            {"CELERY_ACKS_LATE": "1"},
            "CELERY_ACKS_LATE is an old name and is ignored; write CELERY_TASK_ACKS_LATE",
        ),
        (
            {"CELERY_DEFAULT_QUEUE": "q"},
            "CELERY_DEFAULT_QUEUE is an old name and is ignored; write CELERY_TASK_DEFAULT_QUEUE",
        ),
        (
            {"CELERYBEAT_SCHEDULE": "{}"},
            "CELERYBEAT_SCHEDULE is an old name and is ignored; write CELERY_BEAT_SCHEDULE",
        ),
        (
            {"BROKER_HEARTBEAT": "3"},
            "BROKER_HEARTBEAT is an old name and is ignored; write CELERY_BROKER_HEARTBEAT",
        ),
        (
            {"BROKER_URL": "redis://other/0"},
            "BROKER_URL is read by the celery command alone, which puts it in place of CELERY_BROKER_URL; "
            "write CELERY_BROKER_URL",
        ),
        (
            {"CELERY_BROKER": "redis://other/0"},
            "CELERY_BROKER is read by the celery command alone, which puts it in place of CELERY_BROKER_URL; "
            "write CELERY_BROKER_URL",
        ),
        (
            {"RESULT_BACKEND": "redis://other/0"},
            "RESULT_BACKEND is read by the celery command alone, which puts it in place of "
            "CELERY_RESULT_BACKEND; write CELERY_RESULT_BACKEND",
        ),
        (
            {"FLOWER_BASICAUTH": "user:hunter2"},
            "FLOWER_BASICAUTH is not a setting and is ignored; did you mean 'FLOWER_BASIC_AUTH'?",
        ),
        (
            {"CELERY_WORKER_CONCURENCY": "3"},
            "CELERY_WORKER_CONCURENCY is not a Celery setting and is ignored; "
            "did you mean 'CELERY_WORKER_CONCURRENCY'?",
        ),
        (
            {"IBUTSU_PRUNE_BATCHSIZE": "3"},
            "IBUTSU_PRUNE_BATCHSIZE is not a setting and is ignored; did you mean 'IBUTSU_PRUNE_BATCH_SIZE'?",
        ),
    ],
)
@pytest.mark.parametrize("role", ROLES)
def test_a_name_that_looks_like_ours_and_does_nothing_is_reported(
    role: str, environ: dict[str, str], sentence: str
) -> None:
    """The sentence says what to write instead, whichever role is checked."""
    assert reported(role, **REACHABLE, **environ) == [sentence]


def test_a_uri_under_the_name_of_another_program_is_suggested() -> None:
    """The missing setting is the fault, and the name that was probably meant for it the warning."""
    assert reported(CELERY_BROKER_URL="redis://a/0", SQLALCHEMY_DATABASE_URL="sqlite://") == [
        "SQLALCHEMY_DATABASE_URI environment variable must be set, for example to "
        "postgresql://user:password@host:5432/ibutsu (or set POSTGRESQL_HOST, POSTGRESQL_DATABASE, "
        "POSTGRESQL_USER and POSTGRESQL_PASSWORD)",
        "SQLALCHEMY_DATABASE_URL is not a setting and is ignored; did you mean 'SQLALCHEMY_DATABASE_URI'?",
    ]


def test_a_name_is_left_alone_where_what_it_resembles_has_a_value() -> None:
    """Another program of the same pod may use it."""
    assert reported(**REACHABLE, SQLALCHEMY_DATABASE_URL="x", BROKER_URL=REACHABLE["CELERY_BROKER_URL"]) == []


def test_a_name_that_no_program_can_read_is_left_alone() -> None:
    """A variable whose name is not UTF-8 cannot be printed, and is none of ours."""
    assert reported(**REACHABLE, **{"CELERY_FOO\udcff": "1"}) == []


def test_a_misspelt_name_in_a_file_is_reported_with_its_place(tmp_path: Path) -> None:
    """The line of a ``.env`` file and the path of a mounted secret are named."""
    (tmp_path / "any.env").write_text("\nIBUTSU_FOO=1\n")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "ibutsu_bar").write_text("1")
    sources = Sources(
        environ=REACHABLE, env_file=tmp_path / "any.env", secrets_directory=tmp_path / "secrets"
    )
    warnings = read_role("worker", sources).warnings
    secret = str(tmp_path / "secrets" / "ibutsu_bar")
    assert [tuple(warning) for warning in warnings] == [
        (
            f"IBUTSU_FOO in {tmp_path / 'any.env'}:2",
            f"is not a setting and is ignored; {SHOW}",
            str(tmp_path / "any.env"),
            2,
        ),
        (f"IBUTSU_BAR in {secret}", f"is not a setting and is ignored; {SHOW}", secret, None),
    ]


def test_an_old_name_in_the_flask_config_is_reported_like_one_in_the_environment() -> None:
    """Flat keys are the same names; those of the CELERY dictionary still count."""
    config = {"CELERYD_CONCURRENCY": 3, "CELERY": {"CELERY_ACKS_LATE": False}, 5: "x", None: "y"}
    read = read_role("worker", Sources(flask_config=config, environ=REACHABLE))  # type: ignore[arg-type]  # odd keys
    assert read.server is not None
    assert read.server.celery.task_acks_late is False
    assert list(map(str, read.warnings)) == [
        'CELERY["CELERY_ACKS_LATE"] is an older name; write CELERY["task_acks_late"]',
        "CELERYD_CONCURRENCY is an old name and is ignored; write CELERY_WORKER_CONCURRENCY",
    ]


def options_of(*commands: str) -> set[str]:
    """Return the options of commands of the installed Celery."""
    parameters = [parameter for name in commands for parameter in celery.commands[name].params]
    return {str(parameter.name) for parameter in parameters if isinstance(parameter, click.Option)}


def test_the_options_of_celerys_commands_are_those_of_the_installed_celery() -> None:
    """An upgrade of Celery that adds or removes an option fails here by its name."""
    assert options_of("worker", "beat", "events") == COMMAND_OPTIONS


@pytest.mark.parametrize("command", ["worker", "beat", "events"])
def test_no_option_of_a_command_is_taken_for_a_misspelt_name(command: str) -> None:
    """The command line reads ``CELERY_WORKER_LOGLEVEL`` and the like by itself."""
    assert all(is_foreign(f"CELERY_{command.upper()}_{name.upper()}") for name in options_of(command))


def test_an_option_of_no_command_is_reported() -> None:
    """CELERY_WORKER_LOGLEVLE belongs to nobody."""
    assert reported(**REACHABLE, CELERY_WORKER_LOGLEVLE="info") == [
        f"CELERY_WORKER_LOGLEVLE is not a Celery setting and is ignored; {SHOW}"
    ]


def test_the_options_before_the_command_are_known_too() -> None:
    """The command line reads each from CELERY_<OPTION>, and two of them replace a setting of ours."""
    names = {f"CELERY_{str(parameter.name).upper()}" for parameter in celery.params}
    ours = {"CELERY_BROKER", "CELERY_RESULT_BACKEND"}
    assert [name for name in names - ours if not is_foreign(name)] == []
    replacing = {
        str(parameter.envvar): f"CELERY_{parameter.envvar}"
        for parameter in celery.params
        if parameter.name in ("broker", "result_backend")
    }
    assert replacing == {name: ours for name, ours in COMMAND_VARIABLES.items() if name != "CELERY_BROKER"}


def test_the_options_of_flower_are_those_of_the_installed_flower() -> None:
    """An upgrade of Flower that adds or removes an option fails here by its name."""
    defined: dict[str, Any] = options._options
    own = {
        name.replace("-", "_")
        for name, option in defined.items()
        if option.file_name.endswith("flower/options.py")
    }
    own.add("oauth2_okta_base_url")  # which its login for Okta reads from the environment
    assert own == OTHER_OPTIONS | FlowerSettings.model_fields.keys()
    assert reported("flower", **REACHABLE, **{f"FLOWER_{name.upper()}": "1" for name in OTHER_OPTIONS}) == []
