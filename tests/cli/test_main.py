"""Show what the ``ibutsu`` command as a whole promises."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ibutsu_server import _AppRegistry
from ibutsu_server.cli import COMMANDS, main
from ibutsu_server.db import db
from ibutsu_server.db.models import Import
from tests.processes import environment

if TYPE_CHECKING:
    from pathlib import Path

DEAD_BROKER = "redis://:hunter2@localhost:1/0"


def test_the_help_names_every_command_and_the_entry_points() -> None:
    """The help lists the commands and how Celery starts the processes."""
    told = CliRunner().invoke(main, ["--help"]).output
    for word in ("config", "db", "demo", "dev", "import", "ibutsu_server:worker_app"):
        assert word in told


def test_the_package_runs_as_a_module() -> None:
    """``python -m ibutsu_server`` is the same command."""
    command = [sys.executable, "-m", "ibutsu_server", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "version 0.1.0" in told


def test_an_unknown_command_is_wrong_usage() -> None:
    """A command that does not exist ends with exit code 2 and says so."""
    result = CliRunner().invoke(main, ["imprt"])
    assert result.exit_code == 2
    assert "No such command 'imprt'" in result.output


def test_a_faulty_configuration_is_a_message_without_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that needs the configuration lists its faults and ends with exit code 1."""
    monkeypatch.setenv("CELERY_BROKER_URL", "amqp://localhost")
    result = CliRunner().invoke(main, ["import", __file__])
    assert result.exit_code == 1
    assert result.output.startswith("Error: CELERY_BROKER_URL")
    assert "SQLALCHEMY_DATABASE_URI environment variable must be set" in result.output
    assert "Traceback" not in result.output


def test_a_database_without_tables_is_told_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, broker_url: str, database_uri: str, report: Path
) -> None:
    """An import into an empty database names the command that makes the tables."""
    monkeypatch.setenv("CELERY_BROKER_URL", broker_url)
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", database_uri)
    result = CliRunner().invoke(main, ["import", str(report)])
    assert result.exit_code == 1
    assert "The database lacks tables (" in result.output
    assert "Run 'ibutsu db init' if it is new" in result.output


def test_names_of_files_are_shown_as_text(
    monkeypatch: pytest.MonkeyPatch, broker_url: str, database_uri: str, report: Path
) -> None:
    """A name is shown as it is, with what would be markup, and with a mark for bytes that are no text."""
    monkeypatch.setenv("CELERY_BROKER_URL", broker_url)
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", database_uri)
    assert CliRunner().invoke(main, ["db", "init"]).exit_code == 0
    for name, shown in (("run[red].xml", "run[red].xml"), (os.fsdecode(b"no\xff.xml"), "no\ufffd.xml")):
        path = report.rename(report.with_name(name))
        result = CliRunner().invoke(main, ["import", "--no-wait", str(path)])
        assert result.exit_code == 0, result.output
        assert f"{shown}: import " in result.output
        report = path


def test_a_bad_file_does_not_keep_others_from_being_sent(
    monkeypatch: pytest.MonkeyPatch, broker_url: str, database_uri: str, report: Path
) -> None:
    """Each file is judged by itself: bad ones are named with what is wrong, and the exit code is 1."""
    monkeypatch.setenv("CELERY_BROKER_URL", broker_url)
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", database_uri)
    assert CliRunner().invoke(main, ["db", "init"]).exit_code == 0
    notes = report.with_name("notes.txt")
    notes.write_text("plain")
    files = ["/proc/self/mem", str(notes), str(report), "missing.xml"]
    result = CliRunner().invoke(main, ["import", "--no-wait", *files])
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Error: /proc/self/mem: The file cannot be read (Input/output error).",
        f"Error: {notes}: The file is neither XML nor a tar or zip archive; "
        "upload JUnit XML, or an archive of pytest-ibutsu as .tar.gz.",
        "Error: missing.xml: There is no such file or directory.",
    ]
    assert result.stdout.startswith(f"{report}: import ")
    with _AppRegistry.get_flask_app().app_context():
        assert [import_.filename for import_ in db.session.scalars(db.select(Import))] == ["report.xml"]


def test_a_project_that_does_not_exist_is_an_error_before_any_file_is_sent(
    monkeypatch: pytest.MonkeyPatch, broker_url: str, database_uri: str, report: Path
) -> None:
    """The message says what to give."""
    monkeypatch.setenv("CELERY_BROKER_URL", broker_url)
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", database_uri)
    assert CliRunner().invoke(main, ["db", "init"]).exit_code == 0
    result = CliRunner().invoke(main, ["import", "--project", "shpo", str(report), str(report)])
    assert result.exit_code == 1
    message = "There is no project called 'shpo'; give the name or the id of a project that exists."
    assert result.output == f"Error: {message}\n"


def test_ctrl_c_ends_the_waiting_and_not_the_import(broker_url: str, database_uri: str, report: Path) -> None:
    """Whoever stops waiting is told which imports go on, without a traceback."""
    environment = {**os.environ, "CELERY_BROKER_URL": broker_url, "SQLALCHEMY_DATABASE_URI": database_uri}
    ibutsu = (sys.executable, "-m", "ibutsu_server")
    subprocess.run([*ibutsu, "db", "init"], env=environment, check=True)
    with subprocess.Popen(
        [*ibutsu, "import", str(report)], env=environment, stderr=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stderr is not None
        assert "No worker answers" in waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        told = waiting.stderr.read()
    assert waiting.returncode == 128 + signal.SIGINT
    assert "No longer waiting. These imports go on in the worker: " in told
    assert "Traceback" not in told


def test_a_broker_that_is_away_is_told_and_nothing_is_kept(
    monkeypatch: pytest.MonkeyPatch, database_uri: str, report: Path
) -> None:
    """An import that cannot be sent says which server is away, without the password, and leaves no import."""
    monkeypatch.setenv("CELERY_BROKER_URL", DEAD_BROKER)
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", database_uri)
    assert CliRunner().invoke(main, ["db", "init"]).exit_code == 0
    result = CliRunner().invoke(main, ["import", str(report)])
    assert result.exit_code == 1
    assert "The broker does not answer" in result.output
    assert "hunter2" not in result.output
    with _AppRegistry.get_flask_app().app_context():
        assert db.session.scalars(db.select(Import)).all() == []


def test_help_lists_every_command_and_imports_none() -> None:
    """The first screen comes at once: nothing but Click is needed for it."""
    statement = (
        "import sys\n"
        "from ibutsu_server.cli import COMMANDS, main\n"
        "main(['--help'], standalone_mode=False)\n"
        "assert not {'pydantic', 'celery', 'flask', 'sqlalchemy', 'redis', 'rich'} & sys.modules.keys()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", statement], capture_output=True, text=True, check=True, env=environment()
    )
    listed = ended.stdout.partition("Commands:")[2]
    assert [line.split()[0] for line in listed.strip().splitlines()] == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(name: str) -> None:
    """``ibutsu COMMAND --help`` is there for each command of the list."""
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert f"Usage: main {name}" in result.output
