"""Kill or freeze Redis while imports run: they end once, and are not started over."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING

import pytest

from tests.integration.faults.deployment import LONG_CASES
from tests.integration.faults.outage import gone
from tests.integration.faults.supervised import supervised_worker

if TYPE_CHECKING:
    from tests.integration.faults.deployment import Deployment
    from tests.integration.faults.servers import OwnValkey

SECONDS = 12


@pytest.mark.parametrize("fault", ["killed", "frozen"])
@pytest.mark.parametrize("busy", [2, 1], ids=["both-busy", "one-idle"])
def test_imports_that_run_are_carried_out_once(
    deployment: Deployment, valkey: OwnValkey, fault: str, busy: int
) -> None:
    """Their progress and their results cannot be stored for a while; the imports that wait are not lost."""
    with supervised_worker(deployment.settings) as worker:
        running = deployment.upload(busy, LONG_CASES)
        for import_id in running:
            deployment.wait_until_running(import_id)
        waiting = deployment.store(3)
        if busy == 2:
            deployment.send(waiting)
        with gone(valkey, fault):
            sleep(SECONDS)
        deployment.send(waiting)
        deployment.wait_until_done()
        for import_id in running:
            deployment.wait_for_success(import_id)
    if fault == "frozen":
        assert worker.exit_codes == []
        assert [worker.output.count(f"[{import_id}] received") for import_id in running] == [1] * busy
