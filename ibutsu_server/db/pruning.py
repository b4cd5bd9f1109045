"""Delete old rows: children before parents, in short transactions, and never what is too young to go.

A row goes when it is older than its retention and nothing that hangs on it is younger than the floor of
its own kind: a result that somebody attached a file to last week stays, however old it is.
"""

from __future__ import annotations

import datetime as dt
from time import monotonic
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, and_, delete, exists, select

from ibutsu_server import constants
from ibutsu_server.db.base import db
from ibutsu_server.db.models import Artifact, Import, ImportFile, Result, Run
from ibutsu_server.db.types import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ibutsu_server.db.base import Base
    from ibutsu_server.settings import PruneSettings

RUNS_AT_ONCE: Final = 100
"""Runs whose results are deleted one batch after another before they go themselves."""

Condition = ColumnElement[bool]


class Prune:
    """Be one go at deleting old rows; ``deleted`` counts them by table.

    Each batch is a transaction of its own: what is done stays done when the go is cut off, and the next
    one goes on from there.
    """

    def __init__(self, settings: PruneSettings, clock: Callable[[], float] = monotonic) -> None:
        self.deleted: dict[str, int] = {}
        self.is_cut_off = False
        """Whether the time was up before everything old was gone."""
        self._batch = settings.batch_size
        self._clock = clock
        self._deadline = clock() + settings.time_budget
        now = utc_now()
        self._young_file = Artifact.upload_date >= now - months(constants.MIN_FILE_MONTHS)
        self._young_result = Result.start_time >= now - months(constants.MIN_RESULT_MONTHS)

    def artifacts(self, before: dt.datetime) -> None:
        """Delete the files that were uploaded before a moment."""
        for ids in self._batches(Artifact, Artifact.upload_date < before, self._batch):
            self._delete(Artifact, Artifact.id.in_(ids))

    def results(self, before: dt.datetime) -> None:
        """Delete the results that started before a moment, with their files."""
        self._results(Result.start_time < before)

    def runs(self, before: dt.datetime) -> None:
        """Delete the runs that started before a moment, with their results and all files."""
        result_of_run = Result.run_id == Run.id
        needed = (
            exists().where(result_of_run, self._young_result),
            exists().where(result_of_run, Artifact.result_id == Result.id, self._young_file),
            exists().where(Artifact.run_id == Run.id, self._young_file),
        )
        old = and_(Run.start_time < before, *(~need for need in needed))
        for ids in self._batches(Run, old, RUNS_AT_ONCE):
            self._results(Result.run_id.in_(ids))
            for file_ids in self._batches(Artifact, Artifact.run_id.in_(ids), self._batch):
                self._delete(Artifact, Artifact.id.in_(file_ids))
            if not self.is_cut_off:
                self._delete(Run, Run.id.in_(ids))

    def import_files(self, before: dt.datetime) -> None:
        """Delete the uploaded files of imports that were created before a moment."""
        old_imports = select(Import.id).where(Import.created < before)
        for ids in self._batches(ImportFile, ImportFile.import_id.in_(old_imports), self._batch):
            self._delete(ImportFile, ImportFile.id.in_(ids))

    def _results(self, condition: Condition) -> None:
        needed = exists().where(Artifact.result_id == Result.id, self._young_file)
        for ids in self._batches(Result, and_(condition, ~self._young_result, ~needed), self._batch):
            self._delete(Artifact, Artifact.result_id.in_(ids))
            self._delete(Result, Result.id.in_(ids))

    def _batches(self, model: type[Base], condition: Condition, size: int) -> Iterator[Sequence[str]]:
        """Yield the ids of rows to delete, locked, until none is left or the time is up."""
        while not self.is_cut_off:
            if self._clock() >= self._deadline:
                self.is_cut_off = True
                return
            rows = select(model.id).where(condition).limit(size).with_for_update(of=model, skip_locked=True)
            ids = db.session.scalars(rows).all()
            if not ids:
                return
            yield ids
            db.session.commit()

    def _delete(self, model: type[Base], condition: Condition) -> None:
        number = db.session.connection().execute(delete(model).where(condition)).rowcount
        name = model.__tablename__
        self.deleted[name] = self.deleted.get(name, 0) + number


def months(number: int) -> dt.timedelta:
    """Return the length of so many months of retention."""
    return dt.timedelta(days=number * constants.MONTH_DAYS)
