"""A scheduler of which several may run: one is active, and the others stand by.

Celery's own keeps the last runs in a file, sends everything twice where two run, and leaves out what falls
due while the broker is away.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from celery.beat import ScheduleEntry, Scheduler, SchedulingError
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from ibutsu_server.util.outages import is_outage, reason_of
from ibutsu_server.util.redis_lock import get_redis_client
from ibutsu_server.worker.beat_ledger import Claim, Ledger

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from kombu import Connection, Producer

logger = logging.getLogger(__name__)

_CHECKS: Final = 6
"""Times that the lease is claimed while it lasts."""

_PATIENCE: Final = 2
"""Claims for which a scheduler leaves an emptied Redis to the one that was active."""


class LeasedScheduler(Scheduler):
    """A scheduler that sends only while it has the lease, and keeps the last runs in Redis.

    The lease is claimed before each message, and the last run is kept after it: a message is sent twice only
    where the process or Redis dies between the two. What cannot be sent stays due.
    """

    def __init__(self, app: Any, *, max_interval: float | None = None, **kwargs: Any) -> None:
        flask_app = app.Task.flask_app
        server = flask_app.extensions["ibutsu_server"]
        prefix = str(server.celery.broker_transport_options.get("global_keyprefix", ""))
        self._lease: int = server.beat.lease
        self._ledger = Ledger(get_redis_client(flask_app), prefix, self._lease)
        self._last_runs: dict[str, dt.datetime] = {}
        self._is_active: bool | None = None
        self._is_current = False
        self._unknown_since: float | None = None
        self._is_waiting = False
        self._pause: float = min(
            filter(None, (max_interval, app.conf.beat_max_loop_interval, self._lease / _CHECKS))
        )
        super().__init__(app, max_interval=self._pause, **kwargs)

    @property
    def info(self) -> str:
        """Return a line for the banner."""
        return f"    . lease -> {self._lease} s"

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send one entry that is due, if this scheduler is active; return the seconds until the next call."""
        try:
            delay = super().tick(*args, **kwargs) if self._has_lease() else self._pause
        except (RedisError, OperationalError, SchedulingError) as error:
            self._wait_for_redis(error)
            return self._pause
        if self._is_waiting:
            self._is_waiting = False
            logger.info("Redis answers again; what has fallen due is sent now")
        return delay

    def apply_entry(self, entry: ScheduleEntry, producer: Producer | None = None) -> None:
        """Send the entry, and keep when; one that can never be sent waits for its next time.

        Raises:
            celery.beat.SchedulingError: the broker does not take it.
        """
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            if is_outage(error.__context__):
                raise
            logger.error("Scheduler: %s waits for its next time, check its arguments: %s", entry.name, error)
        else:  # the sentence of Celery's own scheduler, which people search for
            logger.info("Scheduler: Sending due task %s (%s)", entry.name, entry.task)
        reserved: Any = self.schedule[str(entry.name)]
        self._last_runs[reserved.name] = reserved.last_run_at
        self._save()

    def close(self) -> None:
        """Give the lease to whoever stands by, and release the connections."""
        if self._is_active:
            self._is_active = False
            try:
                self._ledger.release()
            except RedisError as error:
                logger.warning("The lease ends by itself in %d s: %s", self._lease, reason_of(error))
        super().close()

    def _has_lease(self) -> bool:
        claim = self._ledger.claim(may_begin=bool(self._is_active) or self._has_been_patient())
        if claim is Claim.UNKNOWN:
            if self._unknown_since is None:
                self._unknown_since = monotonic()
            return False
        self._unknown_since = None
        if claim is Claim.OTHERS:
            self._stand_by()
        elif claim is Claim.TAKEN or not self._is_current:
            self._take_over()
        return self._is_current

    def _has_been_patient(self) -> bool:
        since = self._unknown_since
        return since is not None and monotonic() - since >= self._lease * _PATIENCE / _CHECKS

    def _stand_by(self) -> None:
        if self._is_active is not False:
            logger.info("Another scheduler is active; this one stands by")
        self._is_active = self._is_current = False
        self._last_runs = self._known_last_runs()

    def _take_over(self) -> None:
        """Go on where the last runs end; an entry without one begins now."""
        if not self._is_active:
            self._is_active = True
            logger.info("This scheduler is active")
        now = self.app.now()
        known = self._known_last_runs()
        self._last_runs = {name: known.get(name, now) for name in self.schedule}
        for name, entry in self.schedule.items():
            entry.last_run_at = self._last_runs[name]
        self._heap = None  # Celery makes it anew from the entries
        self._save()

    def _known_last_runs(self) -> dict[str, dt.datetime]:
        """Return the last runs that Redis or this process knows: each may have forgotten some."""
        return _latest(self._last_runs, self._ledger.last_runs(self.app.now()))

    def _save(self) -> None:
        self._is_current = self._ledger.save(self._last_runs)

    def _wait_for_redis(self, error: Exception) -> None:
        cause = error.__context__ if isinstance(error, SchedulingError) else error
        if not is_outage(cause):
            raise error
        self._is_current = False  # an entry that was reserved and not sent is due again
        super().close()  # the next message gets a new connection
        if not self._is_waiting:
            self._is_waiting = True
            logger.warning(
                "Redis does not answer: %s; what falls due is sent when it does", reason_of(cause or error)
            )

    def _ensure_connected(self) -> Connection:
        """Try to connect and leave the waiting to :meth:`tick`, which claims the lease again."""
        return self.connection.ensure_connection(max_retries=1)


def _latest(some: Mapping[str, dt.datetime], others: Mapping[str, dt.datetime]) -> dict[str, dt.datetime]:
    """Return the later time of each name."""
    return {name: max(times[name] for times in (some, others) if name in times) for name in {*some, *others}}
