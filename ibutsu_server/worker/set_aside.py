"""Keep a message that no worker can carry out where a person can look at it."""

from __future__ import annotations

import json
import logging
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

LIST: Final = "ibutsu-set-aside"
"""Redis list of the messages, the newest first."""

COUNTER: Final = "ibutsu-set-aside-count"
"""Redis counter of all messages that were ever set aside."""

LONGEST_LIST: Final = 100
LONGEST_MESSAGE: Final = 100_000
"""Characters of a message that are kept."""

LIFETIME: Final = 30 * 86_400
"""Seconds after the last message until the list is gone."""


def set_aside(client: Redis, message: str, queue: str, reason: str) -> None:
    """Store a message with the reason and count it; log the reason without the message.

    The message is lost where Redis does not take it: it would otherwise end one worker after the other.
    """
    logger.error(
        "A message in the queue %s cannot be carried out and is set aside in the Redis list %s: %s",
        queue,
        LIST,
        reason,
    )
    entry = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": socket.gethostname(),
        "queue": queue,
        "reason": reason,
        "message": message[:LONGEST_MESSAGE],
    }
    try:
        with client.pipeline() as pipe:
            pipe.lpush(LIST, json.dumps(entry))
            pipe.ltrim(LIST, 0, LONGEST_LIST - 1)
            pipe.expire(LIST, LIFETIME)
            pipe.incr(COUNTER)
            pipe.execute()
    except RedisError as error:
        logger.warning("The message is dropped, because Redis does not take it: %s", error)
