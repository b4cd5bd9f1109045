"""Show how any task waits for its servers: it uses up no retry, and its message is not lost."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from ibutsu_server.celery_utils import create_broker_celery_app
from ibutsu_server.settings import BrokerSettings
from tests.processes import Process, running_worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from celery import Celery

    from tests.integration.faults.servers import OwnValkey


@contextmanager
def worker_and_sender(url: str, sqlite_uri: str, **settings: str) -> Iterator[tuple[Process, Celery]]:
    """Run a worker that counts no retry and waits a second at most, and give a client."""
    environ = {
        "CELERY_BROKER_URL": url,
        "SQLALCHEMY_DATABASE_URI": sqlite_uri,
        "CELERY_INCLUDE": "tests.integration.faults.outage_tasks",
        "CELERY_WORKER_CONCURRENCY": "2",
        "CELERY_TASK_MAX_RETRIES": "0",
        "IBUTSU_OUTAGE_LONGEST_WAIT": "1",
        **settings,
    }
    sender = create_broker_celery_app("client", settings=BrokerSettings.hermetic(broker_url=url))
    with running_worker(environ) as worker:
        yield worker, sender
    sender.close()


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """Return a file in which a task counts its calls."""
    path = tmp_path / "calls"
    path.write_text("")
    return path


def test_an_outage_uses_up_no_retry(broker_url: str, sqlite_uri: str, calls: Path) -> None:
    """A task may meet any number of outages, in its child process or in a message for each."""
    with worker_and_sender(broker_url, sqlite_uri) as (_, sender):
        for task in ("outage.wait_in_place", "outage.sent_again"):
            calls.write_text("")
            sent = sender.send_task(task, args=[str(calls), 3])
            assert sent.get(timeout=120) == [4, 0]


@pytest.mark.parametrize("task", ["outage.wait_in_place", "outage.sent_again"])
def test_an_outage_is_waited_out_for_a_limited_time(
    broker_url: str, sqlite_uri: str, calls: Path, task: str
) -> None:
    """After the limit an attempt counts like any other one, and the task fails."""
    with worker_and_sender(broker_url, sqlite_uri, IBUTSU_OUTAGE_LIMIT="2") as (worker, sender):
        sent = sender.send_task(task, args=[str(calls), 1000])
        with pytest.raises(ConnectionRefusedError, match="the server is away"):
            sent.get(timeout=120)
        worker.wait_for("failed for good: ConnectionRefusedError")
    assert len(calls.read_text()) > 2


def test_a_task_is_tried_again_though_the_broker_did_not_take_its_message(
    valkey: OwnValkey, sqlite_uri: str, tmp_path: Path
) -> None:
    """Redis is away when two tasks fail: the retries are sent when it is back, and nothing is lost."""
    pipes = [tmp_path / "one", tmp_path / "two"]
    with worker_and_sender(valkey.url, sqlite_uri, CELERY_TASK_MAX_RETRIES="1") as (worker, sender):
        for pipe in pipes:
            os.mkfifo(pipe)
            sender.send_task("outage.fail_once", args=[str(pipe)])
        one, two = pipes
        with one.open("w"), two.open("w"):  # returns when the tasks have opened the other ends: they run
            valkey.kill()
        worker.wait_for("The broker does not take outage.fail_once", times=2)
        valkey.start()
        worker.wait_for("'tried again'", times=2)
