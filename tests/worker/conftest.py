"""Provide a Redis that a test may break, and kombu connections to it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from kombu import Connection, Consumer, Queue

from tests.integration.faults.servers import OwnValkey, own_valkey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUEUE = "work"


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnValkey]:
    """Run a Valkey that belongs to the test."""
    with own_valkey(tmp_path / "own-valkey") as server:
        yield server


@contextmanager
def channel_of(server: OwnValkey, transport: str) -> Iterator[Any]:
    """Give a channel of a transport that may take two messages from a queue, and keeps them in ``taken``."""
    connection = Connection(server.url, transport=transport)
    channel: Any = connection.channel()
    channel.basic_qos(0, 2, False)
    channel.taken = []
    consumer = Consumer(channel, [Queue(QUEUE)], on_message=channel.taken.append)
    consumer.consume()
    yield channel
    server.thaw()
    connection.release()


def publish(server: OwnValkey, number: int = 1) -> None:
    """Publish messages to the queue."""
    with Connection(server.url) as connection:
        for _ in range(number):
            connection.Producer().publish({}, routing_key=QUEUE, declare=[Queue(QUEUE)])


def take(channel: Any) -> Any:
    """Take a message from the queue and return it."""
    channel.connection.drain_events(channel.connection, timeout=10)
    return channel.taken[-1]
