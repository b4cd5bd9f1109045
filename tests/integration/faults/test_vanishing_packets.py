"""Let the packets between a worker and PostgreSQL vanish: both ends give the connection up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.faults.deployment import LONG_CASES, Deployment
from tests.integration.faults.outage import LASTING
from tests.integration.faults.proxy import Proxy
from tests.processes import running_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.faults.servers import OwnPostgres, OwnValkey

QUICK = {"TCP_USER_TIMEOUT": "3", "KEEPALIVES_IDLE": "2", "KEEPALIVES_INTERVAL": "1", "CONNECT_TIMEOUT": "3"}
LIMITS = [
    pytest.param({f"IBUTSU_DATABASE_{name}": value for name, value in QUICK.items()}, id="quick"),
    pytest.param({}, id="default", marks=LASTING),
]


@pytest.fixture
def proxy(postgres: OwnPostgres) -> Iterator[Proxy]:
    """Run a proxy before PostgreSQL."""
    with Proxy(postgres.port) as running:
        yield running


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("is_busy", [True, False], ids=["mid-import", "idle"])
def test_a_connection_whose_packets_vanish_is_given_up(
    postgres: OwnPostgres, valkey: OwnValkey, proxy: Proxy, limits: dict[str, str], is_busy: bool
) -> None:
    """Whether an import is under way or not, the children try again, and all imports end."""
    with Deployment(postgres.uri, valkey.url) as deployment:
        worker_settings = {
            **deployment.settings,
            **limits,
            "SQLALCHEMY_DATABASE_URI": postgres.uri_through(proxy.port),
        }
        with running_worker(worker_settings) as worker:
            deployment.upload(4)
            deployment.wait_until_done()
            (busy,) = deployment.upload(1, LONG_CASES) if is_busy else (None,)
            if busy is not None:
                deployment.wait_until_running(busy)
            proxy.cut()
            deployment.upload(2)
            worker.wait_for("is tried again in", times=2)
            proxy.join()
            deployment.wait_until_done()
