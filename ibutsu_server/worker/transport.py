"""A Redis transport that loses no message and no slot where Redis refuses a command or goes away.

Each class names what kombu 5.7.0 does without it. ``tests/worker/test_upstream.py`` fails when kombu no
longer does it, and the class can be removed.
"""
# ruff: noqa: SLF001 - kombu has no public way to replace these parts

from __future__ import annotations

import logging
from queue import Empty
from typing import TYPE_CHECKING, Any, Final

from kombu.transport import redis as upstream
from kombu.transport import virtual
from kombu.utils.encoding import bytes_to_str
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from ibutsu_server.worker.messages import UnreadableMessageError, read_envelope
from ibutsu_server.worker.pulse import PULSE
from ibutsu_server.worker.set_aside import set_aside

if TYPE_CHECKING:
    from collections import OrderedDict
    from collections.abc import Callable, Iterable

logger = logging.getLogger(__name__)

MOST_UNSETTLED: Final = 100
"""Messages whose acknowledgement may be outstanding; a worker that has more takes no further ones."""

# kombu makes a new channel for each connection; what outlives one belongs to the process.
_unsettled: dict[str, bool] = {}
"""Delivery tags that could not be acknowledged, and whether their messages go back to their queues."""

_unrecorded: dict[str, Any] = {}
"""Messages by delivery tag that Redis did not record when they were delivered."""


class SteadyQoS(upstream.QoS):
    """The messages that a channel has delivered and that are not acknowledged yet.

    Where Redis refuses a command or is away, kombu

    - loses a message that it has taken and cannot record;
    - keeps the slot of a message that it cannot acknowledge, until it consumes no more;
    - gives up all messages when it cannot put one back into its queue.
    """

    # kombu's type hints leave these out.
    channel: Any
    _delivered: OrderedDict[str, Any]
    _flush: Callable[[], None]
    _quick_ack: Callable[[str], None]
    _remove_from_indices: Callable[[str], Any]

    def can_consume(self) -> bool:
        """Return whether another message may be taken."""
        return PULSE.may_consume and len(_unsettled) < MOST_UNSETTLED and super().can_consume()

    def append(self, message: Any, delivery_tag: str) -> None:
        """Record a message; where Redis does not, it is carried out all the same."""
        try:
            super().append(message, delivery_tag)
        except RedisError as error:
            logger.warning(
                "The message %s is carried out though Redis did not record it: %s", delivery_tag, error
            )
            virtual.QoS.append(self, message, delivery_tag)
            _unrecorded[delivery_tag] = message

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message, now or when Redis is back."""
        ack = super().ack
        self._settle_or_keep(delivery_tag, lambda: ack(delivery_tag), requeue=False)
        _unrecorded.pop(delivery_tag, None)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Drop a message or put it back into its queue, now or when Redis is back."""
        reject = super().reject
        self._settle_or_keep(delivery_tag, lambda: reject(delivery_tag, requeue=requeue), requeue=requeue)
        if not requeue:
            _unrecorded.pop(delivery_tag, None)

    def leave(self, delivery_tag: str) -> None:
        """Forget a message whose task goes on after this channel; its acknowledgement will settle it."""
        if delivery_tag in self._delivered:
            self._quick_ack(delivery_tag)

    def settle(self) -> None:
        """Do what could not be done while Redis was away.

        Raises:
            redis.exceptions.RedisError: it still is.
        """
        for delivery_tag, requeue in list(_unsettled.items()):
            if requeue:
                self.restore_by_tag(delivery_tag, leftmost=True)
            else:
                self._remove_from_indices(delivery_tag).execute()
            del _unsettled[delivery_tag]

    def settle_if_possible(self) -> None:
        """Do the same, but leave it to the next channel where Redis is still away."""
        try:
            self.settle()
        except RedisError as error:
            logger.warning("%d messages cannot be acknowledged yet: %s", len(_unsettled), error)

    def restore_visible(self, *args: Any, **kwargs: Any) -> None:
        """Restore what other workers left behind; kombu asks for it on connecting and every ten seconds."""
        self.settle()
        super().restore_visible(*args, **kwargs)

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:
        """Put a message back into its queue, also one that Redis did not record."""
        message = _unrecorded.get(tag)
        if message is None:
            super().restore_by_tag(tag, client, leftmost)
            return
        delivery = message.delivery_info
        with self.channel.conn_or_acquire(client) as connected:
            self.channel._do_restore_message(
                message._raw, delivery["exchange"], delivery["routing_key"], connected, leftmost
            )
        del _unrecorded[tag]

    def restore_unacked(self, client: Any = None) -> None:
        """Put all messages back into their queues, as far as Redis takes them."""
        self._flush()
        try:
            with self.channel.conn_or_acquire(client) as connected:
                for tag in list(self._delivered):
                    self.restore_by_tag(tag, client=connected)
                    del self._delivered[tag]
        except RedisError as error:
            logger.warning("%d messages go back to their queues later: %s", len(self._delivered), error)
            _unsettled.update(dict.fromkeys(self._delivered, True))
            self._delivered.clear()

    def _settle_or_keep(self, delivery_tag: str, settle: Callable[[], None], *, requeue: bool) -> None:
        reason: object = "its connection is closed"
        if self.channel.connection is not None:
            try:
                settle()
            except RedisError as error:
                reason = error
            else:
                return
        logger.warning("The message %s is acknowledged when Redis is back: %s", delivery_tag, reason)
        _unsettled[delivery_tag] = requeue
        self._quick_ack(delivery_tag)


class SteadyChannel(upstream.Channel):
    """A channel that reads every message with care and can always be closed.

    kombu lets the process end over a message that it cannot read, and raises where it is closed while a
    BRPOP is pending and Redis is away: then the worker ends with "'NoneType' object has no attribute
    'hostname'".
    """

    QoS = SteadyQoS

    # kombu's type hints leave these out.
    connection: Any
    global_keyprefix: str
    _in_poll: Any
    _queue_cycle: Any
    _close_clients: Callable[[], None]
    _disconnect_pools: Callable[[], None]
    _flush_brpop_reauth: Callable[[], None]

    def _brpop_read(self, **options: Any) -> bool:
        try:
            reply = self._brpop_reply(**options)
            if not reply:
                raise Empty
            queue = bytes_to_str(reply[0]).rsplit(self.sep, 1)[0]
            self._queue_cycle.rotate(queue)
            try:
                envelope = read_envelope(reply[1])
            except UnreadableMessageError as error:
                self.set_aside(bytes_to_str(reply[1]), queue, str(error))
            else:
                self.connection._deliver(envelope, queue)
            return True
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()

    def _brpop_reply(self, **options: Any) -> Any:
        try:
            reply = self.client.parse_response(self.client.connection, "BRPOP", **options)
        except RedisError:
            self.client.connection.disconnect()  # the next poll connects anew
            raise
        PULSE.beat()
        return reply

    def set_aside(self, message: str, queue: str, reason: str) -> None:
        """Keep a message that cannot be carried out where a person can look at it."""
        with self.conn_or_acquire() as client:
            set_aside(client, message, queue, reason, self.global_keyprefix)

    def close(self) -> None:
        """Close the channel, whether Redis is there or not."""
        if self._in_poll:
            try:
                self._brpop_read()
            except (Empty, RedisError):
                self._in_poll = None
        if not self.closed and isinstance(self._qos, SteadyQoS):
            self._qos.settle_if_possible()
        try:
            super().close()
        except RedisError as error:
            logger.debug("A channel is closed while Redis is away: %s", error)
            if self.connection is not None:
                self.connection.cycle.discard(self)
            self._disconnect_pools()
            self._close_clients()
            virtual.Channel.close(self)


class SteadyPoller(upstream.MultiChannelPoller):
    """A poller that reports a connection on which BRPOP got no reply.

    kombu connects anew in silence. A message may have been on its way, so the worker must connect anew too:
    it then looks for imports that were lost.
    """

    _channels: Iterable[SteadyChannel]

    def maybe_check_brpop_health(self) -> None:
        """Drop a connection whose reply is overdue.

        Raises:
            redis.exceptions.ConnectionError: there was one.
        """
        pending = {channel: channel._in_poll for channel in self._channels if channel._in_poll}
        super().maybe_check_brpop_health()  # type: ignore[misc]  # kombu's type hints leave it out
        if any(not channel._in_poll for channel in pending):
            message = "BRPOP got no reply"
            raise RedisConnectionError(message)


class SteadyTransport(upstream.Transport):
    """The transport of ``redis://`` and ``rediss://``."""

    Channel = SteadyChannel

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cycle = SteadyPoller()


class SteadySentinelChannel(SteadyChannel, upstream.SentinelChannel):
    """The same, for a Redis that sentinels name."""


class SteadySentinelTransport(SteadyTransport, upstream.SentinelTransport):
    """The transport of ``sentinel://``."""

    Channel = SteadySentinelChannel
