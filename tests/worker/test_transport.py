"""Show that the transport loses neither a message nor a slot."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from kombu import Connection
from redis.exceptions import ConnectionError as RedisConnectionError

from ibutsu_server.worker import TRANSPORTS, transport
from tests.worker.conftest import QUEUE, channel_of, publish, take

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis import Redis

    from tests.integration.faults.servers import OwnValkey

STEADY = TRANSPORTS["redis"]


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    yield
    transport._unsettled.clear()
    transport._unrecorded.clear()


@contextmanager
def read_only(client: Redis) -> Iterator[None]:
    """Make Redis a replica until the block is left."""
    client.execute_command("REPLICAOF", "127.0.0.1", 1)
    yield
    client.execute_command("REPLICAOF", "NO", "ONE")


def unacknowledged(client: Redis) -> tuple[int, int]:
    """Return how many messages Redis has recorded, in both places where it does."""
    return client.hlen("unacked"), client.zcard("unacked_index")


def test_a_message_that_could_not_be_acknowledged_is_acknowledged_later(own_redis: OwnValkey) -> None:
    """Its slot is free at once."""
    with channel_of(own_redis, STEADY) as channel, own_redis.client() as client:
        publish(own_redis, 2)
        messages = [take(channel), take(channel)]
        assert not channel.qos.can_consume()
        with read_only(client):
            messages[0].ack()
            messages[1].reject()
        assert channel.qos.can_consume()
        assert unacknowledged(client) == (2, 2)
        channel.connection.cycle.maybe_restore_messages()
        assert unacknowledged(client) == (0, 0)
        assert client.llen(QUEUE) == 0


def test_a_message_that_could_not_go_back_to_its_queue_goes_back_later(own_redis: OwnValkey) -> None:
    """It is not acknowledged meanwhile."""
    with channel_of(own_redis, STEADY) as channel, own_redis.client() as client:
        publish(own_redis)
        message = take(channel)
        with read_only(client):
            message.requeue()
        channel.connection.cycle.maybe_restore_messages()
        assert unacknowledged(client) == (0, 0)
        assert client.llen(QUEUE) == 1


def test_the_messages_of_a_closed_channel_go_back_when_redis_is_there_again(own_redis: OwnValkey) -> None:
    """The channel is closed while Redis is away; the next one puts them back."""
    with channel_of(own_redis, STEADY) as channel:
        publish(own_redis, 2)
        take(channel)
        take(channel)
        own_redis.kill()
        channel.close()
        own_redis.start()
    with channel_of(own_redis, STEADY) as following, own_redis.client() as client:
        following.connection.cycle.maybe_restore_messages()
        assert unacknowledged(client) == (0, 0)
        assert client.llen(QUEUE) == 2


def test_a_message_is_acknowledged_though_its_channel_is_closed(own_redis: OwnValkey) -> None:
    """Its task went on when the connection was lost; the message does not come a second time."""
    with channel_of(own_redis, STEADY) as channel:
        publish(own_redis)
        message = take(channel)
        channel.qos.leave(message.delivery_tag)
        channel.close()
        message.ack()
    with own_redis.client() as client:
        with channel_of(own_redis, STEADY):
            assert unacknowledged(client) == (1, 1)
        assert unacknowledged(client) == (0, 0)
        assert client.llen(QUEUE) == 0


def test_a_message_that_redis_did_not_record_goes_back_to_its_queue(own_redis: OwnValkey) -> None:
    """The channel has it, and puts it back when it is closed."""
    with channel_of(own_redis, STEADY) as channel, own_redis.client() as client:
        publish(own_redis)
        client.config_set("maxmemory", "1")
        message = take(channel)
        assert unacknowledged(client) == (0, 0)
        client.config_set("maxmemory", "0")
        channel.close()
        assert client.llen(QUEUE) == 1
        with channel_of(own_redis, STEADY) as following:
            assert take(following).delivery_tag == message.delivery_tag


def test_a_channel_with_too_many_outstanding_acknowledgements_takes_no_more(
    own_redis: OwnValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded, and so is what may run a second time."""
    monkeypatch.setattr(transport, "MOST_UNSETTLED", 1)
    with channel_of(own_redis, STEADY) as channel, own_redis.client() as client:
        publish(own_redis)
        message = take(channel)
        with read_only(client):
            message.ack()
        assert not channel.qos.can_consume()
        channel.connection.cycle.maybe_restore_messages()
        assert channel.qos.can_consume()


def test_a_channel_can_be_closed_while_redis_is_away(own_redis: OwnValkey) -> None:
    """It waits for a message when Redis is killed."""
    with channel_of(own_redis, STEADY) as channel:
        channel.connection.cycle.on_poll_start()
        assert channel._in_poll
        own_redis.kill()
        channel.close()
        assert channel.closed
        assert channel.connection is None
        own_redis.start()


def test_a_reply_that_is_overdue_is_a_lost_connection(
    own_redis: OwnValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker hears of it; a reply that is not overdue is waited for."""
    with channel_of(own_redis, STEADY) as channel:
        cycle = channel.connection.cycle
        own_redis.freeze()
        cycle.on_poll_start()
        cycle.maybe_check_brpop_health()
        monkeypatch.setattr(channel, "health_check_interval", -1)
        channel.brpop_timeout = 1
        with pytest.raises(RedisConnectionError, match="BRPOP got no reply"):
            cycle.maybe_check_brpop_health()


@pytest.mark.parametrize("scheme", ["redis", "rediss", "sentinel", "redis+socket"])
def test_every_kind_of_redis_has_a_steady_transport(celery_app: Any, scheme: str) -> None:
    """It is registered by the name of the scheme, so that TLS and sentinels stay."""
    del celery_app
    connection = Connection(f"{scheme}://localhost")
    assert isinstance(connection.transport, transport.SteadyTransport)
    assert connection.transport.default_port == (26379 if scheme == "sentinel" else 6379)
    assert bool(connection.ssl) == (scheme == "rediss")
