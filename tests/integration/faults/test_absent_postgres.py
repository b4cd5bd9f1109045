"""Take PostgreSQL away, or its readiness to write: imports wait, and end when it is back."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.integration.faults.deployment import LONG_CASES
from tests.integration.faults.outage import durations, last
from tests.processes import running_worker

if TYPE_CHECKING:
    from tests.integration.faults.deployment import Deployment
    from tests.integration.faults.servers import OwnPostgres


@pytest.mark.parametrize("seconds", durations(120))
def test_imports_that_are_queued_wait_until_postgresql_is_back(
    own_deployment: Deployment, postgres: OwnPostgres, seconds: float
) -> None:
    """PostgreSQL crashes while one import runs and ten wait: 11 of 11 end."""
    with own_deployment.worker() as worker:
        (running,) = own_deployment.upload(1, LONG_CASES)
        own_deployment.wait_until_running(running)
        ids = own_deployment.store(10)
        postgres.stop()
        own_deployment.send(ids)
        last(seconds, worker)
        postgres.start()
        own_deployment.wait_until_done()


@pytest.mark.parametrize("seconds", durations(130))
def test_imports_wait_until_postgresql_takes_writes(
    own_deployment: Deployment, postgres: OwnPostgres, seconds: float
) -> None:
    """The server is a standby for a while."""
    ids = own_deployment.store(11)
    with own_deployment.worker() as worker:
        postgres.set("default_transaction_read_only", "on")
        own_deployment.send(ids)
        last(seconds, worker)
        postgres.reset("default_transaction_read_only")
        own_deployment.wait_until_done()


@pytest.mark.parametrize("seconds", durations(20))
def test_a_worker_may_start_before_postgresql(
    own_deployment: Deployment, postgres: OwnPostgres, seconds: float
) -> None:
    """Its imports wait for the database."""
    own_deployment.upload(11)
    postgres.stop()
    with running_worker(own_deployment.settings) as worker:
        last(seconds, worker)
        postgres.start()
        own_deployment.wait_until_done()


@pytest.mark.parametrize("seconds", durations(15))
def test_imports_wait_until_there_is_room_for_a_connection(
    own_deployment: Deployment, postgres: OwnPostgres, seconds: float
) -> None:
    """Somebody else uses up all connections for a while."""
    ids = own_deployment.store(11)
    with own_deployment.worker() as worker:
        with ExitStack() as others:
            with suppress(psycopg.OperationalError):  # there are too many
                while True:
                    others.enter_context(psycopg.connect(postgres.uri))
            own_deployment.send(ids)
            last(seconds, worker)
        own_deployment.wait_until_done()
