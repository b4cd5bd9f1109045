"""A consumer that outlasts whatever Redis answers, and whatever a message holds."""

from __future__ import annotations

import logging
from time import sleep
from typing import TYPE_CHECKING, Any, Final

from celery.worker.consumer import Consumer
from celery.worker.state import active_requests
from kombu.exceptions import OperationalError
from kombu.utils.json import dumps
from redis.exceptions import RedisError

from ibutsu_server.worker.messages import UnreadableMessageError, check_task
from ibutsu_server.worker.transport import SteadyQoS

if TYPE_CHECKING:
    from collections.abc import Callable

    from kombu.transport.virtual import Message

logger = logging.getLogger(__name__)

LONGEST_PAUSE: Final = 8.0
"""Seconds between two attempts to consume while Redis answers with errors."""


class SteadyConsumer(Consumer):
    """A consumer that connects anew after every error of Redis.

    Celery 5.7.0 ends the worker with exit code 1 where Redis is full, read-only or asks for a password, and
    over a message whose body or headers are not what it expects; such a message returns to the queue and ends
    the next worker. When the connection is lost it also puts the messages of running tasks back into the
    queue, so that they run twice.
    """

    connection_errors: tuple[type[Exception], ...]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection_errors = (*self.connection_errors, RedisError, OperationalError)
        self._pause = 0.0

    def on_ready(self) -> None:
        """Note that consuming has begun."""
        super().on_ready()
        self._pause = 0.0

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """Wait a little before the next attempt."""
        super().on_connection_error_before_connected(exc)
        self._wait()

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Close the connection, but keep the messages of running tasks; wait before the next attempt."""
        for request in tuple(active_requests):
            qos = request.message.channel.qos
            if isinstance(qos, SteadyQoS):  # not where somebody switched ack_emulation off
                qos.leave(request.message.delivery_tag)
        super().on_connection_error_after_connected(exc)
        self._wait()

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Message], Any]:
        """Return the function that takes a message; those that are not tasks are set aside."""
        handle = super().create_task_handler(*args, **kwargs)

        def on_task_received(message: Message) -> Any:
            try:
                check_task(message)
            except UnreadableMessageError as error:
                return self._set_aside(message, str(error))
            return handle(message)

        return on_task_received

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        """Set aside a message that Celery does not take, such as one with a bad ``eta``."""
        del body
        self._set_aside(message, f"Celery does not take it: {type(exc).__name__}")

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Set aside a message whose body cannot be decompressed."""
        self._set_aside(message, f"the body cannot be decoded: {type(exc).__name__}")

    def _set_aside(self, message: Any, reason: str) -> None:
        channel = message.channel
        raw = message._raw  # noqa: SLF001 - kombu keeps it to put it back into the queue
        channel.set_aside(dumps(raw), message.delivery_info.get("routing_key", ""), reason)
        channel.basic_reject(message.delivery_tag)

    def _wait(self) -> None:
        sleep(self._pause)
        self._pause = min(self._pause * 2 or 0.5, LONGEST_PAUSE)
