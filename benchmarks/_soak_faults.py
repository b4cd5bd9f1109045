"""The faults of the soak: what breaks, for how long, and how it is put right."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.integration.faults.servers import OwnPostgres, OwnValkey
    from tests.integration.faults.supervised import Supervisor


@dataclass
class Breakable:
    """The servers and processes that the faults break."""

    postgres: OwnPostgres
    valkey: OwnValkey
    worker: Supervisor
    schedulers: tuple[Supervisor, Supervisor]


class Faults:
    """A thread that breaks one thing after the other, in an order that the random numbers give."""

    def __init__(self, broken: Breakable, random: Random) -> None:
        self._broken = broken
        self._random = random
        self._is_over = Event()
        self._began = monotonic()
        self.met: list[str] = []
        self.error: BaseException | None = None
        self._thread = Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """Return when the last fault has been put right.

        Raises:
            the error that ended the thread, if one did.
        """
        self._is_over.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        faults = list(_FAULTS.items())
        try:
            while not self._is_over.wait(self._random.uniform(2, 10)):
                name, fault = self._random.choice(faults)
                seconds = self._random.uniform(0.5, 15)
                print(f"{monotonic() - self._began:7.1f} s  {name} ({seconds:.1f} s)", flush=True)
                fault(self._broken, self._is_over, seconds)
                self.met.append(name)
        except BaseException as error:  # noqa: BLE001 - it is raised where the thread is joined
            self.error = error


def _kill_redis(broken: Breakable, over: Event, seconds: float) -> None:
    broken.valkey.kill()
    over.wait(seconds)
    broken.valkey.start()


def _lose_redis(broken: Breakable, over: Event, seconds: float) -> None:
    broken.valkey.kill()
    broken.valkey.lose_volume()
    over.wait(seconds)
    broken.valkey.start()


def _freeze_redis(broken: Breakable, over: Event, seconds: float) -> None:
    broken.valkey.freeze()
    over.wait(seconds)
    broken.valkey.thaw()


def _empty_redis(broken: Breakable, over: Event, seconds: float) -> None:
    del over, seconds
    with broken.valkey.client() as client:
        client.flushall()


def _kill_worker(broken: Breakable, over: Event, seconds: float) -> None:
    """As when a machine loses power."""
    del over, seconds
    with suppress(ProcessLookupError):  # it has just ended by itself
        os.killpg(broken.worker.pid, signal.SIGKILL)


def _stop_worker(broken: Breakable, over: Event, seconds: float) -> None:
    """As in a deployment."""
    del over, seconds
    with suppress(ProcessLookupError):
        os.kill(broken.worker.pid, signal.SIGTERM)


def _kill_scheduler(broken: Breakable, over: Event, seconds: float) -> None:
    scheduler = broken.schedulers[int(seconds) % 2]
    del over
    with suppress(ProcessLookupError):
        os.killpg(scheduler.pid, signal.SIGKILL)


def _crash_postgres(broken: Breakable, over: Event, seconds: float) -> None:
    broken.postgres.stop("immediate")
    over.wait(seconds)
    broken.postgres.start()


def _restart_postgres(broken: Breakable, over: Event, seconds: float) -> None:
    del over, seconds
    broken.postgres.stop("fast")
    broken.postgres.start()


def _lock_imports(broken: Breakable, over: Event, seconds: float) -> None:
    with psycopg.connect(broken.postgres.uri) as holder:
        holder.execute("LOCK TABLE imports IN ACCESS EXCLUSIVE MODE")
        over.wait(seconds)
        holder.rollback()


def _make_read_only(broken: Breakable, over: Event, seconds: float) -> None:
    broken.postgres.set("default_transaction_read_only", "on")
    over.wait(seconds)
    broken.postgres.reset("default_transaction_read_only")


_FAULTS: dict[str, Callable[[Breakable, Event, float], None]] = {
    "Redis is killed": _kill_redis,
    "Redis loses its volume": _lose_redis,
    "Redis is frozen": _freeze_redis,
    "Redis is emptied": _empty_redis,
    "a worker is killed": _kill_worker,
    "a worker is stopped": _stop_worker,
    "a scheduler is killed": _kill_scheduler,
    "PostgreSQL crashes": _crash_postgres,
    "PostgreSQL is restarted": _restart_postgres,
    "the table of imports is locked": _lock_imports,
    "PostgreSQL is read-only": _make_read_only,
}
