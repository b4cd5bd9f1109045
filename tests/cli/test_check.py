"""Show how ``ibutsu config check`` judges files that another process will be configured with."""

from __future__ import annotations

import json
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from ibutsu_server.cli import main
from tests.cli.terminal import in_a_terminal

if TYPE_CHECKING:
    from pathlib import Path

HIDDEN = "hunter2"
BROKER = f"redis://:{HIDDEN}@redis:6379/0"
DATABASE = f"postgresql://ibutsu:{HIDDEN}@postgres/ibutsu"
VALID = f"CELERY_BROKER_URL={BROKER}\nSQLALCHEMY_DATABASE_URI={DATABASE}\n"
COMPOSE = f"""\
services:
  redis: {{image: valkey}}
  worker:
    environment:
      CELERY_BROKER_URL: {BROKER}
      SQLALCHEMY_DATABASE_URI: {DATABASE}
      CELERY_TASK_TIME_LIMIT: 3600
  flower:
    environment:
    - CELERY_BROKER_URL={BROKER}
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, which has a valid ``.env`` file and a valid compose file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "valid.env").write_text(VALID)
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    return tmp_path


def check(*arguments: str, stdin: str | None = None, **settings: str) -> Result:
    """Run ``ibutsu config check``; whatever it prints shows no secret, and it never ends in a traceback."""
    result = CliRunner(env=settings).invoke(main, ["config", "check", *arguments], input=stdin)
    assert HIDDEN not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


class TestEnvFile:
    """``--env-file`` checks the variables of a file, and nothing that this process has."""

    def test_a_valid_file_ends_with_zero(self) -> None:
        """Without a role it is that of the worker."""
        result = check("--env-file", "valid.env")
        assert (result.exit_code, result.output) == (
            0,
            "The configuration of the worker in valid.env is valid.\n",
        )
        assert check("--role", "flower", "--env-file", "valid.env").exit_code == 0

    def test_the_environment_of_this_process_does_not_count(self, files: Path) -> None:
        """Neither its variables nor its ``.env`` file."""
        (files / ".env").write_text(VALID)
        (files / "empty.env").write_text("")
        result = check("--env-file", "empty.env", CELERY_TASK_TIME_LIMIT="wrong", CELERY_BROKER_URL=BROKER)
        assert result.exit_code == 1
        assert [line.split(" environment")[0] for line in result.output.splitlines()] == [
            "The configuration of the worker in empty.env has 2 faults:",
            "  CELERY_BROKER_URL in empty.env",
            "  SQLALCHEMY_DATABASE_URI in empty.env",
        ]

    def test_each_fault_has_file_and_line(self, files: Path) -> None:
        """Also a line that is no variable, and what does not fit between groups of settings."""
        (files / "f.env").write_text(
            f"{VALID}no variable\nCELERY_TASK_TIME_LIMIT=abc\nIBUTSU_PRUNE_BATCH_SIZE=0\n"
        )
        assert check("--env-file", "f.env").output.splitlines() == [
            "The configuration of the worker in f.env has 3 faults:",
            "  f.env:3 is not NAME=value; correct the line, or remove it",
            "  CELERY_TASK_TIME_LIMIT in f.env:4 must be a number, above 0, at most 1,000,000,000",
            "  IBUTSU_PRUNE_BATCH_SIZE in f.env:5 must be a whole number, at least 1, at most 30,000",
        ]

    def test_a_later_file_wins(self, files: Path) -> None:
        """Further files may stand after the option, as a pattern of the shell gives them."""
        (files / "more.env").write_text("CELERY_TASK_TIME_LIMIT=wrong\n")
        (files / "last.env").write_text("CELERY_TASK_TIME_LIMIT=60\n")
        names = ("valid.env", "more.env", "last.env")
        assert check("--env-file", *names).exit_code == 0
        assert check(*(word for name in names for word in ("--env-file", name))).exit_code == 0
        assert check("--env-file", "last.env", "more.env", "valid.env").exit_code == 1

    def test_files_that_it_names_are_not_looked_at(self, files: Path) -> None:
        """They are those of another machine: each is noted, and counts as valid."""
        (files / "f.env").write_text(
            "CELERY_BROKER_URL_FILE=/etc/broker\nCELERY_REDIS_TLS_CA_FILE=/etc/ca.pem\n"
            "CELERY_RESULT_BACKEND=rediss://redis\nSQLALCHEMY_DATABASE_URI=sqlite://\nCELERY_INCLUDE=nope\n"
        )
        result = check("--env-file", "f.env", "--strict")
        assert result.exit_code == 0
        assert result.output.splitlines()[1:] == [
            "  note: CELERY_BROKER_URL_FILE in f.env:1 names a file in the container, whose content is not "
            "known here",
        ]

    def test_a_file_that_is_no_text_is_a_fault(self, files: Path) -> None:
        """There is no traceback."""
        (files / "f.env").write_bytes(b"A=\xff")
        result = check("--env-file", "f.env")
        assert result.exit_code == 1
        assert "  f.env is not UTF-8; write the file in UTF-8" in result.output.splitlines()

    def test_a_file_has_a_largest_size(self, files: Path) -> None:
        """The limit is named."""
        (files / "f.env").write_bytes(b"#" * 10_000_001)
        assert "  f.env is larger than 10,000,000 bytes; check a smaller file" in (
            check("--env-file", "f.env").output.splitlines()
        )

    def test_it_imports_no_yaml(self) -> None:
        """Nor anything else that it does not need."""
        code = (
            "import sys\n"
            "from ibutsu_server.cli import main\n"
            "main(['config', 'check', '--env-file', 'valid.env'], standalone_mode=False)\n"
            "print(sorted(sys.modules.keys() & {'yaml', 'celery', 'kombu', 'redis', 'sqlalchemy'}))\n"
        )
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert ended.stdout.splitlines()[-1] == "[]"


class TestManifest:
    """``--manifest`` checks every container in the role that it has."""

    def test_each_container_with_a_role_is_checked(self) -> None:
        """The others belong to other programs."""
        result = check("--manifest", "compose.yaml")
        assert (result.exit_code, result.output.splitlines()) == (
            0,
            [
                "The configuration of the worker in compose.yaml:3 (service worker) is valid.",
                "The configuration of the flower in compose.yaml:8 (service flower) is valid.",
            ],
        )

    def test_with_a_role_only_its_containers_are_checked(self) -> None:
        """Here one of two."""
        assert check("--role", "flower", "--manifest", "compose.yaml").output.splitlines() == [
            "The configuration of the flower in compose.yaml:8 (service flower) is valid."
        ]

    def test_a_role_that_no_container_has_is_wrong_usage(self) -> None:
        """The message lists what was found."""
        result = check("--role", "scheduler", "--manifest", "compose.yaml")
        assert result.exit_code == 2
        assert (
            "Error: No container has the role scheduler. Name the entry point in its command, such as "
            "ibutsu_server:scheduler_app, or the role in its name. Found: service redis (no role); "
            "service worker (worker); service flower (flower).\n"
        ) in result.output

    def test_containers_without_any_role_are_wrong_usage(self, files: Path) -> None:
        """A check that checks nothing must not end with zero."""
        (files / "f.yaml").write_text("services: {redis: {}}")
        result = check("--manifest", "f.yaml")
        assert result.exit_code == 2
        assert "No container has a role. Name the entry point" in result.output

    def test_files_without_a_container_are_wrong_usage(self, files: Path) -> None:
        """Likewise."""
        (files / "f.yaml").write_text("kind: Service")
        result = check("--manifest", "f.yaml")
        assert result.exit_code == 2
        assert "Error: The files have no container, no ConfigMap and no Secret.\n" in result.output

    def test_each_fault_has_file_and_line(self, files: Path) -> None:
        """What is missing is a fault of the container; the others have the line that they are written in."""
        (files / "f.yaml").write_text(
            dedent(
                f"""\
                services:
                  worker:
                    environment:
                      CELERY_BROKER_URL: {BROKER}
                      CELERY_TASK_TIME_LIMIT: abc
                      CELERY_TASK_ACKS_LATE: true
                      CELERY_TASK_SOFT_TIME_LIMIT: 100
                      IBUTSU_PRUNE_TIME_BUDGET: 200
                      CELERY_RESULT_BACKEND_URL: {BROKER}
                      CELERY_WORKER_CONCURENCY: 4
                """
            )
        )
        result = check("--manifest", "f.yaml")
        assert result.exit_code == 1
        assert result.output.splitlines() == [
            "The configuration of the worker in f.yaml:2 (service worker) has 3 faults:",
            "  CELERY_TASK_ACKS_LATE in f.yaml:6 is a boolean, which Compose refuses; write it in quotes",
            "  CELERY_TASK_TIME_LIMIT in f.yaml:5 must be a number, above 0, at most 1,000,000,000",
            "  SQLALCHEMY_DATABASE_URI in f.yaml:2 environment variable must be set, for example to "
            "postgresql://user:password@host:5432/ibutsu (or set POSTGRESQL_HOST, POSTGRESQL_DATABASE, "
            "POSTGRESQL_USER and POSTGRESQL_PASSWORD)",
            "  warning: CELERY_WORKER_CONCURENCY in f.yaml:10 is not a Celery setting and is ignored; "
            "did you mean 'CELERY_WORKER_CONCURRENCY'?",
        ]

    def test_what_does_not_fit_between_groups_has_its_line_too(self, files: Path) -> None:
        """The line of the value that is to be changed."""
        (files / "f.env").write_text(
            f"{VALID}CELERY_TASK_SOFT_TIME_LIMIT=100\nIBUTSU_PRUNE_TIME_BUDGET=200\n"
        )
        result = check("--env-file", "f.env", "--format", "json")
        [fault] = json.loads(result.output)["faults"]
        assert (fault["name"], fault["file"], fault["line"]) == ("IBUTSU_PRUNE_TIME_BUDGET", "f.env", 4)

    def test_strict_makes_faults_of_warnings_and_not_of_notes(self, files: Path) -> None:
        """What cannot be known here is nobody's mistake."""
        text = COMPOSE.replace(f"URL: {BROKER}", "URL: ${BROKER}")
        (files / "compose.yaml").write_text(text)
        result = check("--strict", "--manifest", "compose.yaml")
        assert result.exit_code == 0
        assert (
            "  note: CELERY_BROKER_URL in compose.yaml:5 refers to BROKER, whose value is not known here"
            in result.output.splitlines()
        )
        misspelt = text.replace("CELERY_TASK_TIME_LIMIT", "CELERY_TASK_TIME_LIMITS")
        (files / "compose.yaml").write_text(misspelt)
        assert check("--manifest", "compose.yaml").exit_code == 0
        strict = check("--strict", "--manifest", "compose.yaml")
        assert strict.exit_code == 1
        assert "(service worker) has 1 fault:" in strict.output

    def test_what_is_missing_cannot_be_judged_where_a_reference_leads_elsewhere(self, files: Path) -> None:
        """What is there is judged: the faults of the other variables are found."""
        (files / "f.yaml").write_text(
            dedent(
                """\
                kind: Deployment
                metadata: {name: worker}
                spec:
                  template:
                    spec:
                      containers:
                      - name: worker
                        envFrom: [{secretRef: {name: broker}}]
                        env:
                        - {name: POSTGRESQL_HOST, value: postgres}
                        - {name: CELERY_TASK_TIME_LIMIT, value: abc}
                        - {name: CELERY_TASK_ACK_LATE, value: 'true'}
                """
            )
        )
        assert check("--manifest", "f.yaml").output.splitlines() == [
            "The configuration of the worker in f.yaml:7 (Deployment worker, container worker) has 1 fault:",
            "  CELERY_TASK_TIME_LIMIT in f.yaml:11 must be a number, above 0, at most 1,000,000,000",
            "  warning: CELERY_TASK_ACK_LATE in f.yaml:12 is not a Celery setting and is ignored; "
            "did you mean 'CELERY_TASK_ACKS_LATE'?",
            "  note: Secret broker in f.yaml:8 is not in the given files: "
            "settings that are missing may be in it",
        ]

    def test_values_that_are_not_known_contradict_nothing(self, files: Path) -> None:
        """A limit that is known is not held against the default of one that is not."""
        (files / "f.env").write_text(
            f"{VALID}CELERY_TASK_TIME_LIMIT_FILE=/x\nCELERY_TASK_SOFT_TIME_LIMIT=9000\n"
            "IBUTSU_PRUNE_TIME_BUDGET=8000\n"
        )
        assert check("--env-file", "f.env").exit_code == 0
        (files / "g.env").write_text(
            f"{VALID}CELERY_TASK_SOFT_TIME_LIMIT=60\nIBUTSU_PRUNE_TIME_BUDGET_FILE=/x\n"
        )
        assert check("--env-file", "g.env").exit_code == 0

    def test_objects_without_a_container_are_checked_in_a_role(self, files: Path) -> None:
        """ConfigMap and Secret together are what a container gets."""
        (files / "map.yaml").write_text("kind: ConfigMap\nmetadata: {name: a}\ndata: {FLOWER_PORT: x}\n")
        (files / "secret.yaml").write_text(
            f"kind: Secret\nmetadata: {{name: b}}\nstringData: {{CELERY_BROKER_URL: '{BROKER}'}}\n"
        )
        result = check("--role", "flower", "--manifest", "map.yaml", "secret.yaml")
        assert result.output.splitlines() == [
            "The configuration of the flower in map.yaml:1 (ConfigMap a, Secret b) has 1 fault:",
            "  FLOWER_PORT in map.yaml:3 must be a whole number, at least 0, at most 65,535",
        ]

    def test_a_file_that_is_no_yaml_is_a_fault(self, files: Path) -> None:
        """The other files are checked all the same."""
        (files / "f.yaml").write_text("a: [\n")
        result = check("--manifest", "f.yaml", "compose.yaml")
        assert result.exit_code == 1
        first, *others = result.output.splitlines()
        assert first.startswith("f.yaml:2 cannot be read as YAML (")
        assert len(others) == 2
        assert check("--manifest", "f.yaml").output.splitlines() == [first]

    def test_a_dash_is_the_standard_input(self) -> None:
        """So that what kustomize or helm print can be checked."""
        result = check("--role", "worker", "--manifest", "-", stdin=COMPOSE)
        assert result.output == "The configuration of the worker in <stdin>:3 (service worker) is valid.\n"


class TestFormats:
    """Programs and workflows read the same as people."""

    TEXT = COMPOSE.replace("3600", "abc").replace("redis:6379/0\n", "${HOST}/0\n", 1) + (
        "    - CELERY_TASK_ACK_LATE=1\n"
    )

    def test_a_program_reads_what_was_checked(self, files: Path) -> None:
        """Each fault, warning and note has its place; the name is that of the setting."""
        (files / "f.yaml").write_text(self.TEXT)
        result = check("--manifest", "f.yaml", "--format", "json")
        answer: dict[str, Any] = json.loads(result.output)
        assert result.exit_code == 1
        assert answer["valid"] is False
        assert answer["checked"] == [
            {
                "subject": "the worker in f.yaml:3 (service worker)",
                "role": "worker",
                "file": "f.yaml",
                "line": 3,
                "valid": False,
            },
            {
                "subject": "the flower in f.yaml:8 (service flower)",
                "role": "flower",
                "file": "f.yaml",
                "line": 8,
                "valid": True,
            },
        ]
        places = {
            kind: [(each["name"], each["file"], each["line"]) for each in answer[kind]]
            for kind in ("faults", "warnings", "notes")
        }
        assert places == {
            "faults": [("CELERY_TASK_TIME_LIMIT", "f.yaml", 7)],
            "warnings": [("CELERY_TASK_ACK_LATE", "f.yaml", 11)],
            "notes": [("CELERY_BROKER_URL", "f.yaml", 5)],
        }

    def test_a_workflow_reads_annotations(self, files: Path) -> None:
        """Faults are errors, warnings are warnings, and notes are notices: each at its line."""
        (files / "f.yaml").write_text(self.TEXT)
        assert check("--manifest", "f.yaml", "--format", "github").output.splitlines() == [
            "The configuration of the flower in f.yaml:8 (service flower) is valid.",
            "::error file=f.yaml,line=7,title=CELERY_TASK_TIME_LIMIT::"
            "CELERY_TASK_TIME_LIMIT in f.yaml:7 must be a number, above 0, at most 1,000,000,000",
            "::warning file=f.yaml,line=11,title=CELERY_TASK_ACK_LATE::CELERY_TASK_ACK_LATE in f.yaml:11 "
            "is not a Celery setting and is ignored; did you mean 'CELERY_TASK_ACKS_LATE'?",
            "::notice file=f.yaml,line=5,title=CELERY_BROKER_URL::"
            "CELERY_BROKER_URL in f.yaml:5 refers to HOST, whose value is not known here",
        ]

    def test_what_containers_share_is_annotated_once(self, files: Path) -> None:
        """Three services over one anchor have one fault at one line."""
        (files / "f.yaml").write_text(
            f"x-environment: &environment {{CELERY_BROKER_URL: '{BROKER}', CELERY_RESULT_BACKEND: x}}\n"
            "services:\n  flower: {environment: *environment}\n  flower-2: {environment: *environment}\n"
        )
        output = check("--manifest", "f.yaml", "--format", "github").output
        assert len(output.splitlines()) == 1
        assert "line=1,title=CELERY_RESULT_BACKEND::" in output

    @pytest.mark.parametrize("format_", ["text", "json", "github"])
    def test_no_format_shows_a_secret(self, format_: str, files: Path) -> None:
        """Neither one that is wrong, nor one that is no text, nor one in a broken file."""
        for number, text in enumerate(
            [
                COMPOSE.replace("redis:", "amqp:"),
                COMPOSE.replace(BROKER, f"[{HIDDEN}]"),
                COMPOSE.replace("redis:6379/0", "redis:6379/0#x"),
                f"{COMPOSE}  - [\n",
                f"kind: Secret\nmetadata: {{name: worker}}\ndata: {{CELERY_BROKER_URL: '{HIDDEN}!'}}\n",
                f"kind: ConfigMap\nmetadata: {{name: x}}\ndata: {{CELERY_BROKER_URL: {{a: {HIDDEN}}}}}\n",
            ]
        ):
            (files / f"{number}.yaml").write_text(text)
            assert check("--format", format_, "--manifest", f"{number}.yaml").exit_code == 1


class TestUsage:
    """What cannot be meant is wrong usage."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["valid.env"], "Name the kind of FILES with --env-file or with --manifest."),
            (
                ["--env-file", "valid.env", "--manifest", "compose.yaml", "valid.env"],
                "Name the kind of FILES with --env-file or with --manifest.",
            ),
            (
                ["--import", "--env-file", "valid.env"],
                "--import looks at this machine, and not at the one that files are for.",
            ),
            (
                ["--import", "--manifest", "compose.yaml"],
                "--import looks at this machine, and not at the one that files are for.",
            ),
            (["--env-file", "nowhere"], "Invalid value for '--env-file': File 'nowhere' does not exist."),
            (["--manifest", "."], "Invalid value for '--manifest': File '.' is a directory."),
        ],
    )
    def test_it_ends_with_two(self, arguments: list[str], message: str) -> None:
        """The message says what to write."""
        result = check(*arguments)
        assert result.exit_code == 2
        assert f"Error: {message}\n" in result.output

    def test_both_kinds_of_files_may_be_given(self) -> None:
        """Each is a check of its own."""
        result = check("--env-file", "valid.env", "--manifest", "compose.yaml")
        assert (result.exit_code, len(result.output.splitlines())) == (0, 3)


def test_sentences_are_wrapped_in_a_terminal(files: Path) -> None:
    """At its width, or at 80 columns; the words are the same."""
    (files / "empty.env").write_text("")
    piped = check("--env-file", "empty.env").output
    for columns, widest in ((60, 60), (200, 80)):
        wrapped = in_a_terminal(columns, "config", "check", "--env-file", "empty.env")
        assert wrapped.split() == piped.split()
        words = max(map(len, wrapped.split()))
        assert max(map(len, wrapped.splitlines())) <= max(widest, words + 4)
