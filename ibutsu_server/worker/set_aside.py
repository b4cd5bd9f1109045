"""Keep a message that no worker can carry out where a person can look at it."""

from __future__ import annotations

import json
import logging
import socket
from datetime import UTC, datetime
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

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


def set_aside(client: Redis, message: str, queue: str, reason: str, prefix: str = "") -> None:
    """Store a message with the reason and count it; log the reason without the message.

    The keys begin with ``prefix``, the ``global_keyprefix`` of the deployment. The message is lost if Redis
    does not take it: it would otherwise end one worker after the other.
    """
    logger.error(
        "A message in the queue %s cannot be carried out and is set aside in the Redis list %s: %s",
        queue,
        prefix + LIST,
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
        # Not the pipeline of kombu 5.7.0: with a global_keyprefix it prefixes the key of LPUSH alone.
        with Redis.pipeline(client) as pipe:
            pipe.lpush(prefix + LIST, json.dumps(entry))
            pipe.ltrim(prefix + LIST, 0, LONGEST_LIST - 1)
            pipe.expire(prefix + LIST, LIFETIME)
            pipe.incr(prefix + COUNTER)
            pipe.execute()
    except RedisError as error:
        logger.warning("The message is dropped, because Redis does not take it: %s", error)
