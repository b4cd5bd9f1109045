"""Keep a worker from consuming: it ends, so that its supervisor starts another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibutsu_server.worker.watchdog import EXIT_CODE
from tests.processes import running_worker

if TYPE_CHECKING:
    from tests.integration.faults.deployment import Deployment


def test_a_worker_that_consumes_no_more_ends(deployment: Deployment) -> None:
    """It answers nothing and takes nothing though messages wait: its last line says so, and its exit code."""
    quick = {"IBUTSU_OUTAGE_STUCK_AFTER": "3", "CELERY_IMPORTS": "tests.integration.faults.stuck"}
    with running_worker({**deployment.settings, **quick}) as worker:
        deployment.upload(3)
        assert worker.wait() == EXIT_CODE
    (line,) = worker.lines[-1:]
    assert "messages wait and the broker answers; the process ends with code 75" in line
    with deployment.worker():
        deployment.wait_until_done()


def test_a_worker_that_has_nothing_to_consume_lives_on(deployment: Deployment) -> None:
    """Neither an empty queue nor busy children count as being stuck."""
    with running_worker({**deployment.settings, "IBUTSU_OUTAGE_STUCK_AFTER": "1"}):
        deployment.upload(3, 40_000)
        deployment.wait_until_done()
