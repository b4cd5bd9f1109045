"""Count what the prunes would delete, by table and month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import CompoundSelect, Select, false, func, or_, select, true, union, union_all

from ibutsu_server.db.base import db
from ibutsu_server.db.models import ENDED_STATUSES, Artifact, Import, Result, Run
from ibutsu_server.db.retention import Floors

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import InstrumentedAttribute

    from ibutsu_server.db.retention import Cutoffs
    from ibutsu_server.db.types import Condition

Rows = Select["str", "dt.datetime"] | CompoundSelect[Any]
"""A query for the ids of rows, and the times by which they are old."""


class Doomed(NamedTuple):
    """The number of rows of one table and one month that would go."""

    table: str
    month: str
    """``2026-03``: when a run or a result started, a file was uploaded, an import was created;
    ``unknown`` where an older database does not say."""
    rows: int


def forecast(cutoffs: Cutoffs) -> list[Doomed]:
    """Count what the prunes of files, results, runs and imports would delete, one after the other."""
    ended = Import.status.in_(ENDED_STATUSES)
    return [
        *_count("artifacts", _files(cutoffs)),
        *_count("results", _results(cutoffs)),
        *_count("runs", _rows(Run.id, Run.start_time).where(*_runs(cutoffs))),
        *_count(
            "imports", _rows(Import.id, Import.created).where(_before(Import.created, cutoffs.imports), ended)
        ),
    ]


# What may go for several reasons is a union of queries, each of which PostgreSQL answers by hashed joins. If
# the reasons stood in an OR, it would look for each of them again for every row.


def _files(cutoffs: Cutoffs) -> Rows:
    files = _rows(Artifact.id, Artifact.upload_date)
    with_owner = files.where(_not_before(Artifact.upload_date, cutoffs.files), Floors().file)
    with_result = with_owner.join(Result, Result.id == Artifact.result_id)
    runs = select(Run.id).where(*_runs(cutoffs))
    return union_all(
        files.where(_before(Artifact.upload_date, cutoffs.files)),
        union(
            with_result.where(_before(Result.start_time, cutoffs.results), Floors().result),
            with_result.where(Result.run_id.in_(runs)),
            with_owner.where(Artifact.run_id.in_(runs)),
        )
        .subquery()
        .select(),
    )


def _results(cutoffs: Cutoffs) -> Rows:
    results = _rows(Result.id, Result.start_time)
    runs = select(Run.id).where(*_runs(cutoffs))
    return union_all(
        results.where(_before(Result.start_time, cutoffs.results), Floors().result),
        results.where(_not_before(Result.start_time, cutoffs.results), Result.run_id.in_(runs)),
    )


def _runs(cutoffs: Cutoffs) -> tuple[Condition, Condition]:
    return _before(Run.start_time, cutoffs.runs), Floors().run


def _rows(
    id_: InstrumentedAttribute[str], time: InstrumentedAttribute[dt.datetime]
) -> Select[str, dt.datetime]:
    return select(id_, time.label("time"))


def _before(time: InstrumentedAttribute[dt.datetime], cutoff: dt.datetime | None) -> Condition:
    return false() if cutoff is None else time < cutoff


def _not_before(time: InstrumentedAttribute[dt.datetime], cutoff: dt.datetime | None) -> Condition:
    return true() if cutoff is None else or_(time.is_(None), time >= cutoff)


def _count(table: str, rows: Rows) -> Iterator[Doomed]:
    time = rows.subquery().c.time
    counts = select(func.count(), _month(time).label("month")).group_by("month").order_by("month")
    for number, start in db.session.execute(counts):
        yield Doomed(table, str(start)[: len("2026-03")] if start else "unknown", number)


def _month(time: ColumnElement[dt.datetime]) -> ColumnElement[Any]:
    if db.engine.dialect.name == "postgresql":
        return func.date_trunc("month", time)
    return func.strftime("%Y-%m", time)
