"""Show which environment a service of a compose file has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ibutsu_server.settings import Origin
from ibutsu_server.settings.origins import UNKNOWN
from tests.settings.manifest.reading import lines, manifests, only, values

if TYPE_CHECKING:
    from pathlib import Path

    from ibutsu_server.settings.manifest.environment import Environment


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def service(text: str) -> Environment:
    """Return the environment of the service that ``text`` describes."""
    return only(manifests(compose="services:\n  worker:\n" + text))


def test_the_environment_may_be_a_mapping() -> None:
    """Text and numbers are values as they are written; each variable knows its line."""
    environment = service(
        """\
    environment:
      CELERY_BROKER_URL: redis://redis
      CELERY_WORKER_CONCURRENCY: 4
      CELERY_TASK_TIME_LIMIT: "60"
"""
    )
    assert values(environment) == {
        "CELERY_BROKER_URL": "redis://redis",
        "CELERY_WORKER_CONCURRENCY": "4",
        "CELERY_TASK_TIME_LIMIT": "60",
    }
    found = environment.variables["CELERY_TASK_TIME_LIMIT"]
    assert found.origin == Origin("file", "CELERY_TASK_TIME_LIMIT", "compose.yaml", 6)
    assert (environment.name, environment.file, environment.line) == ("service worker", "compose.yaml", 2)
    assert environment.is_complete


def test_the_environment_may_be_a_list() -> None:
    """The first equals sign ends the name."""
    environment = service("    environment:\n    - A=b=c\n    - B=\n")
    assert values(environment) == {"A": "b=c", "B": ""}
    assert lines(environment) == {"A": "compose.yaml:4", "B": "compose.yaml:5"}


def test_a_default_of_an_interpolation_counts() -> None:
    """It is what a deployment has that sets nothing else."""
    assert values(service("    environment: {A: '${B:-5}', C: 'a$$b'}\n")) == {"A": "5", "C": "a$b"}


def test_a_variable_of_the_shell_is_noted() -> None:
    """Its value is not known, which is no fault; variables that are no setting are not worth a note."""
    environment = service(
        """\
    environment:
      CELERY_BROKER_URL: redis://:${PASSWORD}@redis
      CELERY_TIMEZONE:
      HOME:
"""
    )
    assert set(values(environment).values()) == {UNKNOWN}
    assert [str(note) for note in environment.notes] == [
        "CELERY_BROKER_URL in compose.yaml:4 refers to PASSWORD, whose value is not known here",
        "CELERY_TIMEZONE in compose.yaml:5 has its value from the shell that runs Compose",
    ]
    assert environment.notes[0].line == 4


def test_a_name_without_a_value_in_a_list_is_of_the_shell() -> None:
    """Compose passes it on."""
    assert values(service("    environment: [A]\n")) == {"A": UNKNOWN}


@pytest.mark.parametrize(
    ("environment", "fault"),
    [
        ("{A: true}", "A in compose.yaml:3 is a boolean, which Compose refuses; write it in quotes"),
        ("{A: [1]}", "A in compose.yaml:3 is a list, which Compose refuses; write it in quotes"),
        ("[A: 1]", "compose.yaml:3 is not text; write NAME=value, without a colon"),
        ("[5]", "compose.yaml:3 is not text; write NAME=value, without a colon"),
        ("A=1", "compose.yaml:3 is not an environment; write NAME: value"),
        (
            "{A: pa$5}",
            "A in compose.yaml:3 has a '$' that begins no reference; write '$$' for a dollar sign",
        ),
    ],
)
def test_what_compose_refuses_is_a_fault(environment: str, fault: str) -> None:
    """The sentence says what to write."""
    read = service(f"    environment: {environment}\n")
    assert [str(each) for each in read.faults] == [fault]
    assert read.faults[0][2:] == ("compose.yaml", 3)


def test_an_environment_may_be_merged_from_an_anchor() -> None:
    """A variable has the line that it is written in."""
    read = manifests(
        compose="""\
        x-environment: &environment
          A: 1
          B: 2
        services:
          worker:
            environment:
              <<: *environment
              B: 3
          scheduler:
            environment: *environment
        """
    )
    worker, scheduler = read.containers
    assert values(worker) == {"A": "1", "B": "3"}
    assert lines(worker) == {"A": "compose.yaml:2", "B": "compose.yaml:8"}
    assert values(scheduler) == {"A": "1", "B": "2"}


class TestEnvFiles:
    """The files of ``env_file`` are read from the folder of the compose file."""

    @pytest.mark.parametrize(
        "env_file", ["a.env", "[a.env]", "[{path: a.env}]", "[{path: a.env, required: true}]", "./a.env"]
    )
    def test_every_form_is_read(self, env_file: str, tmp_path: Path) -> None:
        """A path, a list of paths, or a list of objects."""
        (tmp_path / "a.env").write_text("# comment\nA=1\n")
        environment = service(f"    env_file: {env_file}\n")
        assert values(environment) == {"A": "1"}
        assert lines(environment) == {"A": "a.env:2"}

    def test_the_path_counts_from_the_folder_of_the_compose_file(self, tmp_path: Path) -> None:
        """And not from the working directory."""
        (tmp_path / "deploy").mkdir()
        (tmp_path / "deploy" / "a.env").write_text("A=1\n")
        read = manifests(**{"deploy/compose": "services: {worker: {env_file: a.env}}"})
        assert values(only(read)) == {"A": "1"}

    def test_later_files_win_and_the_environment_over_all(self, tmp_path: Path) -> None:
        """As in Compose."""
        (tmp_path / "a.env").write_text("A=a\nB=a\nC=a\n")
        (tmp_path / "b.env").write_text("B=b\nC=b\n")
        environment = service("    environment: {C: c}\n    env_file: [a.env, b.env]\n")
        assert values(environment) == {"A": "a", "B": "b", "C": "c"}

    def test_references_are_replaced_unless_they_are_quoted(self, tmp_path: Path) -> None:
        """Single quotes keep them, and so does ``format: raw``."""
        (tmp_path / "a.env").write_text("A=${X:-1}\nB='${X:-1}'\nC=\"$X\"\nD=pa$5\n")
        assert values(service("    env_file: a.env\n")) == {
            "A": "1",
            "B": "${X:-1}",
            "C": UNKNOWN,
            "D": "pa$5",
        }
        raw = service("    env_file: [{path: a.env, format: raw}]\n")
        assert values(raw)["A"] == "${X:-1}"

    @pytest.mark.parametrize("env_file", ["missing.env", "${STAGE}.env", "'a\\0b'", "folder", "binary.env"])
    def test_a_file_that_cannot_be_read_leaves_the_environment_open(
        self, env_file: str, tmp_path: Path
    ) -> None:
        """What is missing may be in it, which is noted."""
        (tmp_path / "folder").mkdir()
        (tmp_path / "binary.env").write_bytes(b"A=\xff")
        environment = service(f"    env_file: {env_file}\n")
        assert not environment.is_complete
        [note] = environment.notes
        assert str(note) == (
            f"env_file {env_file.strip(chr(39))} in compose.yaml:3 cannot be read here: "
            "settings that are missing may be in it"
        )

    def test_a_line_that_is_no_variable_is_a_fault(self, tmp_path: Path) -> None:
        """The fault is in that file."""
        (tmp_path / "a.env").write_text("A=1\nno variable\n")
        assert [str(fault) for fault in service("    env_file: a.env\n").faults] == [
            "a.env:2 is not NAME=value; correct the line, or remove it"
        ]


class TestSeveralDefinitions:
    """A service may be put together from several places."""

    def test_a_later_file_adds_to_an_earlier_one(self) -> None:
        """As with ``docker compose -f a.yaml -f b.yaml``."""
        read = manifests(
            a="services: {app: {command: 'x ibutsu_server:worker_app', environment: {A: 1, B: 1}}}",
            b="services: {app: {environment: [B=2]}}",
        )
        environment = only(read)
        assert values(environment) == {"A": "1", "B": "2"}
        assert (environment.role, environment.file) == ("worker", "a.yaml")

    def test_a_service_may_extend_another(self) -> None:
        """And that one a third; what extends wins."""
        read = manifests(
            compose="""\
            services:
              a: {environment: {A: a, B: a, C: a}}
              b: {extends: a, environment: {B: b, C: b}}
              c: {extends: {service: b}, environment: {C: c}}
            """
        )
        assert values(read.containers[-1]) == {"A": "a", "B": "b", "C": "c"}

    def test_services_that_extend_each_other_end(self) -> None:
        """Compose refuses the file; here nothing hangs."""
        read = manifests(compose="services: {a: {extends: b, environment: {A: 1}}, b: {extends: a}}")
        assert values(read.containers[1]) == {"A": "1"}

    def test_a_service_of_another_file_leaves_the_environment_open(self) -> None:
        """That file is not read."""
        environment = service("    extends: {file: common.yaml, service: base}\n")
        assert not environment.is_complete
        assert [str(note) for note in environment.notes] == [
            "service of common.yaml in compose.yaml:3 is extended and not read here: "
            "settings that are missing may be in it"
        ]


class TestMounts:
    """Settings may be files in the container."""

    @pytest.mark.parametrize(
        "secret",
        [
            "celery_broker_url",
            "{source: celery_broker_url}",
            "{source: redis, target: CELERY_BROKER_URL}",
            "{source: redis, target: /run/secrets/celery_broker_url}",
        ],
    )
    def test_a_secret_sets_the_setting_that_it_is_called_like(self, secret: str) -> None:
        """Its value is not known."""
        environment = service(f"    secrets: [{secret}]\n")
        assert values(environment) == {"CELERY_BROKER_URL": UNKNOWN}
        assert [str(note) for note in environment.notes] == [
            "CELERY_BROKER_URL in compose.yaml:3 is a secret, whose value is not known here"
        ]

    def test_a_variable_wins_over_a_secret_unless_it_is_empty(self) -> None:
        """As in a process: what is empty counts as not set."""
        environment = service("    environment: {A: 1, B: ''}\n    secrets: [a, b]\n")
        assert values(environment) == {"A": "1", "B": UNKNOWN}

    @pytest.mark.parametrize(
        ("volume", "is_complete"),
        [
            ("./secrets:/run/secrets", False),
            ("./secrets:/run/secrets:ro", False),
            ("{type: bind, source: ./secrets, target: /run/secrets}", False),
            ("./data:/data", True),
        ],
    )
    def test_a_volume_of_secrets_leaves_the_environment_open(self, volume: str, is_complete: bool) -> None:
        """Any setting may be in it."""
        assert service(f"    volumes: ['{volume}']\n".replace("'{", "{").replace("}'", "}")).is_complete is (
            is_complete
        )

    def test_a_variable_that_names_a_file_is_noted(self) -> None:
        """The file is in the container."""
        environment = service("    environment: {CELERY_BROKER_URL_FILE: /x, OTHER_FILE: /y}\n")
        assert [str(note) for note in environment.notes] == [
            "CELERY_BROKER_URL_FILE in compose.yaml:3 names a file in the container, "
            "whose content is not known here"
        ]
        assert environment.is_complete

    @pytest.mark.parametrize("name", ["IBUTSU_ENV_FILE", "IBUTSU_SECRETS_DIR"])
    def test_a_variable_that_names_a_place_of_settings_leaves_the_environment_open(self, name: str) -> None:
        """Any setting may be in it."""
        environment = service(f"    environment: {{{name}: /x}}\n")
        assert not environment.is_complete
        assert [str(note) for note in environment.notes] == [
            f"{name} in compose.yaml:3 names a place in the container: settings that are missing may be in it"
        ]


@pytest.mark.parametrize(
    ("definition", "role"),
    [
        ("worker: {}", "worker"),
        ("ibutsu-scheduler: {}", "scheduler"),
        ("Flower_2: {}", "flower"),
        ("coworkers: {}", None),
        ("redis: null", None),
        ("app: {command: 'celery --app ibutsu_server:worker_app worker'}", "worker"),
        ("app: {command: [celery, --app=ibutsu_server:flower_app, flower]}", "flower"),
        ("app: {entrypoint: [celery, --app, 'ibutsu_server:scheduler_app'], command: beat}", "scheduler"),
        ("worker: {command: 'celery --app ibutsu_server:scheduler_app beat'}", "scheduler"),
        ("app: {command: 'celery --app my_ibutsu_server:worker_app'}", None),
        ("app: {command: 'celery --app ibutsu_server:worker_apps'}", None),
    ],
)
def test_the_role_is_that_of_the_entry_point_else_of_the_name(definition: str, role: str | None) -> None:
    """A name says it as a word."""
    [environment] = manifests(compose=f"services: {{{definition}}}").containers
    assert environment.role == role


def test_a_later_command_replaces_an_earlier_one() -> None:
    """As in Compose; the entry point stays."""
    read = manifests(
        a="services: {app: {command: 'x ibutsu_server:worker_app'}}",
        b="services: {app: {command: ['x', 'ibutsu_server:flower_app']}}",
    )
    assert only(read).role == "flower"


def test_a_chain_of_services_that_extend_each_other_is_bounded() -> None:
    """A thousand services of which each extends the one before stand for half a million definitions."""
    text = "services:\n  a0: {}\n" + "".join(f"  a{n}: {{extends: a{n - 1}}}\n" for n in range(1, 1000))
    assert [str(fault) for fault in manifests(compose=text).faults] == [
        "The given files refer to each other so often that they stand for too many variables; "
        "check fewer at once"
    ]
