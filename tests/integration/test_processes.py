"""Show that the three documented commands come up over real servers and do their work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

from ibutsu_server.celery_utils import create_broker_celery_app
from ibutsu_server.db import db
from ibutsu_server.db.models import Import, Run
from ibutsu_server.settings import BrokerSettings
from tests.db.rows import make_import, stored
from tests.processes import FLOWER, SCHEDULER, Process, loaded_modules, running_worker
from tests.servers import free_port

if TYPE_CHECKING:
    from flask import Flask

TASK_MODULES = ("db", "importers", "query", "results", "runs")
ONE_KIND_OF_DATABASE = pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)


def test_a_worker_imports_what_the_api_server_stored(
    app: Flask, process_settings: dict[str, str], broker_url: str
) -> None:
    """A message as the API server sends it, by name and as JSON, ends in a run."""
    report = (Path(__file__).parents[1] / "samples" / "pytest.xml").read_bytes()
    import_id = stored(make_import(report))
    sender = create_broker_celery_app("api", settings=BrokerSettings.hermetic(broker_url=broker_url))
    with running_worker(process_settings) as worker:
        sent = sender.send_task("ibutsu_server.tasks.importers.run_junit_import", args=[{"id": import_id}])
        assert sent.get(timeout=60) is None
    sender.close()
    imported = db.session.get_one(Import, import_id)
    assert imported.status == "done"
    assert imported.data is not None
    run = db.session.get_one(Run, imported.data["run_id"][0])
    assert run.summary is not None
    assert (run.summary["tests"], run.summary["failures"], run.summary["errors"]) == (9, 2, 1)
    assert all(f". ibutsu_server.tasks.{module}." in worker.output for module in TASK_MODULES)


@ONE_KIND_OF_DATABASE
def test_beat_sends_a_task_that_is_due(process_settings: dict[str, str]) -> None:
    """The scheduler sends the entry whose time has come, and the worker runs it."""
    every_second = {
        "IBUTSU_BEAT_SYNC_ABORTED_RUNS_SCHEDULE": "1",
        "CELERY_BEAT_MAX_LOOP_INTERVAL": "1",
    }
    with (
        running_worker(process_settings) as worker,
        Process(SCHEDULER, process_settings | every_second) as beat,
    ):
        beat.wait_for("Sending due task sync-aborted-runs (ibutsu_server.tasks.runs.sync_aborted_runs)")
        worker.wait_for("Task ibutsu_server.tasks.runs.sync_aborted_runs")
        worker.wait_for("succeeded in")


@ONE_KIND_OF_DATABASE
def test_flower_shows_the_worker(process_settings: dict[str, str], broker_url: str) -> None:
    """Flower needs the broker alone and loads no server; its API lists the worker and a task's result."""
    port = free_port()
    settings = {
        "CELERY_BROKER_URL": broker_url,
        "FLOWER_UNAUTHENTICATED_API": "true",
        "PYTHONPROFILEIMPORTTIME": "1",
    }
    flower_command = FLOWER.format(port=port)
    sender = create_broker_celery_app("api", settings=BrokerSettings.hermetic(broker_url=broker_url))
    with running_worker(process_settings) as worker, Process(flower_command, settings) as flower:
        flower.wait_for("Connected to redis://")
        assert list(answer_of(port, "workers?refresh=true")) == [ready_name(worker)]
        sent = sender.send_task("ibutsu_server.tasks.db.prune_old_import_files", args=[0])
        told = sent.get(timeout=60)
        assert answer_of(port, f"task/result/{sent.id}")["result"] == told
    sender.close()
    loaded = loaded_modules(flower.lines)
    assert "flower.app" in loaded
    assert loaded.isdisjoint({"flask", "sqlalchemy", "psycopg", "ibutsu_server.tasks"})


def ready_name(worker: Process) -> str:
    """Give the name under which a worker said that it is ready."""
    (line,) = (line for line in worker.lines if line.endswith(" ready."))
    return line.split()[-2]


def answer_of(port: int, path: str) -> dict[str, Any]:
    """Return the answer of Flower's API."""
    with urlopen(f"http://127.0.0.1:{port}/api/{path}") as response:
        answer: dict[str, Any] = json.load(response)
        return answer
