"""Bring the rows of runs in step with their results, without loading the results."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Text, case, cast, func, select, update
from sqlalchemy.orm import aliased

from ibutsu_server.constants import MIN_RESULT_MONTHS
from ibutsu_server.db.base import db
from ibutsu_server.db.fields import json_text
from ibutsu_server.db.models import Result, Run
from ibutsu_server.db.retention import months
from ibutsu_server.db.summary import COUNTED_STATES, summarise
from ibutsu_server.db.times import parse_plausible_time
from ibutsu_server.db.types import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Row, Select

_COPIED_COLUMNS: Final = ("start_time", "project_id")
_AGREED_COLUMNS: Final = ("env", "component", "source")
_COPIED_METADATA: Final = ("jenkins", "tags")

_AT_ONCE: Final = 1_000
"""Results that are read and updated at once."""


def refresh_run(run_id: str) -> bool:
    """Compute the summary and the duration of a run anew, and fill what it lacks from its results.

    A run keeps both where its results were pruned. Of callers at once each counts after the one before it has
    committed, so the last one wins and misses nothing. Return whether there is such a run.
    """
    run = _lock(run_id)
    if run is None:
        return False
    totals = _totals(run)
    if not _has_lost_results(run, totals.tests):
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
    """Return the time so many seconds ago, as naive UTC."""
    return utc_now() - dt.timedelta(seconds=seconds)


def fill_start_times(run_id: str) -> int:
    """Give the results of a run that have no start time one; return how many of them got it.

    It is the one in their old ``starttime`` metadata, else the run's.
    """
    lacking = (Result.run_id == run_id, Result.start_time.is_(None))
    old = json_text(Result.data, ["starttime"])
    written = db.session.execute(
        select(Result.id, old).where(*lacking, old.is_not(None)), execution_options={"yield_per": _AT_ONCE}
    )
    filled = 0
    for rows in written.partitions():
        started = [{"id": row[0], "start_time": parse_plausible_time(row[1])} for row in rows]
        known = [row for row in started if row["start_time"] is not None]
        if known:
            db.session.execute(update(Result), known)
        filled += len(known)
    start = select(Run.start_time).where(Run.id == run_id).scalar_subquery()
    rest = update(Result).where(*lacking, start.is_not(None)).values(start_time=start)
    return filled + db.session.connection().execute(rest).rowcount


def _lock(run_id: str) -> Run | None:
    """Read the run, and keep others from updating it until the transaction ends.

    Results can still be added to it: their foreign key asks for its id only.
    """
    if db.engine.dialect.name == "sqlite":  # it has no row locks: a write takes the one of the database
        db.session.execute(update(Run).where(Run.id == run_id).values(id=Run.id))
    query = select(Run).where(Run.id == run_id).with_for_update(key_share=True)
    return db.session.scalars(query, execution_options={"populate_existing": True}).one_or_none()


def _totals(run: Run) -> Row[Any]:
    """Return one row: the numbers of tests and of each state, the seconds, and what may fill the run."""
    counts = [func.count().filter(Result.result == state).label(state) for state in COUNTED_STATES.values()]
    seconds = func.coalesce(func.sum(Result.duration), 0.0).label("duration")
    agreed = [_agreed(name) for name in _AGREED_COLUMNS if not getattr(run, name)]
    columns: list[ColumnElement[Any]] = [func.count().label("tests"), seconds, *counts, *agreed]
    totals = select(*columns).where(Result.run_id == run.id).subquery()
    earliest = aliased(Result)
    first_id = (
        select(earliest.id)
        .where(earliest.run_id == run.id)
        .order_by(earliest.start_time, earliest.id)
        .limit(1)
        .scalar_subquery()
    )
    copied = [getattr(Result, name) for name in (*_COPIED_COLUMNS, "data")]
    query: Select[Any] = select(*totals.c, *copied).outerjoin_from(totals, Result, Result.id == first_id)
    return db.session.execute(query).one()


def _agreed(name: str) -> ColumnElement[str | None]:
    """Return the one value that all results which have one have in a column, else null."""
    value: ColumnElement[str] = func.nullif(getattr(Result, name), "")
    if db.engine.dialect.name == "postgresql":  # comparing bytes is several times as fast as by a language
        value = value.collate("C")
    return case((func.min(value) == func.max(value), func.min(value))).label(name)


def _has_lost_results(run: Run, tests: int) -> bool:
    """Return whether the summary counts results that were pruned since.

    That there are fewer than it counts has other reasons in a young run: a person deleted some, or a client
    announced more than it sent. Only a summary that was computed from results has a percentage.
    """
    known = _object(run.summary)
    counted = known.get("tests")
    if type(counted) is not int or counted <= tests:
        return False
    return _may_be_pruned(run.start_time) or (tests == 0 and "pass_percent" in known)


def _may_be_pruned(start: dt.datetime | None) -> bool:
    return start is None or start < utc_now() - months(MIN_RESULT_MONTHS)


def _collected(run: Run, tests: int) -> int:
    """Return how many tests were found: as many as the run says, and all that have a result."""
    known = _object(run.summary).get("collected")
    return max(known, tests) if type(known) is int else tests  # JSON's true is an int too


def _fill(run: Run, totals: Row[Any]) -> None:
    for name in (*_COPIED_COLUMNS, *_AGREED_COLUMNS):
        if not getattr(run, name):
            setattr(run, name, getattr(totals, name))
    known, present = _object(totals.data), _object(run.data)
    missing: dict[str, Any] = {
        key: known[key] for key in _COPIED_METADATA if key in known and key not in present
    }
    if missing:
        run.data = {**present, **missing}


def _object(value: Any) -> dict[str, Any]:
    """Return a JSON value that should be an object; anything else that was stored there counts as nothing."""
    return value if isinstance(value, dict) else {}
