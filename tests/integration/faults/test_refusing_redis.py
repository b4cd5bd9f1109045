"""Let Redis answer a worker with errors: it consumes again when Redis is as before, and loses nothing."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from time import sleep
from typing import TYPE_CHECKING

import pytest

from tests.integration.faults.deployment import LONG_CASES, RESCUE, Deployment
from tests.integration.faults.outage import durations, last
from tests.processes import running_worker
from tests.servers import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis import Redis

    from tests.integration.faults.servers import OwnValkey
    from tests.processes import Process

LOST = "Connection to broker lost"


def is_settled(client: Redis) -> bool:
    """Return whether no message waits or is unacknowledged, but for the rescue that comes later."""
    recorded = client.hvals("unacked")
    return client.llen("celery") == 0 and all(RESCUE.encode() in message for message in recorded)


@contextmanager
def busy_and_idle(deployment: Deployment) -> Iterator[tuple[Process, str]]:
    """Run a worker of which one child has an import and the other one nothing; yield it with the import."""
    with deployment.worker() as worker:
        worker.wait_for("succeeded in")  # the first rescue: from here on one child is idle
        (running,) = deployment.upload(1, LONG_CASES)
        deployment.wait_until_running(running)
        yield worker, running


def wait_until_it_consumes_again(deployment: Deployment, client: Redis, *imports: str) -> None:
    """Wait until new imports are done, ``imports`` have succeeded, and no message is left."""
    deployment.upload(3)
    deployment.wait_until_done(60)
    for import_id in imports:
        deployment.wait_for_success(import_id)
    wait_until(lambda: is_settled(client))


@pytest.mark.parametrize("seconds", durations(12))
def test_a_message_that_a_full_redis_cannot_record_is_carried_out(
    deployment: Deployment, valkey: OwnValkey, seconds: float
) -> None:
    """Redis is full as soon as it has handed a message over; later there is room again."""
    (single,) = deployment.upload(1)
    with valkey.client() as client:
        message = client.rpop("celery")
        with busy_and_idle(deployment) as (worker, running):
            with client.pipeline() as together:
                together.lpush("celery", message)
                together.config_set("maxmemory", "1")
                together.execute()
            last(seconds, worker, "is carried out though Redis did not record it")
            client.config_set("maxmemory", "0")
            wait_until_it_consumes_again(deployment, client, single, running)


@pytest.mark.parametrize("seconds", durations(15))
def test_a_worker_consumes_again_when_redis_takes_writes(
    deployment: Deployment, valkey: OwnValkey, seconds: float
) -> None:
    """Redis is a read-only replica for a while."""
    with busy_and_idle(deployment) as (worker, running), valkey.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", free_port())
        last(seconds, worker, LOST)
        client.execute_command("REPLICAOF", "NO", "ONE")
        wait_until_it_consumes_again(deployment, client, running)


@pytest.mark.parametrize("seconds", durations(20))
def test_a_worker_consumes_again_though_it_could_not_acknowledge(
    deployment: Deployment, valkey: OwnValkey, tmp_path: Path, seconds: float
) -> None:
    """Both tasks end while Redis asks for another password, on all connections but those that are open."""
    pipes = [tmp_path / name for name in ("one", "two")]
    settings = {**deployment.settings, "CELERY_IMPORTS": "tests.integration.faults.outage_tasks"}
    with running_worker(settings) as worker, valkey.client() as client, ExitStack() as held:
        for pipe in pipes:
            os.mkfifo(pipe)
            deployment.call("outage.end_quietly", str(pipe))
        for pipe in pipes:
            held.enter_context(pipe.open("w"))  # returns when the task has opened the other end: it runs
        client.config_set("requirepass", "another")
        close_idle_connections(client)
        held.close()
        worker.wait_for("is acknowledged when Redis is back")
        sleep(seconds)
        client.config_set("requirepass", "")
        wait_until_it_consumes_again(deployment, client)


@pytest.mark.parametrize("seconds", durations(20))
def test_a_worker_consumes_again_when_its_password_is_right(
    deployment: Deployment, valkey: OwnValkey, seconds: float
) -> None:
    """Redis asks for another password on all connections, while an import runs."""
    with busy_and_idle(deployment) as (worker, running), valkey.client() as client:
        client.config_set("requirepass", "another")
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        last(seconds, worker, LOST)
        client.config_set("requirepass", "")
        wait_until_it_consumes_again(deployment, client, running)


def close_idle_connections(client: Redis) -> None:
    """Close all connections but those that wait for a message, and the client's own."""
    own = client.client_id()
    for each in client.client_list():
        if "b" not in each["flags"] and "P" not in each["flags"] and int(each["id"]) != own:
            client.client_kill_filter(_id=each["id"])
