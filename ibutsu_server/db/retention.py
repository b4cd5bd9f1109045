"""Say which rows are old enough to go.

A row goes when it is older than its retention and nothing that hangs on it is younger than the floor of
its own kind: a result that somebody attached a file to last week stays, however old it is. A row without
a moment, which an older database may hold, goes with what it hangs on.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sqlalchemy import ColumnElement, and_, exists, or_

from ibutsu_server import constants
from ibutsu_server.db.models import Artifact, Result, Run
from ibutsu_server.db.types import utc_now

if TYPE_CHECKING:
    from sqlalchemy.orm import InstrumentedAttribute

    from ibutsu_server.settings import BeatSettings

Condition = ColumnElement[bool]


def months(number: int) -> dt.timedelta:
    """Return the length of so many months of retention."""
    return dt.timedelta(days=number * constants.MONTH_DAYS)


class Floors:
    """Be the conditions that rows of each kind meet when the floors protect nothing of them, now."""

    def __init__(self) -> None:
        now = utc_now()
        self.file: Condition = _is_not_since(Artifact.upload_date, now - months(constants.MIN_FILE_MONTHS))
        """The file is not young."""
        is_old_result = _is_not_since(Result.start_time, now - months(constants.MIN_RESULT_MONTHS))
        young_file_of_result = exists().where(Artifact.result_id == Result.id, ~self.file)
        self.result: Condition = and_(is_old_result, ~young_file_of_result)
        """Neither the result nor a file of it is young."""
        is_old_run = _is_not_since(Run.start_time, now - months(constants.MIN_RUN_MONTHS))
        young_file_of_run = exists().where(Artifact.run_id == Run.id, ~self.file)
        needed_result = exists().where(Result.run_id == Run.id, ~self.result)
        self.run: Condition = and_(is_old_run, ~young_file_of_run, ~needed_result)
        """Neither the run nor a result or a file of it is young."""


def _is_not_since(moment: InstrumentedAttribute[dt.datetime], floor: dt.datetime) -> Condition:
    return or_(moment.is_(None), moment < floor)


@dataclass(frozen=True)
class Cutoffs:
    """Be the moments before which rows of each kind are old; None where none of them is pruned."""

    files: dt.datetime | None
    results: dt.datetime | None
    runs: dt.datetime | None
    import_files: dt.datetime | None

    @classmethod
    def of_plan(cls, plan: BeatSettings) -> Self:
        """Return the moments that the scheduler's plan means now."""
        now = utc_now()
        days = dt.timedelta(days=plan.prune_import_files_days)
        return cls(
            now - months(plan.prune_files_months) if plan.prune_files_enabled else None,
            now - months(plan.prune_results_months) if plan.prune_results_enabled else None,
            now - months(plan.prune_runs_months) if plan.prune_runs_enabled else None,
            now - days if plan.prune_import_files_enabled else None,
        )
