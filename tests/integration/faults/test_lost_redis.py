"""Empty Redis: the database knows what is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.faults.deployment import LONG_CASES
from tests.integration.faults.supervised import supervised_worker
from tests.processes import SCHEDULER, Process

if TYPE_CHECKING:
    from tests.integration.faults.deployment import Deployment
    from tests.integration.faults.servers import OwnValkey


def test_every_import_is_carried_out_though_redis_was_emptied(
    deployment: Deployment, valkey: OwnValkey
) -> None:
    """One child is busy, one takes one import after the other; then all messages are gone: 60 of 60 end."""
    schedule = {"IBUTSU_BEAT_RESCUE_IMPORTS_SCHEDULE": "1"}
    with (
        deployment.worker(),
        Process(SCHEDULER, {**deployment.settings, **schedule}) as beat,
        valkey.client() as client,
    ):
        beat.wait_for("Sending due task rescue-imports")
        (running,) = deployment.upload(1, LONG_CASES)
        deployment.wait_until_running(running)
        deployment.upload(59)
        client.flushall()
        deployment.wait_until_done()


def test_every_import_is_carried_out_though_redis_lost_its_volume(
    deployment: Deployment, valkey: OwnValkey
) -> None:
    """Redis is started anew without its files: a worker that reaches it again has everything sent again."""
    with supervised_worker(deployment.settings):
        (running,) = deployment.upload(1, LONG_CASES)
        deployment.wait_until_running(running)
        deployment.upload(29)
        valkey.kill()
        valkey.lose_volume()
        valkey.start()
        deployment.wait_until_done()
