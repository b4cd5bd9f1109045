"""Show what ``ibutsu config`` tells people, programs and CI jobs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from ibutsu_server.cli import main
from tests.cli.terminal import in_a_terminal

if TYPE_CHECKING:
    from pathlib import Path

HIDDEN = "hunter2"
VALID = {
    "CELERY_BROKER_URL": f"redis://:{HIDDEN}@localhost:6379/0",
    "SQLALCHEMY_DATABASE_URI": f"postgresql://ibutsu:{HIDDEN}@localhost/ibutsu",
}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IBUTSU_ENV_FILE")  # so that .env in this folder is read


def config(*arguments: str, **settings: str) -> Result:
    """Run ``ibutsu config`` with an environment; whatever it writes shows no secret."""
    result = CliRunner(env=settings).invoke(main, ["config", *arguments])
    assert HIDDEN not in result.output
    return result


@pytest.mark.parametrize("role", ["worker", "scheduler", "flower"])
def test_a_valid_configuration_ends_with_zero(role: str) -> None:
    """The command says that the role's configuration is valid."""
    result = config("check", "--role", role, **VALID)
    assert (result.exit_code, result.stdout) == (0, f"The configuration of the {role} is valid.\n")


def test_every_fault_is_told_at_once() -> None:
    """Exit code 1, and a line for each fault by the name that was typed."""
    result = config(
        "check",
        CELERY_BROKER_URL=f"amqp://user:{HIDDEN}@localhost",
        CELERY_TASK_TIME_LIMIT="abc",
        IBUTSU_BEAT_PRUNE_FILES_MONTHS="1",
    )
    assert result.exit_code == 1
    faulty = [line.split()[0] for line in result.stdout.splitlines()]
    assert faulty == [
        "CELERY_BROKER_URL",
        "CELERY_TASK_TIME_LIMIT",
        "SQLALCHEMY_DATABASE_URI",
        "IBUTSU_BEAT_PRUNE_FILES_MONTHS",
    ]


def test_the_monitor_needs_the_broker_alone() -> None:
    """A missing database is no fault of Flower's configuration."""
    assert config("check", "--role", "flower", CELERY_BROKER_URL="redis://localhost").exit_code == 0


def test_a_misspelt_name_is_a_warning_and_under_strict_a_fault() -> None:
    """The suggestion is the same; only the exit code differs."""
    misspelt = {**VALID, "CELERY_TASK_TIME_LIMITS": "60"}
    told = (
        "CELERY_TASK_TIME_LIMITS is not a Celery setting and is ignored; "
        "did you mean 'CELERY_TASK_TIME_LIMIT'?"
    )
    lax, strict = config("check", **misspelt), config("check", "--strict", **misspelt)
    assert (lax.exit_code, strict.exit_code) == (0, 1)
    assert told in strict.stdout
    assert told.partition(" is")[0] in lax.stderr


@pytest.mark.parametrize(
    ("role", "typed", "meant"),
    [
        ("worker", "IBUTSU_BEAT_PRUNE_RUNS_SHEDULE", "IBUTSU_BEAT_PRUNE_RUNS_SCHEDULE"),
        ("scheduler", "IBUTSU_PRUNE_BATCHSIZE", "IBUTSU_PRUNE_BATCH_SIZE"),
        ("worker", "POSTGRESQL_PASWORD", "POSTGRESQL_PASSWORD"),
        ("worker", "SQLALCHEMY_DATABASE_URL_FILE", "SQLALCHEMY_DATABASE_URI"),
        ("flower", "CELERY_RESULT_BACKENDS", "CELERY_RESULT_BACKEND"),
    ],
)
def test_a_misspelt_name_of_any_kind_is_told(role: str, typed: str, meant: str) -> None:
    """The strict check fails, and suggests the setting that has no value."""
    settings = {name: value for name, value in VALID.items() if name != meant}
    strict = config("check", "--strict", "--role", role, **{**settings, typed: "x"})
    assert strict.exit_code == 1
    assert f"{typed} is not a" in strict.stdout
    assert f"is ignored; did you mean '{meant}'?" in strict.stdout


@pytest.mark.parametrize("name", ["POSTGRES_DB", "IBUTSU_TOKEN", "CELERY_BIN", "SQLALCHEMY_DATABASE_URL"])
def test_a_name_of_another_program_is_left_alone(name: str) -> None:
    """It is like none of ours, or like one that has a value."""
    assert config("check", "--strict", **VALID, **{name: "x"}).exit_code == 0


@pytest.mark.parametrize("name", ["IBUTSU_ENV_FILE", "IBUTSU_SECRETS_DIR"])
def test_a_place_of_settings_that_is_not_there_is_told_once(name: str) -> None:
    """Who names a file wants it to be read."""
    result = config("check", **VALID, **{name: "nowhere"})
    assert result.exit_code == 1
    assert (
        result.output
        == f"{name} names nowhere, which does not exist; correct the path, or unset the variable\n"
    )


def test_a_task_module_that_is_missing_is_a_fault() -> None:
    """The worker would not start."""
    result = config("check", **VALID, CELERY_INCLUDE="ibutsu_server.tasks.nope")
    assert result.exit_code == 1
    assert "CELERY_INCLUDE names the task module ibutsu_server.tasks.nope" in result.stdout
    assert config("check", "--role", "flower", **VALID, CELERY_INCLUDE="nope").exit_code == 0


def test_a_secret_in_a_file_is_no_unknown_name(tmp_path: Path) -> None:
    """The names that end with _FILE pass the strict check before a deploy."""
    file = tmp_path / "broker"
    file.write_text(VALID["CELERY_BROKER_URL"])
    result = config("check", "--role", "flower", "--strict", CELERY_BROKER_URL_FILE=str(file))
    assert (result.exit_code, result.stderr) == (0, "")


def test_an_env_file_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    """The file is named, and there is no traceback."""
    (tmp_path / ".env").write_bytes(b"X=\xff")
    result = config("check", **VALID)
    assert result.exit_code == 1
    assert "IBUTSU_ENV_FILE names a file that cannot be read: .env" in result.output


@pytest.mark.parametrize("name", VALID)
def test_a_password_with_a_bare_at_sign_is_a_fault(name: str) -> None:
    """What stands behind it would be taken for the host, and shown."""
    result = config("check", **{**VALID, name: VALID[name].replace("@", f"@{HIDDEN}@")})
    assert result.exit_code == 1
    assert "percent-encode the special characters" in result.output


def test_a_deploy_job_reads_the_exit_code() -> None:
    """As a process with nothing set the command ends with 1, the list of faults and no traceback."""
    command = [sys.executable, "-m", "ibutsu_server", "config", "check"]
    ended = subprocess.run(command, env={}, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert [line.split()[0] for line in ended.stdout.splitlines()] == list(VALID)
    assert ended.stderr == ""


def test_a_role_that_does_not_exist_is_wrong_usage() -> None:
    """Exit code 2, with the roles that exist."""
    result = config("check", "--role", "api")
    assert result.exit_code == 2
    assert "'worker', 'scheduler', 'flower'" in result.output


def test_a_program_reads_faults_as_json() -> None:
    """Faults and warnings are lists of names and problems."""
    result = config("check", "--format", "json", CELERY_WORKER_CONCURENCY="3")
    answer: dict[str, Any] = json.loads(result.stdout)
    assert (result.exit_code, answer["valid"]) == (1, False)
    assert answer["faults"][0]["name"] == "CELERY_BROKER_URL"
    assert answer["faults"][0]["problem"].startswith("environment variable must be set")
    assert [warning["name"] for warning in answer["warnings"]] == ["CELERY_WORKER_CONCURENCY"]


def test_a_workflow_reads_faults_as_annotations() -> None:
    """Each fault is an error annotation, each warning a warning."""
    lines = config("check", "--format", "github", CELERY_WORKER_CONCURENCY="3").stdout.splitlines()
    assert lines[0].startswith(
        "::error title=CELERY_BROKER_URL::CELERY_BROKER_URL environment variable must be set"
    )
    assert lines[-1].startswith("::warning title=CELERY_WORKER_CONCURENCY::")


def test_show_tells_each_value_and_its_source(tmp_path: Path) -> None:
    """Environment, secret file, ``.env`` file and default are told apart."""
    secret = tmp_path / "uri"
    secret.write_text(VALID["SQLALCHEMY_DATABASE_URI"])
    (tmp_path / ".env").write_text("CELERY_WORKER_CONCURRENCY=3\n")
    result = config(
        "show",
        "--json",
        CELERY_BROKER_URL=VALID["CELERY_BROKER_URL"],
        SQLALCHEMY_DATABASE_URI_FILE=str(secret),
    )
    shown = {value["name"]: value for value in json.loads(result.stdout)}
    assert shown["CELERY_BROKER_URL"]["value"] == "redis://:***@localhost:6379/0"
    assert shown["CELERY_BROKER_URL"]["origin"] == "environment variable CELERY_BROKER_URL"
    assert shown["SQLALCHEMY_DATABASE_URI"]["origin"] == f"file SQLALCHEMY_DATABASE_URI in {secret}"
    assert shown["CELERY_WORKER_CONCURRENCY"]["origin"] == "file CELERY_WORKER_CONCURRENCY in .env:1"
    assert shown["CELERY_REDIS_SOCKET_TIMEOUT"]["origin"] == "default"


def test_show_prints_a_table_for_people() -> None:
    """The table has the same values; nothing is cut."""
    result = config("show", **VALID)
    assert "redis://:***@localhost:6379/0" in result.stdout
    assert "IBUTSU_BEAT_SYNC_ABORTED_RUNS_SCHEDULE" in result.stdout


@pytest.mark.parametrize("command", ["check", "show", "explain", "template", "schema"])
def test_the_help_of_a_command_fits_eighty_columns(command: str) -> None:
    """And says more than the names of the options."""
    lines = config(command, "--help").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) > 8


def test_an_explanation_fits_the_terminal() -> None:
    """In a pipe it has eighty columns."""
    for columns, widest in ((60, 60), (200, 80)):
        output = in_a_terminal(columns, "config", "explain", "task_time_limit", **VALID)
        words = [line for line in output.splitlines() if len(line.split()) > 1]
        assert 40 < max(map(len, words)) <= widest
    assert max(map(len, config("explain", "include", **VALID).stdout.splitlines())) <= 80


def test_show_hides_the_logins_of_the_monitor() -> None:
    """Their number is shown; with none nothing is printed beside the table."""
    result = config("show", "--role", "flower", **VALID, FLOWER_BASIC_AUTH=f"a:{HIDDEN},b:{HIDDEN}")
    assert "FLOWER_BASIC_AUTH\t***\tenvironment variable FLOWER_BASIC_AUTH\n" in result.stdout
    without = config("show", "--role", "flower", **VALID)
    assert "FLOWER_BASIC_AUTH\t[]\tdefault\n" in without.stdout
    assert without.stderr == ""


def test_show_takes_nothing_for_markup() -> None:
    """Square brackets and colons are shown as they are."""
    shown = config(
        "show", **VALID, CELERY_TASK_DEFAULT_QUEUE="[/red]:bug:", CELERY_RESULT_BACKEND="redis://[::1]/0"
    )
    assert "[/red]:bug:" in shown.stdout
    assert "redis://[::1]/0" in shown.stdout


def test_show_of_a_faulty_configuration_tells_the_faults() -> None:
    """There are no effective values to show: exit code 1."""
    result = config("show")
    assert result.exit_code == 1
    assert "CELERY_BROKER_URL environment variable must be set" in result.stderr


HEAVY = ("yaml", "celery", "kombu", "redis", "sqlalchemy", "rich", "flask")
"""Packages that a check of the environment does not need."""


@pytest.mark.parametrize("role", ["worker", "scheduler", "flower"])
@pytest.mark.parametrize("settings", [VALID, {}], ids=["valid", "faulty"])
def test_a_check_imports_no_package_that_it_does_not_need(role: str, settings: dict[str, str]) -> None:
    """A deploy job starts the check often: it loads neither Celery nor a client of a server."""
    code = (
        "import sys\n"
        "from ibutsu_server.cli import main\n"
        f"main(['config', 'check', '--role', {role!r}], standalone_mode=False)\n"
        f"print('loaded:', sorted(sys.modules.keys() & {set(HEAVY)!r}))\n"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, env=settings, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "loaded: []"
