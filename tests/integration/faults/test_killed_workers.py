"""Kill workers: what they had is taken up by the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.faults.deployment import LONG_CASES, kill

if TYPE_CHECKING:
    from tests.integration.faults.deployment import Deployment


def test_what_a_killed_worker_had_is_taken_up_by_the_next_one(deployment: Deployment) -> None:
    """The import that ran is carried out by the next worker, though its message would come in three hours."""
    with deployment.worker() as worker:
        (running,) = deployment.upload(1, LONG_CASES)
        deployment.wait_until_running(running)
        kill(worker)
    deployment.upload(3)
    assert deployment.statuses() == {"running": 1, "pending": 3}
    with deployment.worker():
        deployment.wait_until_done()


def test_an_import_without_a_message_is_taken_up(deployment: Deployment) -> None:
    """Whoever stored it could not send it, or its message was lost."""
    deployment.store(5)
    with deployment.worker():
        deployment.wait_until_done()
