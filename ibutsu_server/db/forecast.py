"""Say what the prunes would delete, by table and month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import extract, false, func, or_, select

from ibutsu_server.db.base import db
from ibutsu_server.db.models import Artifact, Import, ImportFile, Result, Run
from ibutsu_server.db.retention import Floors

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import InstrumentedAttribute

    from ibutsu_server.db.retention import Condition, Cutoffs


class Doomed(NamedTuple):
    """Count the rows of one table and one month that would go."""

    table: str
    month: str
    """``2026-03``: when a run or a result started, a file was uploaded, an import was created;
    ``unknown`` where an older database does not say."""
    rows: int


def forecast(cutoffs: Cutoffs) -> list[Doomed]:
    """Count what the prunes of files, results, runs and import files would delete, one after the other."""
    floors = Floors()
    runs = _before(Run.start_time, cutoffs.runs) & floors.run
    of_runs = select(Run.id).where(runs)
    results = or_(_before(Result.start_time, cutoffs.results) & floors.result, Result.run_id.in_(of_runs))
    of_results = select(Result.id).where(results)
    files = or_(
        _before(Artifact.upload_date, cutoffs.files),
        Artifact.result_id.in_(of_results),
        Artifact.run_id.in_(of_runs),
    )
    import_files = (
        select(func.count(), *_month(Import.created))
        .join_from(ImportFile, Import)
        .where(_before(Import.created, cutoffs.import_files))
    )
    return [
        *_count("artifacts", select(func.count(), *_month(Artifact.upload_date)).where(files)),
        *_count("results", select(func.count(), *_month(Result.start_time)).where(results)),
        *_count("runs", select(func.count(), *_month(Run.start_time)).where(runs)),
        *_count("import_files", import_files),
    ]


def _before(moment: InstrumentedAttribute[dt.datetime], cutoff: dt.datetime | None) -> Condition:
    return false() if cutoff is None else moment < cutoff


def _month(moment: InstrumentedAttribute[dt.datetime]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    return extract("year", moment).label("year"), extract("month", moment).label("month")


def _count(table: str, query: Select[int, Any, Any]) -> Iterator[Doomed]:
    for rows, year, month in db.session.execute(query.group_by("year", "month").order_by("year", "month")):
        yield Doomed(table, "unknown" if year is None else f"{int(year):04}-{int(month):02}", rows)
