"""Define which rows are old enough to go.

A row goes when it is older than its retention and nothing that hangs on it is younger than the floor of
its own kind: a result that somebody attached a file to last week stays, however old it is. A row without
a time, which an older database may hold, goes with what it hangs on.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sqlalchemy import and_, exists, or_
from sqlalchemy.orm import aliased

from ibutsu_server import constants
from ibutsu_server.db.models import Artifact, Result, Run
from ibutsu_server.db.types import Condition, utc_now

if TYPE_CHECKING:
    from sqlalchemy.orm import InstrumentedAttribute

    from ibutsu_server.settings import BeatSettings


def months(number: int) -> dt.timedelta:
    """Return the length of so many months of retention."""
    return dt.timedelta(days=number * constants.MONTH_DAYS)


class Floors:
    """The conditions that rows of each kind meet when the floors protect nothing of them, now.

    Each ``NOT EXISTS`` stands by itself, so that PostgreSQL can make an anti-join of it.
    """

    def __init__(self) -> None:
        now = utc_now()
        file_floor = now - months(constants.MIN_FILE_MONTHS)
        result_floor = now - months(constants.MIN_RESULT_MONTHS)
        run_floor = now - months(constants.MIN_RUN_MONTHS)
        file, result = aliased(Artifact), aliased(Result)
        is_young_file, is_young_result = file.upload_date >= file_floor, result.start_time >= result_floor
        self.file: Condition = _is_not_since(Artifact.upload_date, file_floor)
        """The file is not young."""
        self.result_itself: Condition = _is_not_since(Result.start_time, result_floor)
        """The result is not young, whatever its files are."""
        self.result: Condition = and_(
            self.result_itself, ~exists().where(file.result_id == Result.id, is_young_file)
        )
        """Neither the result nor a file of it is young."""
        self.run: Condition = and_(
            _is_not_since(Run.start_time, run_floor),
            ~exists().where(file.run_id == Run.id, is_young_file),
            ~exists().where(result.run_id == Run.id, is_young_result),
            ~exists().where(result.run_id == Run.id, file.result_id == result.id, is_young_file),
        )
        """Neither the run nor a result or a file of it is young."""


def _is_not_since(time: InstrumentedAttribute[dt.datetime], floor: dt.datetime) -> Condition:
    return or_(time.is_(None), time < floor)


@dataclass(frozen=True)
class Cutoffs:
    """The points in time before which rows of each kind are old; None where none of them is pruned."""

    files: dt.datetime | None
    results: dt.datetime | None
    runs: dt.datetime | None
    imports: dt.datetime | None

    @classmethod
    def of_plan(cls, plan: BeatSettings) -> Self:
        """Return what the scheduler's plan means now."""
        now = utc_now()
        days = dt.timedelta(days=plan.prune_import_files_days)
        return cls(
            now - months(plan.prune_files_months) if plan.prune_files_enabled else None,
            now - months(plan.prune_results_months) if plan.prune_results_enabled else None,
            now - months(plan.prune_runs_months) if plan.prune_runs_enabled else None,
            now - days if plan.prune_import_files_enabled else None,
        )
