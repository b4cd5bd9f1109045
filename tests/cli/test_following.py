"""Show how ``ibutsu import`` waits: for the row of the import, quietly, and without holding anything."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from ibutsu_server.db import db
from ibutsu_server.db.models import Import
from tests.processes import Process, running_worker
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask

pytestmark = pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)

IBUTSU = f"{sys.executable} -m ibutsu_server"
IDLE = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle in transaction'
"""


@pytest.fixture
def settings_of_process(app: Flask, broker_url: str, database_uri: str) -> dict[str, str]:
    """Return the environment of a process that uses this test's servers and tables."""
    return {"CELERY_BROKER_URL": broker_url, "SQLALCHEMY_DATABASE_URI": database_uri}


@pytest.fixture
def waiting(settings_of_process: dict[str, str], report: Path) -> Iterator[Process]:
    """Run ``ibutsu import`` until it waits for an import that nobody carries out."""
    with Process(f"{IBUTSU} import {report}", settings_of_process) as process:
        process.wait_for("No worker answers")
        yield process


def test_the_command_ends_when_the_import_has_ended(app: Flask, waiting: Process) -> None:
    """Whoever ended it: here no task did."""
    db.session.execute(db.update(Import).values(status="error", data={"error": "ended by hand"}))
    db.session.commit()
    assert waiting.wait() == 1
    assert "ended by hand" in waiting.output


def test_no_transaction_stays_open_while_it_waits(app: Flask, waiting: Process) -> None:
    """The connection is idle between two looks at the row."""
    wait_until(lambda: db.session.execute(text(IDLE)).scalar_one() == 0)
    samples = [db.session.execute(text(IDLE)).scalar_one() for _ in range(20)]
    assert samples.count(0) > len(samples) / 2
    db.session.rollback()


def test_ctrl_c_ends_the_waiting_quietly(waiting: Process) -> None:
    """The exit code is that of the signal, and the only word is which import goes on."""
    waiting._popen.send_signal(signal.SIGINT)
    assert waiting.wait() == 128 + signal.SIGINT
    *_, last = waiting.lines
    assert last.startswith("No longer waiting. These imports go on in the worker: ")
    assert "Traceback" not in waiting.output
    assert "Exception ignored" not in waiting.output


def test_a_queue_that_no_worker_consumes_is_named(settings_of_process: dict[str, str], report: Path) -> None:
    """A worker that answers but consumes another queue is no help."""
    with (
        running_worker(settings_of_process, "--queues=others"),
        Process(f"{IBUTSU} import {report}", settings_of_process) as process,
    ):
        process.wait_for("No worker consumes the queue celery: the imports wait until one does.")
