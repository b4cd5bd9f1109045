"""Show retries through a real worker: in sight of everybody, bounded, and only where they can help."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from ibutsu_server.celery_utils import create_broker_celery_app, create_flask_celery_app
from ibutsu_server.settings import BrokerSettings
from tests.processes import running_worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from celery import Celery
    from flask import Flask

    from tests.processes import Process

ONE_KIND_OF_DATABASE = pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)

RETRIES = 3


@pytest.fixture
def worker(process_settings: dict[str, str]) -> Iterator[Process]:
    """Run a worker that knows the failing tasks and retries three times, without delay."""
    settings = {
        "CELERY_INCLUDE": "tests.integration.failing_tasks",
        "CELERY_TASK_MAX_RETRIES": str(RETRIES),
        "CELERY_TASK_RETRY_BACKOFF": "1",
        "CELERY_TASK_RETRY_BACKOFF_MAX": "1",
    }
    with running_worker(process_settings | settings) as process:
        yield process


@pytest.fixture
def sender(broker_url: str) -> Iterator[Celery]:
    """Give the app of a client that waits for results."""
    app = create_broker_celery_app("client", settings=BrokerSettings.hermetic(broker_url=broker_url))
    yield app
    app.close()


def states_of(sender: Celery, task: str, *args: str) -> list[str]:
    """Send a task and give the states that a waiting client sees."""
    states: list[str] = []
    sender.send_task(task, args=args).get(
        timeout=60, propagate=False, on_message=lambda message: states.append(message["status"])
    )
    return [state for state in states if state != "STARTED"]


@ONE_KIND_OF_DATABASE
def test_a_task_that_fails_twice_shows_its_retries(worker: Process, sender: Celery) -> None:
    """A waiting client sees RETRY, RETRY, SUCCESS."""
    assert states_of(sender, "failing.twice") == ["RETRY", "RETRY", "SUCCESS"]


@ONE_KIND_OF_DATABASE
def test_a_task_that_always_fails_stops_at_the_bound(worker: Process, sender: Celery) -> None:
    """After the bound the task has failed for good, which is logged once."""
    assert states_of(sender, "failing.always") == ["RETRY"] * RETRIES + ["FAILURE"]
    worker.wait_for("failed for good: RuntimeError('the network stays away')")
    assert states_of(sender, "failing.bad_input") == ["FAILURE"]
    worker.wait_for("failed for good: InvalidInputError('the colour is no colour')")
    logged = Counter(line.partition(" failed for good")[2] for line in worker.lines)
    assert logged[": RuntimeError('the network stays away')"] == 1


@ONE_KIND_OF_DATABASE
def test_bad_input_is_not_retried(worker: Process, sender: Celery) -> None:
    """An error that would come again ends the task at once."""
    assert states_of(sender, "failing.bad_input") == ["FAILURE"]


def test_a_task_that_takes_too_long_is_not_retried(worker: Process, sender: Celery, tmp_path: Path) -> None:
    """A task that reached its soft time limit has failed for good, in the middle of a statement too."""
    os.mkfifo(tmp_path / "pipe")
    assert states_of(sender, "failing.too_long", str(tmp_path / "pipe")) == ["FAILURE"]
    worker.wait_for("failed for good: SoftTimeLimitExceeded")
    assert states_of(sender, "failing.bad_input") == ["FAILURE"]


@ONE_KIND_OF_DATABASE
def test_after_ten_factory_calls_each_handler_fires_once(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """However many apps were built, a final failure is logged once."""
    *_, last = [create_flask_celery_app(app, f"app-{number}") for number in range(10)]

    @last.task(shared=False, name="failing.here")
    def failing() -> None:
        message = "no number"
        raise ValueError(message)

    failing.apply()
    assert caplog.text.count("failed for good: ValueError('no number')") == 1
