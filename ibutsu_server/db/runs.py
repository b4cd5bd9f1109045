"""Bring the rows of runs in step with their results, without loading the results."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Text, cast, func, select, update
from sqlalchemy.orm import aliased

from ibutsu_server.db.base import db
from ibutsu_server.db.models import Result, Run
from ibutsu_server.db.summary import summarise
from ibutsu_server.db.types import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

_COPIED_COLUMNS: Final = ("start_time", "env", "component", "project_id", "source")
_COPIED_METADATA: Final[tuple[str, ...]] = ("jenkins", "tags")


def refresh_run(run_id: str) -> bool:
    """Compute the summary and the duration of a run anew, and fill what its first result knows.

    The row of the run is locked first, so that of two callers the later one counts last. Return whether
    there is such a run.
    """
    locked = _lock_with_first_result(run_id)
    if locked is None:
        return False
    run, first = locked
    states, duration = _aggregate(run_id)
    collected = (run.summary or {}).get("collected")
    run.summary = summarise(states, collected=collected if isinstance(collected, int) else None)
    run.duration = duration
    if first is not None:
        _fill(run, first)
    db.session.flush()
    return True


def runs_out_of_step(since: dt.datetime) -> Sequence[str]:
    """Find the runs created since then whose ``summary.tests`` is not the number of their results."""
    recent = select(Run.id).where(Run.created >= since)
    counts = (
        select(Result.run_id, func.count().label("tests"))
        .where(Result.run_id.in_(recent))
        .group_by(Result.run_id)
        .subquery()
    )
    claimed = func.coalesce(cast(Run.summary["tests"].as_string(), Text), "")
    counted = cast(func.coalesce(counts.c.tests, 0), Text)
    query = select(Run.id).outerjoin(counts, counts.c.run_id == Run.id)
    return db.session.scalars(query.where(Run.created >= since, claimed != counted)).all()


def recent(seconds: float) -> dt.datetime:
    """Return the moment so many seconds ago, as naive UTC."""
    return utc_now() - dt.timedelta(seconds=seconds)


def fill_start_times(run_id: str) -> int:
    """Give results of a run that have no start time the run's; return how many there were."""
    start = select(Run.start_time).where(Run.id == run_id).scalar_subquery()
    without = update(Result).where(Result.run_id == run_id, Result.start_time.is_(None))
    return len(db.session.scalars(without.values(start_time=start).returning(Result.id)).all())


def _lock_with_first_result(run_id: str) -> tuple[Run, Result | None] | None:
    if db.engine.dialect.name == "sqlite":  # it has no row locks: a write takes the one of the database
        db.session.execute(update(Run).where(Run.id == run_id).values(id=Run.id))
    earliest = aliased(Result)
    first_id = (
        select(earliest.id)
        .where(earliest.run_id == Run.id)
        .order_by(earliest.start_time, earliest.id)
        .limit(1)
        .correlate(Run)
        .scalar_subquery()
    )
    query = select(Run, Result).outerjoin(Result, Result.id == first_id).where(Run.id == run_id)
    row = db.session.execute(
        query.with_for_update(of=Run), execution_options={"populate_existing": True}
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def _aggregate(run_id: str) -> tuple[dict[str, int], float]:
    """Return the number of results by state, and the sum of their durations in seconds."""
    totals = select(Result.result, func.count(), func.sum(Result.duration)).where(Result.run_id == run_id)
    rows = db.session.execute(totals.group_by(Result.result)).all()
    return {state or "": number for state, number, _ in rows}, sum(seconds or 0.0 for *_, seconds in rows)


def _fill(run: Run, first: Result) -> None:
    for name in _COPIED_COLUMNS:
        if not getattr(run, name):
            setattr(run, name, getattr(first, name))
    data: dict[str, Any] = run.data or {}
    known: dict[str, Any] = first.data or {}
    missing = {key: known[key] for key in _COPIED_METADATA if key in known and key not in data}
    if missing:
        run.data = {**data, **missing}
