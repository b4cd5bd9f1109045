"""Put messages into the queue that are not tasks: they are set aside, and the worker goes on."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from ibutsu_server.worker.set_aside import COUNTER, LIST, LONGEST_LIST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.faults.deployment import Deployment
    from tests.integration.faults.servers import OwnValkey

SECRET = "hunter2"  # noqa: S105 - a password that somebody put into a message
WRONG_TYPES: tuple[Any, ...] = ("hunter2", 7, True, [], ["hunter2"], {}, {"hunter2": 1}, None)
HEADERS = (
    *("task", "id", "retries", "timelimit", "eta", "expires", "shadow", "root_id", "parent_id", "group"),
    *("argsrepr", "kwargsrepr", "origin", "lang", "ignore_result", "replaced_task_nesting"),
    *("stamped_headers", "stamps", "compression", "groups"),
)


def encoded(body: Any) -> str:
    """Return a body as kombu stores it."""
    return b64encode(json.dumps(body).encode()).decode()


BODIES: tuple[Any, ...] = (
    *({"args": [SECRET]}, None, [], [[SECRET]], SECRET),
    *(["ab", {}, {}], [[], [], {}], [[], {}, 7]),
)
FAULTS: tuple[dict[str, Any], ...] = (
    {"body": "hunter2!"},
    {"body": b64encode(b"{").decode()},
    {"body": b64encode(b"[" * 100_000).decode()},
    {"body": None},
    {"body": {"__type__": "datetime", "__value__": SECRET}},
    {"content-type": "application/x-python-serialize"},
    {"content-type": 7},
    {"content-encoding": SECRET, "content-type": SECRET},
    {"properties": None},
    {"properties": {}},
    {"headers": [SECRET]},
    {"headers": {}},
)
LIMITS: tuple[Any, ...] = (SECRET, [SECRET, SECRET], [1], 7, {"a": 1, "b": 2}, [-1, 5], [float("nan"), None])


def unreadable(message: dict[str, Any]) -> Iterator[bytes]:
    """Yield elements of a queue's list of which no worker can make a task."""
    yield from (b"", b"hunter2", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000)
    for body in BODIES:
        yield json.dumps({**message, "body": encoded(body)}).encode()
    for fault in FAULTS:
        yield json.dumps({**message, **fault}).encode()
    for name in ("body_encoding", "delivery_tag", "delivery_info"):
        properties = {**message["properties"], name: 7}
        yield json.dumps({**message, "properties": properties}).encode()
    for limit in LIMITS:
        headers = {**message["headers"], "timelimit": limit}
        yield json.dumps({**message, "headers": headers}).encode()


def odd(message: dict[str, Any]) -> Iterator[bytes]:
    """Yield messages with a header of each wrong type; Celery can carry out some of them."""
    for name in HEADERS:
        for value in WRONG_TYPES:
            headers = {**message["headers"], name: value}
            yield json.dumps({**message, "headers": headers}).encode()


@pytest.mark.parametrize("messages", [unreadable, odd])
def test_a_message_that_is_not_a_task_is_set_aside(
    deployment: Deployment, valkey: OwnValkey, messages: Callable[[dict[str, Any]], Iterator[bytes]]
) -> None:
    """It is counted and kept, the log names the fault without the message, and the worker goes on."""
    with valkey.client() as client:
        deployment.call("ibutsu_server.tasks.db.prune_old_files", 2)
        raw = client.rpop("celery")
        assert raw is not None
        bad = list(messages(json.loads(raw)))
        with deployment.worker() as worker:
            for message in bad:
                client.lpush("celery", message)
            deployment.upload(3)
            deployment.wait_until_done()
            assert client.llen("celery") == 0
            count = int(client.get(COUNTER) or 0)
            kept = [json.loads(entry) for entry in client.lrange(LIST, 0, -1)]
            assert len(kept) == min(count, LONGEST_LIST)
            assert {entry["queue"] for entry in kept} == {"celery"}
            worker.stop()
            if messages is unreadable:
                assert count == len(bad)
                assert kept[0]["message"] == bad[-1].decode()
                assert SECRET not in worker.output
        assert not client.hlen("unacked")
