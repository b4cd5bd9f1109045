"""Measure one task, or its naive form, in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

from _lifecycle_rows import application

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.synchronize import Event

CASES = 200
"""Cases of the report that is imported again and again while a prune runs."""


@dataclass
class Measure:
    """Say what one go needed."""

    seconds: float
    statements: int
    megabytes: float
    """Resident memory at its peak, above what there was before."""
    megabytes_by_batch: list[float] = field(default_factory=list)
    """Resident memory at each batch of a prune."""


def update_run(run_id: str) -> None:
    """Update a run as the task does."""
    from ibutsu_server.tasks import runs

    runs.update_run(run_id)


def update_run_naively(run_id: str) -> None:
    """Update a run by loading its results."""
    from sqlalchemy import select

    from ibutsu_server.db import db
    from ibutsu_server.db.models import Result, Run
    from ibutsu_server.db.summary import summarise

    run = db.session.get_one(Run, run_id)
    results = db.session.scalars(select(Result).where(Result.run_id == run.id)).all()
    states: dict[str, int] = {}
    for result in results:
        states[str(result.result)] = states.get(str(result.result), 0) + 1
    run.summary = summarise(states)
    run.duration = sum(result.duration or 0 for result in results)
    db.session.commit()


def sync_aborted_runs() -> None:
    """Look for aborted runs as the task does."""
    from ibutsu_server.tasks import runs

    runs.sync_aborted_runs()


def sync_naively() -> None:
    """Look for aborted runs with one count per run."""
    from sqlalchemy import func, select

    from ibutsu_server.constants import SYNC_RUN_TIME
    from ibutsu_server.db import db
    from ibutsu_server.db.models import Result, Run
    from ibutsu_server.db.runs import recent

    for run in db.session.scalars(select(Run).where(Run.start_time >= recent(SYNC_RUN_TIME))).all():
        count = db.session.scalar(select(func.count()).where(Result.run_id == run.id))
        assert count == (run.summary or {})["tests"]  # noqa: S101 - nothing is out of step here


def prune(kind: str) -> list[float]:
    """Prune ``artifacts``, ``results`` or ``runs``; return the resident memory at each batch."""
    from ibutsu_server.db.pruning import Prune
    from ibutsu_server.db.types import utc_now
    from ibutsu_server.settings import PruneSettings

    memory_by_batch: list[float] = []

    def clock() -> float:
        memory_by_batch.append(memory("VmRSS"))
        return monotonic()

    pruning = Prune(
        PruneSettings.hermetic(batch_size=PruneSettings.model_fields["batch_size"].default), clock
    )
    getattr(pruning, kind)(utc_now())
    return memory_by_batch


def measure(work: Callable[[], Any], servers: tuple[str, str], goes: int = 1) -> Measure:
    """Return the best of so many goes, in a process of its own so that nothing inherits memory."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (work, servers, goes))


def _measure(work: Callable[[], Any], servers: tuple[str, str], goes: int) -> Measure:
    from sqlalchemy import event, text

    from ibutsu_server.db import db

    with application(*servers).app_context():
        db.session.execute(text("SELECT 1"))
        statements: list[str] = []
        event.listen(db.engine, "before_cursor_execute", lambda *context: statements.append(context[2]))
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = memory("VmRSS")
        seconds, issued, found = [], 0, None
        for _ in range(goes):
            statements.clear()
            start = perf_counter()
            found = work()
            seconds.append(perf_counter() - start)
            issued = max(issued, len(statements))
        above = memory("VmHWM") - before
        db.session.remove()
        return Measure(min(seconds), issued, above, found or [])


def memory(name: str) -> float:
    """Return a figure of this process's memory in megabytes, as Linux tells it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def import_until(stop: Event, servers: tuple[str, str]) -> list[float]:
    """Import a report again and again; return the seconds of every statement, waiting for locks included."""
    from uuid import uuid4

    from ibutsu_server.db import db
    from ibutsu_server.db.models import Import, ImportFile
    from ibutsu_server.tasks.importers import run_junit_import

    case = '<testcase classname="tests" name="test_{}" time="0.1"><system-out>out</system-out></testcase>'
    report = f"<testsuite>{''.join(case.format(n) for n in range(CASES))}</testsuite>".encode()
    with application(*servers).app_context():
        seconds = _time_statements()
        while not stop.is_set():
            import_ = Import(filename=f"{uuid4()}.xml", format="junit", status="pending", data={})
            import_.file = ImportFile(content=report)
            db.session.add(import_)
            db.session.commit()
            run_junit_import({"id": import_.id})
        db.session.remove()
        return seconds


def _time_statements() -> list[float]:
    """Return a list that grows by the seconds of every statement from now on, ``COPY`` too."""
    from contextlib import contextmanager

    import psycopg
    from sqlalchemy import event

    from ibutsu_server.db import db

    seconds: list[float] = []

    class TimedCursor(psycopg.Cursor[Any]):
        def execute(self, *args: Any, **options: Any) -> Any:
            start = perf_counter()
            try:
                return super().execute(*args, **options)
            finally:
                seconds.append(perf_counter() - start)

        @contextmanager
        def copy(self, *args: Any, **options: Any) -> Any:
            start = perf_counter()
            with super().copy(*args, **options) as copy:
                yield copy
            seconds.append(perf_counter() - start)

    def time(connection: psycopg.Connection[Any], record: object) -> None:
        del record
        connection.cursor_factory = TimedCursor

    event.listen(db.engine, "connect", time)
    return seconds
