"""Show an import that takes its time: how far it is, and what becomes of it when its process is killed."""

from __future__ import annotations

import os
import signal
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from ibutsu_server.celery_utils import create_broker_celery_app
from ibutsu_server.db import db
from ibutsu_server.db.models import Artifact, Import, Result, Run
from ibutsu_server.settings import BrokerSettings
from tests.db.rows import make_import, stored
from tests.processes import running_worker

if TYPE_CHECKING:
    from celery import Celery
    from flask import Flask

CASES = 10_000
CASE = '<testcase classname="tests.TestCart" name="test_total[%d]"><system-out>said</system-out></testcase>'
REPORT = b"<testsuite>%s</testsuite>" % "".join(CASE % number for number in range(CASES)).encode()
SLOW_IMPORT = {"IBUTSU_IMPORT_BATCH_SIZE": "10", "CELERY_TASK_TRACK_STARTED": "true"}
"""Small batches make the import last; its state tells the process that has it."""


def count(*tables: type[Run | Result | Artifact]) -> list[int]:
    """Count the rows that everybody can see."""
    db.session.rollback()
    counts = [db.session.scalar(db.select(db.func.count()).select_from(table)) for table in tables]
    return [counted or 0 for counted in counts]


class Watch:
    """Be a client that waits for an import, and keep what it is told."""

    def __init__(self) -> None:
        self.child = 0
        """Number of the process that has the task."""
        self.states: list[str] = []
        self.progress: list[dict[str, Any]] = []

    def wait(self, sender: Celery, import_id: str) -> None:
        """Have the file imported and wait for the end."""
        sent = sender.send_task("ibutsu_server.tasks.importers.run_junit_import", args=[{"id": import_id}])
        sent.get(timeout=120, on_message=self.see, propagate=False)

    def see(self, message: dict[str, Any]) -> None:
        """Keep one message."""
        if message["status"] == "STARTED":
            self.child = message["result"]["pid"]
        elif message["status"] == "PROGRESS":
            self.progress.append(message["result"])
        else:
            self.states.append(message["status"])


class Killer(Watch):
    """Kill the worker's child process, once, when results have been written."""

    seen_when_killed: list[int] | None = None

    def see(self, message: dict[str, Any]) -> None:
        """Kill when the first results are told."""
        super().see(message)
        if self.seen_when_killed is None and self.progress and self.progress[-1]["current"]:
            os.kill(self.child, signal.SIGKILL)
            self.seen_when_killed = count(Run, Result, Artifact)


def import_report(watch: Watch, broker_url: str, settings: dict[str, str]) -> Import:
    """Let a real worker import the report under watch, and give the import as it ended."""
    import_id = stored(make_import(REPORT))
    sender = create_broker_celery_app("api", settings=BrokerSettings.hermetic(broker_url=broker_url))
    with closing(sender), running_worker(settings | SLOW_IMPORT):
        watch.wait(sender, import_id)
    db.session.rollback()
    return db.session.get_one(Import, import_id)


@pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)
def test_a_client_sees_how_far_an_import_is(
    app: Flask, process_settings: dict[str, str], broker_url: str
) -> None:
    """It is told the phase, how many results are written and how many there are."""
    watch = Watch()
    assert import_report(watch, broker_url, process_settings).status == "done"
    first, *others = watch.progress
    assert first == {"current": 0, "total": CASES, "phase": "reading"}
    assert {(told["total"], told["phase"]) for told in others} == {(CASES, "results")}
    written = [told["current"] for told in others]
    assert written == sorted(written)
    assert 0 < written[-1] <= CASES


def test_a_killed_import_is_carried_out_once(
    app: Flask, process_settings: dict[str, str], broker_url: str
) -> None:
    """When it is killed nothing is visible; it is delivered again and ends with every row once."""
    killer = Killer()
    assert import_report(killer, broker_url, process_settings).status == "done"
    assert killer.seen_when_killed == [0, 0, 0]
    assert killer.states == ["RETRY", "SUCCESS"]
    assert count(Run, Result, Artifact) == [1, CASES, CASES]


def test_an_import_that_kills_its_process_every_time_ends_in_error(
    app: Flask, process_settings: dict[str, str], broker_url: str
) -> None:
    """After the last retry the import says what happened, and there are no rows."""
    killer = Killer()
    ended = import_report(killer, broker_url, process_settings | {"CELERY_TASK_MAX_RETRIES": "0"})
    assert (ended.status, killer.states) == ("error", ["FAILURE"])
    assert "WorkerLostError" in (ended.data or {})["error"]
    assert count(Run, Result, Artifact) == [0, 0, 0]


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_an_import_that_takes_too_long_ends_in_error(
    app: Flask, process_settings: dict[str, str], broker_url: str
) -> None:
    """At its soft time limit an import says so, is not tried again, and leaves no statement behind."""
    watch = Watch()
    with db.engine.connect() as holder:
        holder.execute(db.text("LOCK TABLE artifacts IN SHARE MODE"))
        ended = import_report(watch, broker_url, process_settings | {"CELERY_TASK_SOFT_TIME_LIMIT": "2"})
        waiting = db.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        assert db.session.scalar(waiting) == 0
    assert (ended.status, watch.states) == ("error", ["FAILURE"])
    assert "took longer than a task may (CELERY_TASK_SOFT_TIME_LIMIT)" in (ended.data or {})["error"]
    assert count(Run, Result, Artifact) == [0, 0, 0]
