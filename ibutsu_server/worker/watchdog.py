"""End a worker that lives on without consuming, so that its supervisor starts another one."""

from __future__ import annotations

import logging
import os
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from celery import bootsteps
from celery.worker.state import reserved_requests, scheduled_requests  # type: ignore[attr-defined]
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from ibutsu_server.util.outages import reason_of
from ibutsu_server.worker.pulse import PULSE

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

EXIT_CODE: Final = 75
"""EX_TEMPFAIL of sysexits.h: the same work may succeed in a new process."""

_CHECKS: Final = 6
"""Checks within the time after which a worker counts as stuck."""


class Watchdog(bootsteps.StartStopStep):
    """The step of a worker that ends the process where nothing is consumed though there is work.

    It watches from a thread, because the main thread may be what hangs.
    """

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._stopped = Event()

    def start(self, parent: Any) -> None:
        """Begin to watch."""
        limit = parent.app.Task.flask_app.extensions["ibutsu_server"].outages.stuck_after
        watch = Watch(limit, lambda: _waiting(parent))
        Thread(target=self._run, args=(watch, limit / _CHECKS), name="watchdog", daemon=True).start()

    def close(self, parent: Any) -> None:
        """End watching; from here on the worker consumes nothing on purpose."""
        del parent
        self._stopped.set()

    def _run(self, watch: Watch, pause: float) -> None:
        while not self._stopped.wait(pause):
            stuck = watch.check(PULSE.last, monotonic())
            if stuck and not self._stopped.is_set():
                logger.critical("%s; the process ends with code %d", stuck, EXIT_CODE)
                logging.shutdown()
                os._exit(EXIT_CODE)


class Watch:
    """The memory of a watchdog: since when the worker has been stuck.

    ``limit`` is in seconds. ``waiting`` returns the number of messages that the worker could consume; it
    raises where the broker does not answer.
    """

    def __init__(self, limit: float, waiting: Callable[[], int]) -> None:
        self._limit = limit
        self._waiting = waiting
        self._last_pulse = 0.0
        self._since: float | None = None

    def check(self, pulse: float, now: float) -> str | None:
        """Return a sentence where the worker has been stuck for longer than the limit, else None.

        It is stuck while the pulse stays as it was, the broker answers and messages wait.
        """
        has_moved, self._last_pulse = pulse != self._last_pulse, pulse
        waiting = 0 if has_moved else self._number_of_waiting()
        if not waiting:
            self._since = None
            return None
        if self._since is None:
            self._since = now
        if now - self._since < self._limit:
            return None
        seconds = now - pulse
        return (
            f"Nothing was consumed for {seconds:.0f} s, though {waiting} messages wait and the broker answers"
        )

    def _number_of_waiting(self) -> int:
        try:
            return self._waiting()
        except (OperationalError, RedisError, OSError) as error:
            logger.debug("The broker does not answer: %s", reason_of(error))
            return 0


def _waiting(worker: Any) -> int:
    """Return how many messages wait that a free child process could take."""
    eta_limit = worker.app.conf.worker_eta_task_limit
    if len(reserved_requests) >= worker.pool.num_processes:
        return 0
    if eta_limit and len(scheduled_requests) >= eta_limit:
        return 0
    queues = list(worker.app.amqp.queues.consume_from)
    with worker.app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        return sum(channel.queue_declare(queue).message_count for queue in queues)
