"""Show what is kept of messages that no worker can carry out."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from kombu.transport.redis import PrefixedStrictRedis
from redis import ConnectionPool, Redis

from ibutsu_server.worker.set_aside import COUNTER, LIFETIME, LIST, LONGEST_LIST, LONGEST_MESSAGE, set_aside

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def redis(broker_url: str) -> Iterator[Redis]:
    """Return a client that sees all keys as they are."""
    with Redis.from_url(broker_url, decode_responses=True) as client:
        yield client


@contextmanager
def kombus_client(url: str, prefix: str) -> Iterator[Redis]:
    """Connect as kombu does for a deployment with a ``global_keyprefix``."""
    with ConnectionPool.from_url(url) as pool:
        yield PrefixedStrictRedis(connection_pool=pool, global_keyprefix=prefix)


@pytest.mark.parametrize("prefix", ["", "shop:"])
def test_the_newest_messages_are_kept_for_a_while(broker_url: str, redis: Redis, prefix: str) -> None:
    """The list is bounded and has an end, and all are counted; the keys have the prefix of the deployment."""
    with kombus_client(broker_url, prefix) as client:
        for number in range(LONGEST_LIST + 1):
            set_aside(client, f"message {number}", "celery", "no reason", prefix)
    kept = [json.loads(entry)["message"] for entry in redis.lrange(prefix + LIST, 0, -1)]
    assert kept == [f"message {number}" for number in range(LONGEST_LIST, 0, -1)]
    assert 0 < redis.ttl(prefix + LIST) <= LIFETIME
    assert redis.get(prefix + COUNTER) == str(LONGEST_LIST + 1)
    assert sorted(redis.keys()) == sorted([prefix + LIST, prefix + COUNTER])


def test_a_long_message_is_cut(broker_url: str, redis: Redis) -> None:
    """What is kept of one message is bounded."""
    set_aside(redis, "x" * (LONGEST_MESSAGE + 1), "celery", "no reason")
    (entry,) = redis.lrange(LIST, 0, -1)
    assert len(json.loads(entry)["message"]) == LONGEST_MESSAGE


def test_kombu_prefixes_some_commands_only(broker_url: str, redis: Redis) -> None:
    """A plain ``client.pipeline()`` can replace ours when this fails."""
    with kombus_client(broker_url, "shop:") as client, client.pipeline() as pipe:
        pipe.lpush("list", "a")
        pipe.incr("number")
        pipe.execute()
    assert sorted(redis.keys()) == ["number", "shop:list"]
