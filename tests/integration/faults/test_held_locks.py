"""Hold the locks that an import needs: it comes again later, and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.faults.deployment import LONG_CASES
from tests.integration.faults.outage import durations, last

if TYPE_CHECKING:
    from tests.integration.faults.deployment import Deployment


@pytest.mark.parametrize("seconds", durations(45))
@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM imports WHERE id = '{}' FOR UPDATE", "LOCK TABLE imports IN ACCESS EXCLUSIVE MODE"],
    ids=["row", "table"],
)
def test_an_import_whose_lock_is_held_comes_again(
    deployment: Deployment, statement: str, seconds: float
) -> None:
    """Somebody else locks the row of an import, or the whole table, while another import runs."""
    (locked,) = deployment.store(1)
    with deployment.worker() as worker:
        (running,) = deployment.upload(1, LONG_CASES)
        deployment.wait_until_running(running)
        with deployment.transaction(statement.format(locked)):
            deployment.send([locked])
            last(seconds, worker)
        deployment.wait_until_done()
