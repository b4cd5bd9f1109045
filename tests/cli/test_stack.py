"""Show that ``ibutsu demo`` and ``ibutsu dev`` run real processes and leave none behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import pytest

from ibutsu_server.app import create_app
from ibutsu_server.cli.stack import embedded_valkey
from ibutsu_server.db import db
from ibutsu_server.db.models import Run
from ibutsu_server.settings import FlaskCelerySettings
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

IBUTSU: Final = (sys.executable, "-m", "ibutsu_server")
MARK: Final = "IBUTSU_STACK_OF_TEST"
SAMPLES: Final = sorted((Path(__file__).parents[1] / "samples").glob("*.xml"))


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Give an environment without settings; afterwards no process may be left that has it."""
    mark = uuid4().hex
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    yield {**kept, MARK: mark, "TMPDIR": str(tmp_path)}
    assert processes_marked(mark) == []


def processes_marked(mark: str) -> list[str]:
    """Give the command lines of the processes whose environment bears ``mark``."""
    left = []
    for process in Path("/proc").iterdir():
        try:
            if mark.encode() in (process / "environ").read_bytes():
                left.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # no process, another user's, or one that has just ended
    return left


def run(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ``ibutsu`` to its end."""
    return subprocess.run([*IBUTSU, *arguments], env=environment, capture_output=True, text=True, check=False)


def test_the_demo_imports_real_reports_and_ends(environment: dict[str, str], tmp_path: Path) -> None:
    """The demo shows the runs of the samples and Flower's address, and leaves no process and no file."""
    ended = run("demo", *map(str, SAMPLES), environment=environment)
    assert ended.returncode == 0, ended.stderr
    assert "Flower: http://127.0.0.1:" in ended.stdout
    assert all(sample.name in ended.stdout for sample in SAMPLES)
    assert f"Intake: {SAMPLES[0].name} was found in a swept folder, imported, and moved to" in ended.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_demo_uses_the_servers_that_are_named(
    environment: dict[str, str], broker_url: str, postgres_uri: str
) -> None:
    """With a broker and a database in the environment the runs land there, that of the swept file too."""
    named = {"CELERY_BROKER_URL": broker_url, "SQLALCHEMY_DATABASE_URI": postgres_uri}
    ended = run("demo", str(SAMPLES[0]), environment=environment | named)
    assert ended.returncode == 0, ended.stderr
    settings = FlaskCelerySettings.hermetic(broker_url=broker_url, sqlalchemy_database_uri=postgres_uri)
    with create_app(settings).app_context():
        assert db.session.scalar(db.select(db.func.count()).select_from(Run)) == 2
        db.session.remove()
        db.engine.dispose()


def test_a_demo_of_a_bad_file_says_which_and_fails(environment: dict[str, str], tmp_path: Path) -> None:
    """A file that is no report is named with the reason, and the exit code is 1."""
    page = tmp_path / "page.xml"
    page.write_text("<html/>")
    ended = run("demo", str(page), environment=environment)
    assert ended.returncode == 1
    assert "page.xml" in ended.stderr
    assert "its root element is <html>" in ended.stderr
    assert "1 of 1 files could not be imported" in ended.stderr


def test_a_worker_that_cannot_start_ends_the_stack(environment: dict[str, str]) -> None:
    """A process that ends is told with what it wrote last; the others end with it."""
    environment["CELERY_INCLUDE"] = "ibutsu_server.tasks.nope"
    ended = run("dev", "--flower-port", str(free_port()), environment=environment)
    assert ended.returncode == 1
    assert "ended with exit code" in ended.stderr
    assert "CELERY_INCLUDE names the task module ibutsu_server.tasks.nope" in ended.stderr


def test_a_port_that_is_taken_is_told_with_the_remedy(environment: dict[str, str]) -> None:
    """The stack does not start when somebody else listens on Flower's port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("dev", "--flower-port", str(port), environment=environment)
    assert ended.returncode == 1
    assert f"Port {port} cannot be used" in ended.stderr
    assert "choose another with --flower-port" in ended.stderr


def test_stacks_that_start_at_once_get_a_broker_each() -> None:
    """Brokers that start at the same moment do not meet on one port."""
    together = Barrier(3, timeout=30)

    def start(_: int) -> str:
        together.wait()
        with embedded_valkey() as url:
            together.wait()
            return url

    with ThreadPoolExecutor(together.parties) as pool:
        assert len(set(pool.map(start, range(together.parties)))) == together.parties


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_dev_serves_imports_until_it_is_told_to_end(
    environment: dict[str, str], report: Path, number: signal.Signals
) -> None:
    """The stack of ``ibutsu dev`` takes an import from another terminal, and ends on Ctrl-C or SIGTERM."""
    command = [*IBUTSU, "dev", "--flower-port", str(free_port())]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as stack:
        assert stack.stdout is not None
        try:
            shown = (line.strip() for line in stack.stdout)
            servers = dict(line.split("=", 1) for line in take_two_settings(shown))
            ended = run("import", "--json", str(report), environment=environment | servers)
            page = report.with_name("page.xml")
            page.write_text("<html/>")
            mixed = ("import", "--json", "missing.xml", str(page), str(report))
            refused = run(*mixed, environment=environment | servers)
            left = run("import", "--no-wait", str(report), environment=environment | servers)
        finally:
            stack.send_signal(number)
            stack.stdout.read()
    assert stack.returncode == (0 if number is signal.SIGINT else 128 + signal.SIGTERM)
    assert ended.returncode == 0, ended.stderr
    assert (refused.returncode, left.returncode) == (1, 0)
    missing, page_outcome, other = json.loads(refused.stdout)
    assert missing["error"] == "There is no such file or directory."
    assert page_outcome["error"].startswith("The file is not a JUnit report")
    assert other["status"] == "done"
    (outcome,) = json.loads(ended.stdout)
    (imported,) = outcome["runs"]
    assert (outcome["status"], imported["summary"]["tests"], imported["summary"]["failures"]) == (
        "done",
        2,
        1,
    )


def take_two_settings(lines: Iterator[str]) -> Iterator[str]:
    """Give the two lines in which ``ibutsu dev`` tells its broker and its database."""
    for name in ("CELERY_BROKER_URL=", "SQLALCHEMY_DATABASE_URI="):
        yield next(line for line in lines if line.startswith(name))
