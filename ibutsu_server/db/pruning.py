"""Delete old rows: children before parents, in short transactions, and never what is too young to go."""

from __future__ import annotations

from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, any_, delete, exists, func, literal, literal_column, select, true, tuple_
from sqlalchemy.exc import IntegrityError

from ibutsu_server.db.base import db
from ibutsu_server.db.models import ENDED_STATUSES, Artifact, Import, Result, Run
from ibutsu_server.db.retention import Floors

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import InstrumentedAttribute

    from ibutsu_server.db.base import Base
    from ibutsu_server.db.retention import Cutoffs
    from ibutsu_server.db.types import Condition
    from ibutsu_server.settings import PruneSettings

RUNS_AT_ONCE: Final = 100
"""Runs whose results are deleted together, before the runs themselves."""


class _TimeIsUp(Exception):  # noqa: N818 - it ends a prune that did not fail
    """The end of a prune between two transactions."""


class Prune:
    """One go at deleting old rows; ``deleted`` counts them by table.

    Each batch is a transaction of its own: what is done stays done when the go is cut off, and the next one
    continues from there. A row that somebody uses at that time is left to the next go, so that nobody waits
    for anybody. The rows are chosen, locked and deleted by the database in one statement.
    """

    def __init__(self, settings: PruneSettings, clock: Callable[[], float] = monotonic) -> None:
        self.deleted: dict[str, int] = {}
        self.is_cut_off = False
        """Whether the time was up before everything old was gone."""
        self._batch = settings.batch_size
        self._clock = clock
        self._deadline = clock() + settings.time_budget
        self._floors = Floors()

    def __str__(self) -> str:
        return ", ".join(f"{number} {table}" for table, number in self.deleted.items() if number) or "nothing"

    def artifacts(self, before: dt.datetime) -> None:
        """Delete the files that were uploaded before a point in time."""
        with self._until_time_is_up():
            for window in self._windows(Artifact.upload_date, before):
                self._delete(Artifact, select(Artifact).where(window, self._floors.file))

    def results(self, before: dt.datetime) -> None:
        """Delete the results that started before a point in time, with their files."""
        with self._until_time_is_up():
            for window in self._windows(Result.start_time, before):
                self._delete_results(window)

    def runs(self, before: dt.datetime) -> None:
        """Delete the runs that started before a point in time, with their results and all files."""
        with self._until_time_is_up():
            for ids in self._pages_of_runs(before):
                self._delete_runs(ids)

    def imports(self, before: dt.datetime) -> None:
        """Delete the imports that ended and were created before a point in time, with their files."""
        with self._until_time_is_up():
            for window in self._windows(Import.created, before):
                self._delete(Import, select(Import).where(window, Import.status.in_(ENDED_STATUSES)))

    def everything(self, cutoffs: Cutoffs) -> None:
        """Delete the old rows of each kind that is pruned, within one time budget."""
        prunes = (
            (self.artifacts, cutoffs.files),
            (self.results, cutoffs.results),
            (self.runs, cutoffs.runs),
            (self.imports, cutoffs.imports),
        )
        for prune, before in prunes:
            if before is not None:
                prune(before)

    @contextmanager
    def _until_time_is_up(self) -> Iterator[None]:
        try:
            yield
        except _TimeIsUp:
            self.is_cut_off = True

    def _delete_results(self, *among: Condition) -> None:
        """Delete the results that meet the conditions, as far as the floors let them go, with their files."""
        of_results = select(Artifact).join(Result, Result.id == Artifact.result_id)
        self._delete(Artifact, of_results.where(*among, self._floors.result))
        has_files = exists().where(Artifact.result_id == Result.id)
        self._delete(Result, select(Result).where(*among, self._floors.result_itself, ~has_files))

    def _delete_runs(self, ids: Sequence[str]) -> None:
        free = db.session.scalars(select(Run.id).where(Run.id.in_(ids), self._floors.run)).all()
        self._delete_results(Result.run_id.in_(free))
        self._delete(Artifact, select(Artifact).where(Artifact.run_id.in_(free), self._floors.file))
        has_results, has_files = (exists().where(child.run_id == Run.id) for child in (Result, Artifact))
        self._delete(Run, select(Run).where(Run.id.in_(free), ~has_results, ~has_files))

    def _windows(self, time: InstrumentedAttribute[dt.datetime], before: dt.datetime) -> Iterator[Condition]:
        """Yield the spans of time that hold the rows before a point in time, the oldest first.

        Each begins where the last one ended, so that none reads again what was deleted or stays. It holds
        fewer rows than a batch, so that one batch is enough for it, unless many rows have the same time.
        """
        beginning: Condition = true()
        last = select(time).order_by(time).offset(max(self._batch * 9 // 10, 1) - 1).limit(1)
        while (end := db.session.scalar(last.where(time < before, beginning))) is not None:
            yield and_(beginning, time <= end)
            beginning = time > end
        yield and_(beginning, time < before)

    def _pages_of_runs(self, before: dt.datetime) -> Iterator[Sequence[str]]:
        """Yield the ids of the runs that started before a point in time, the oldest first, each run once."""
        order = tuple_(Run.start_time, Run.id)
        query = select(Run.id, Run.start_time).where(Run.start_time < before).order_by(Run.start_time, Run.id)
        rows = db.session.execute(query.limit(RUNS_AT_ONCE)).all()
        while rows:
            yield [row.id for row in rows]
            last = tuple_(
                literal(rows[-1].start_time, Run.start_time.type), literal(rows[-1].id, Run.id.type)
            )
            rows = db.session.execute(query.where(order > last).limit(RUNS_AT_ONCE)).all()

    def _delete(self, model: type[Base], rows: Select[Any]) -> None:
        """Delete rows in batches until none is left that can go."""
        number = self._batch
        while number == self._batch:
            if self._clock() >= self._deadline:
                raise _TimeIsUp
            try:
                number = self._delete_batch(model, rows)
            except IntegrityError:  # a child came between the look for children and the lock: look again
                db.session.rollback()
                number = self._delete_batch(model, rows)
            self.deleted[model.__tablename__] = self.deleted.get(model.__tablename__, 0) + number

    def _delete_batch(self, model: type[Base], rows: Select[Any]) -> int:
        """Delete in one transaction some of the rows, none of which anybody uses; return their number."""
        place: ColumnElement[Any] = literal_column(
            f"{model.__tablename__}.{'ctid' if _is_postgresql() else 'rowid'}"
        )
        chosen = rows.with_only_columns(place).limit(self._batch).with_for_update(of=model, skip_locked=True)
        is_chosen: Condition = place.in_(chosen)
        if _is_postgresql():  # else it may choose again for each row
            is_chosen = place == any_(func.array(chosen.scalar_subquery()))
        number = db.session.connection().execute(delete(model).where(is_chosen)).rowcount
        db.session.commit()
        return number


def _is_postgresql() -> bool:
    return db.engine.dialect.name == "postgresql"
