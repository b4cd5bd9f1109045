"""Let the packets between a worker and Redis vanish: it connects anew, and no import is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.faults.deployment import LONG_CASES, Deployment
from tests.integration.faults.outage import LASTING
from tests.integration.faults.proxy import Proxy
from tests.processes import running_worker

if TYPE_CHECKING:
    from tests.integration.faults.servers import OwnValkey


QUICK = ("CELERY_REDIS_SOCKET_TIMEOUT", "CELERY_REDIS_SOCKET_CONNECT_TIMEOUT")
LIMITS = [
    pytest.param(dict.fromkeys(QUICK, "1"), id="quick"),
    pytest.param({}, id="default", marks=LASTING),
]


@pytest.mark.parametrize("limits", LIMITS)
def test_no_import_is_lost_on_a_half_open_connection(
    postgres_uri: str, valkey: OwnValkey, limits: dict[str, str]
) -> None:
    """One child is busy, the other takes one import after the other when the network is cut: 30 of 30 end."""
    with Proxy(valkey.port) as proxy, Deployment(postgres_uri, valkey.url) as deployment:
        through_proxy = {"CELERY_BROKER_URL": f"redis://127.0.0.1:{proxy.port}/0"}
        with running_worker({**deployment.settings, **through_proxy, **limits}) as worker:
            (running,) = deployment.upload(1, LONG_CASES)
            deployment.wait_until_running(running)
            deployment.upload(14)
            proxy.cut()
            deployment.upload(15)
            worker.wait_for("Connection to broker lost")
            proxy.join()
            deployment.wait_until_done()
