"""Import, update, prune and query for MINUTES while servers and processes break, and check every row.

The faults come in an order that the seed gives. At the end every import must have ended, with each of its
rows once and the right summary, and no key, file, lock or process may be left; else the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parents[1]))  # the servers are those of the tests of faults

from _soak_faults import Breakable, Faults
from _soak_work import Work

from tests.integration.faults.servers import own_postgres, own_valkey
from tests.integration.faults.supervised import Supervisor
from tests.processes import SCHEDULER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.integration.faults.servers import OwnPostgres, OwnValkey

MOST_SECONDS_TO_END = 900
VISIBILITY_TIMEOUT = 180
"""Seconds after which the messages of a killed worker come again; by default it would be three hours."""

MARK = "IBUTSU_TEST_SOAK"
LASTING_KEYS = (b"_kombu.binding", b"ibutsu-beat-last-runs")
"""Prefixes of the keys that a deployment keeps; every other one has an end."""


def settings_of(database: str, broker: str, mark: str, folder: Path) -> dict[str, str]:
    """Return the settings of worker and schedulers: the defaults, but for what would make the end wait."""
    return {
        "SQLALCHEMY_DATABASE_URI": database,
        "CELERY_BROKER_URL": broker,
        "CELERY_WORKER_CONCURRENCY": "2",
        "CELERY_TASK_TIME_LIMIT": str(VISIBILITY_TIMEOUT - 60),
        "CELERY_TASK_RETRY_BACKOFF_MAX": "60",
        "CELERY_BROKER_VISIBILITY_TIMEOUT": str(VISIBILITY_TIMEOUT),
        "IBUTSU_BEAT_RESCUE_IMPORTS_SCHEDULE": "60",
        "TMPDIR": str(folder),
        MARK: mark,
    }


def hold(condition: Callable[[], bool], seconds: float) -> bool:
    """Return whether ``condition`` comes to hold within so many seconds."""
    end = monotonic() + seconds
    while not condition():
        if monotonic() > end:
            return False
        sleep(1)
    return True


def messages(valkey: OwnValkey) -> int:
    """Return how many messages wait or are not acknowledged."""
    with valkey.client() as client:
        return int(client.llen("celery")) + int(client.hlen("unacked"))


def leftovers(postgres: OwnPostgres, valkey: OwnValkey, mark: str, folder: Path) -> Iterator[str]:
    """Yield what is left after all processes were stopped."""
    with valkey.client() as client:
        for key in client.scan_iter():
            if not key.startswith(LASTING_KEYS) and client.ttl(key) < 0:
                yield f"the key {key.decode()} is left, a {client.type(key).decode()}"
    yield from (f"the file {path} is left" for path in folder.rglob("*") if path.is_file())
    backends = "SELECT pid, state, query FROM pg_stat_activity WHERE backend_type = 'client backend'"
    for row in postgres.execute(f"{backends} AND pid <> pg_backend_pid()"):
        yield f"the connection {row} is left, with its locks"
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARK}={mark}".encode() in environ.read_bytes():
                yield f"the process {environ.parent.name} is left"
        except OSError:  # it has ended, or is another user's
            continue


def soak(minutes: float, seed: int, folder: Path) -> list[str]:
    """Work and break things for so many minutes, and return what was wrong at the end."""
    mark = uuid4().hex
    temporary = folder / "tmp"
    temporary.mkdir()
    with ExitStack() as stack:
        postgres = stack.enter_context(own_postgres())
        valkey = stack.enter_context(own_valkey(folder / "valkey"))
        work = stack.enter_context(closing(Work(postgres.uri, valkey.url, Random(seed))))
        settings = settings_of(postgres.uri, valkey.url, mark, temporary)
        worker = Supervisor(settings)
        stack.callback(worker.stop)
        schedulers = tuple(Supervisor(settings, SCHEDULER, "beat: Starting") for _ in range(2))
        for scheduler in schedulers:
            stack.callback(scheduler.stop)
        faults = Faults(Breakable(postgres, valkey, worker, schedulers), Random(seed + 1))
        try:
            work.go_on_for(minutes * 60)
        finally:
            faults.stop()
        wrong = list(end(work, valkey, (*schedulers, worker)))
        wrong += leftovers(postgres, valkey, mark, temporary)
        show(work, faults, {"worker": worker, "schedulers": schedulers})
        return wrong


def end(work: Work, valkey: OwnValkey, processes: tuple[Supervisor, ...]) -> Iterator[str]:
    """Wait for what is open, stop the processes, and yield what is wrong with the rows."""
    print("The last fault is over.", flush=True)
    if not hold(lambda: not work.open_imports(), MOST_SECONDS_TO_END):
        yield f"{work.open_imports()} imports have not ended after {MOST_SECONDS_TO_END} s"
    *schedulers, worker = processes
    for scheduler in schedulers:
        scheduler.stop()
    if not hold(lambda: not messages(valkey), VISIBILITY_TIMEOUT * 2):
        yield f"{messages(valkey)} messages are left"
    worker.stop()
    yield from work.faults()
    work.close()


def show(work: Work, faults: Faults, processes: Mapping[str, Any]) -> None:
    """Print what was done and met."""
    results = sum(each.upload.results for each in work.imports.values())
    print(f"{len(work.imports):,} imports with {results:,} results")
    for counts in (work.counts, Counter(faults.met)):
        for name, number in sorted(counts.items()):
            print(f"  {name:40} {number:6,}")
    print(f"  the worker ended, by exit code: {dict(Counter(processes['worker'].exit_codes))}")
    for scheduler in processes["schedulers"]:
        print(f"  a scheduler ended, by exit code: {dict(Counter(scheduler.exit_codes))}")
    print(f"longest time until an import was seen to have ended: {work.longest_wait:.1f} s")


def main() -> None:
    """Soak and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("minutes", type=float, help="for which things break")
    parser.add_argument("--seed", type=int, help="of work and faults (default: a random one)")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else Random().randrange(10**6)
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="ibutsu-soak-") as folder:
        wrong = soak(options.minutes, seed, Path(folder))
    for each in wrong:
        print(f"WRONG: {each}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
