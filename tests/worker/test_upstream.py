"""Show that kombu and Celery still do what our subclasses are there for.

A test that fails here is good news: the part of ``ibutsu_server.worker`` that its docstring names can go.
"""

from __future__ import annotations

import inspect
import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from celery import Celery
from celery.apps import worker as worker_program
from celery.worker import heartbeat
from celery.worker.request import Request
from kombu import Connection
from kombu.transport import redis as upstream
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError

from tests.worker.conftest import QUEUE, channel_of, publish, take

if TYPE_CHECKING:
    from tests.integration.faults.servers import OwnValkey

KOMBU = "kombu.transport.redis:Transport"


def test_kombu_cannot_close_a_channel_that_waits_for_a_message(own_redis: OwnValkey) -> None:
    """SteadyChannel.close: it raises, and the next call fails because the connection is gone."""
    with channel_of(own_redis, KOMBU) as channel:
        channel.connection.cycle.on_poll_start()
        assert channel._in_poll
        own_redis.kill()
        with pytest.raises(RedisError):
            channel.close()
        assert not channel.closed
        own_redis.start()


def test_kombu_loses_a_message_that_redis_cannot_record(own_redis: OwnValkey) -> None:
    """SteadyQoS.append: the message is in neither Redis nor the channel."""
    with channel_of(own_redis, KOMBU) as channel, own_redis.client() as client:
        publish(own_redis)
        client.config_set("maxmemory", "1")
        with pytest.raises(OutOfMemoryError):
            take(channel)
        assert not client.exists(QUEUE, "unacked")
        assert not channel.qos._delivered


def test_kombu_keeps_the_slot_of_a_message_that_it_cannot_acknowledge(own_redis: OwnValkey) -> None:
    """SteadyQoS.ack: the channel has taken all messages that it may take, though their tasks have ended."""
    with channel_of(own_redis, KOMBU) as channel, own_redis.client() as client:
        publish(own_redis, 2)
        messages = [take(channel), take(channel)]
        client.execute_command("REPLICAOF", "127.0.0.1", own_redis.port)
        for message in messages:
            with pytest.raises(ReadOnlyError):
                message.ack()
        assert not channel.qos.can_consume()
        client.execute_command("REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize("element", [b"not JSON", b"null", b'{"properties": {}}'])
def test_kombu_raises_over_a_message_that_is_none(own_redis: OwnValkey, element: bytes) -> None:
    """SteadyChannel._brpop_read: the worker would end."""
    with channel_of(own_redis, KOMBU) as channel, own_redis.client() as client:
        client.lpush(QUEUE, element)
        with pytest.raises((ValueError, TypeError, KeyError)):
            take(channel)


@pytest.mark.parametrize("body", [None, {}, [1]])
def test_celery_raises_over_a_body_that_is_none_of_a_task(own_redis: OwnValkey, body: Any) -> None:
    """SteadyConsumer.create_task_handler: the worker would end, and the message return to the queue."""
    app = Celery("upstream", broker=own_redis.url, set_as_current=False)
    with channel_of(own_redis, KOMBU) as channel, own_redis.client() as client:
        publish(own_redis)
        message = json.loads(client.rpop(QUEUE) or b"")
        message["headers"] = {"task": "upstream.task", "id": "1"}
        message["body"] = b64encode(json.dumps(body).encode()).decode()
        client.lpush(QUEUE, json.dumps(message))
        with pytest.raises((TypeError, ValueError)):
            Request(take(channel), app=app, task=app.Task())
    app.close()


def test_kombu_counts_no_refusal_of_redis_as_a_lost_connection() -> None:
    """SteadyConsumer.connection_errors: the worker would end."""
    errors = upstream.Transport.connection_errors
    assert not issubclass(ReadOnlyError, errors)
    assert not issubclass(OutOfMemoryError, errors)


def test_kombu_reports_no_reply_that_is_overdue() -> None:
    """SteadyPoller: it connects anew, and nobody looks for imports that were lost."""
    assert "raise" not in inspect.getsource(vars(upstream.MultiChannelPoller)["maybe_check_brpop_health"])


def test_celery_sends_a_heartbeat_until_redis_takes_it() -> None:
    """SteadyDispatcher: the main process does nothing else meanwhile."""
    send = vars(heartbeat.Heart)["_send"]
    assert inspect.signature(send).parameters["retry"].default is True


def test_celery_waits_for_every_task_on_sigterm() -> None:
    """SoftStop: the worker would be killed before a long import has ended."""
    handler: Any = worker_program
    assert handler.install_worker_term_handler.keywords == {"sig": "SIGTERM", "how": "Warm"}


def test_kombu_forgets_tls_where_the_transport_is_a_class() -> None:
    """TRANSPORTS: only a registration by the name of the scheme keeps TLS."""
    assert Connection("rediss://localhost").ssl
    assert not Connection("rediss://localhost", transport=KOMBU).ssl
