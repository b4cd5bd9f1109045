"""Hold a lock in the Redis of the broker."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from redis import Redis
from redis.exceptions import LockError, RedisError
from redis.sentinel import Sentinel

from ibutsu_server.constants import LOCK_EXPIRE, LOCK_TTL
from ibutsu_server.util.app_context import active_app, get_flask_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from ibutsu_server.settings import BrokerSettings

logger = logging.getLogger(__name__)

_CLIENT = "ibutsu_server.redis"


def get_redis_client(app: Flask | None = None) -> Redis:
    """Return the client of ``app``'s broker; it is made once per app and safe to share.

    ``app`` defaults to the active Flask app, else the process's own.
    """
    flask_app = app or active_app() or get_flask_app()
    client = flask_app.extensions.get(_CLIENT)
    if client is None:
        client = flask_app.extensions[_CLIENT] = _connect(flask_app.extensions["ibutsu_server"].celery)
    return client


def is_locked(name: str, app: Flask | None = None) -> bool:
    """Tell whether somebody holds the lock called ``name``."""
    return bool(get_redis_client(app).lock(name).locked())


@contextmanager
def lock(name: str, timeout: float = LOCK_EXPIRE, app: Flask | None = None) -> Iterator[None]:
    """Hold the lock called ``name``; wait for it ``timeout`` seconds at most.

    A lock whose holder died frees itself after ``LOCK_TTL`` seconds.

    Raises:
        redis.exceptions.LockError: somebody else holds it all that time.
    """
    held = get_redis_client(app).lock(name, timeout=LOCK_TTL, blocking_timeout=timeout)
    if not held.acquire():
        message = f"Somebody else held the lock {name} for {timeout:g} seconds."
        raise LockError(message)
    try:
        yield
    finally:
        try:
            held.release()
        except RedisError as error:  # the work under the lock is done all the same
            logger.warning("The lock %s frees itself in %d seconds at most: %s", name, LOCK_TTL, error)


def _connect(settings: BrokerSettings) -> Redis:
    url = settings.broker_url
    options = settings.connection_options()
    if url.is_sentinel:
        sentinel = Sentinel(url.sentinels(), sentinel_kwargs=settings.sentinel_options(), **options)
        master: Redis = sentinel.master_for(settings.redis_sentinel_master_name, **url.credentials())
        return master
    if url.is_tls:
        options |= settings.tls_options(url)
    if url.is_unix:
        del options["socket_connect_timeout"], options["socket_keepalive"]
    return Redis.from_url(url.for_redis(), **options)
