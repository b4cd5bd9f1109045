"""Bring the rows of runs in step with their results, without loading the results."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Text, cast, func, select, update
from sqlalchemy.orm import aliased

from ibutsu_server.db.base import db
from ibutsu_server.db.models import Result, Run
from ibutsu_server.db.summary import COUNTED_STATES, summarise
from ibutsu_server.db.types import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row

_COPIED_COLUMNS: Final = ("start_time", "env", "component", "project_id", "source")
_COPIED_METADATA: Final = ("jenkins", "tags")


def refresh_run(run_id: str) -> bool:
    """Compute the summary and the duration of a run anew, and fill what its first result knows.

    Of callers at once each counts after the one before it has committed, so the last one wins and misses
    nothing. Return whether there is such a run.
    """
    run = _lock(run_id)
    if run is None:
        return False
    totals = _totals(run_id)
    states = {state: getattr(totals, state) for state in COUNTED_STATES.values()}
    states["others"] = totals.tests - sum(states.values())
    run.summary = summarise(states, collected=_collected(run, totals.tests))
    run.duration = totals.duration
    if totals.tests:
        _fill(run, totals)
    db.session.flush()
    return True


def runs_out_of_step(since: dt.datetime) -> Sequence[str]:
    """Find the runs started since then whose ``summary.tests`` is not the number of their results.

    The two are compared as text, so that no content of a summary can make the statement fail.
    """
    claimed = func.coalesce(cast(Run.summary["tests"].as_string(), Text), "")
    counted = cast(func.count(Result.run_id), Text)  # the index holds it, so no row is read
    query = select(Run.id).outerjoin(Result, Result.run_id == Run.id).where(Run.start_time >= since)
    return db.session.scalars(query.group_by(Run.id).having(claimed != counted)).all()


def recent(seconds: float) -> dt.datetime:
    """Return the moment so many seconds ago, as naive UTC."""
    return utc_now() - dt.timedelta(seconds=seconds)


def fill_start_times(run_id: str) -> int:
    """Give results of a run that have no start time the run's; return how many there were."""
    start = select(Run.start_time).where(Run.id == run_id).scalar_subquery()
    without = update(Result).where(Result.run_id == run_id, Result.start_time.is_(None))
    return db.session.connection().execute(without.values(start_time=start)).rowcount


def _lock(run_id: str) -> Run | None:
    """Read the run, and keep others from updating it until the transaction ends.

    Results can still be added to it: their foreign key asks for its id only.
    """
    if db.engine.dialect.name == "sqlite":  # it has no row locks: a write takes the one of the database
        db.session.execute(update(Run).where(Run.id == run_id).values(id=Run.id))
    query = select(Run).where(Run.id == run_id).with_for_update(key_share=True)
    return db.session.scalars(query, execution_options={"populate_existing": True}).one_or_none()


def _totals(run_id: str) -> Row[Any]:
    """Return one row: the number of tests and of each state, the seconds, and the first result's columns."""
    counts = [func.count().filter(Result.result == state).label(state) for state in COUNTED_STATES.values()]
    seconds = func.coalesce(func.sum(Result.duration), 0.0).label("duration")
    totals = select(func.count().label("tests"), seconds, *counts).where(Result.run_id == run_id).subquery()
    earliest = aliased(Result)
    first_id = (
        select(earliest.id)
        .where(earliest.run_id == run_id)
        .order_by(earliest.start_time, earliest.id)
        .limit(1)
        .scalar_subquery()
    )
    copied = [getattr(Result, name) for name in (*_COPIED_COLUMNS, "data")]
    query = select(*totals.c, *copied).outerjoin_from(totals, Result, Result.id == first_id)
    return db.session.execute(query).one()


def _collected(run: Run, tests: int) -> int:
    """Return how many tests were found: as many as the run says, and all that have a result."""
    known = _object(run.summary).get("collected")
    return max(known, tests) if type(known) is int else tests  # JSON's true is an int too


def _fill(run: Run, first: Row[Any]) -> None:
    for name in _COPIED_COLUMNS:
        if not getattr(run, name):
            setattr(run, name, getattr(first, name))
    known, present = _object(first.data), _object(run.data)
    missing: dict[str, Any] = {
        key: known[key] for key in _COPIED_METADATA if key in known and key not in present
    }
    if missing:
        run.data = {**present, **missing}


def _object(value: Any) -> dict[str, Any]:
    """Return a JSON value that should be an object; whatever else was stored there is as good as nothing."""
    return value if isinstance(value, dict) else {}
