"""Stop a worker with SIGTERM: what runs ends, or goes back to the queue."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from tests.integration.faults.deployment import LONG_CASES
from tests.integration.faults.outage import LASTING
from tests.processes import running_worker

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.faults.deployment import Deployment
    from tests.integration.faults.servers import OwnValkey
    from tests.processes import Process

SOFT = "CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT"
VERY_LONG_CASES = 2 * LONG_CASES


def terminate(worker: Process) -> int:
    """Send SIGTERM, a second time when it is heeded, and return the exit code."""
    os.kill(worker.pid, signal.SIGTERM)
    worker.wait_for("Stopping: the running tasks have")
    os.kill(worker.pid, signal.SIGTERM)
    return worker.wait()


def test_an_import_that_ends_in_time_is_done(deployment: Deployment, valkey: OwnValkey) -> None:
    """With the default settings its message is acknowledged, and nothing is left for the next worker."""
    with deployment.worker() as worker, valkey.client() as client:
        (running,) = deployment.upload(1, LONG_CASES)
        deployment.wait_until_running(running)
        assert terminate(worker) == 0, worker.output
        assert deployment.statuses() == {"done": 1}
        assert not any(running.encode() in message for message in client.hvals("unacked"))
        assert not any(running.encode() in message for message in client.lrange("celery", 0, -1))


def test_an_import_that_takes_longer_is_finished_by_the_next_worker(
    deployment: Deployment, valkey: OwnValkey
) -> None:
    """Its message is back in the queue when the worker has ended, and it is stored once."""
    with running_worker({**deployment.settings, SOFT: "0.2"}) as worker, valkey.client() as client:
        (running,) = deployment.upload(1, VERY_LONG_CASES)
        deployment.wait_until_running(running)
        assert terminate(worker) == 0, worker.output
        assert deployment.statuses() == {"running": 1}
        assert any(running.encode() in message for message in client.lrange("celery", 0, -1))
    with deployment.worker():
        deployment.wait_until_done()


@LASTING
def test_a_task_gets_twenty_seconds(deployment: Deployment, valkey: OwnValkey, tmp_path: Path) -> None:
    """With the default settings a task that does not end goes back to the queue before Kubernetes kills."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    settings = {**deployment.settings, "CELERY_IMPORTS": "tests.integration.failing_tasks"}
    with running_worker(settings) as worker, valkey.client() as client:
        deployment.call("failing.wait_for_go", "one", str(pipe))
        with pipe.open("w"):  # returns when the task has opened the other end: it runs
            assert terminate(worker) == 0, worker.output
        assert any(b"wait_for_go" in message for message in client.lrange("celery", 0, -1))


def test_a_worker_stops_though_redis_is_away(deployment: Deployment, valkey: OwnValkey) -> None:
    """It does not wait for Redis to come back."""
    with deployment.worker() as worker:
        valkey.kill()
        worker.wait_for("Trying again in")
        os.kill(worker.pid, signal.SIGTERM)
        assert worker.wait() == 0
    valkey.start()
