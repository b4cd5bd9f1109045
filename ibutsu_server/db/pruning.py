"""Delete old rows: children before parents, in short transactions, and never what is too young to go."""

from __future__ import annotations

from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ARRAY, any_, delete, exists, literal, select, tuple_

from ibutsu_server.db.base import db
from ibutsu_server.db.models import ENDED_STATUSES, Artifact, Import, Result, Run
from ibutsu_server.db.retention import Floors

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy.orm import InstrumentedAttribute

    from ibutsu_server.db.base import Base
    from ibutsu_server.db.retention import Condition, Cutoffs
    from ibutsu_server.settings import PruneSettings

    Ids = Sequence[str]

RUNS_AT_ONCE: Final = 100
"""Runs whose results are deleted together, before the runs themselves."""


class _TimeIsUp(Exception):  # noqa: N818 - it ends a prune that is no failure
    """End a prune between two transactions."""


class Prune:
    """Be one go at deleting old rows; ``deleted`` counts them by table.

    Each batch is a transaction of its own: what is done stays done when the go is cut off, and the next
    one goes on from there. A row that somebody uses at the moment is left to the next go, so that nobody
    waits for anybody.
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
        """Delete the files that were uploaded before a moment."""
        with self._until_time_is_up():
            for ids in self._pages(Artifact, Artifact.upload_date, before, self._batch):
                self._delete(Artifact, ids, self._floors.file)

    def results(self, before: dt.datetime) -> None:
        """Delete the results that started before a moment, with their files."""
        with self._until_time_is_up():
            for ids in self._pages(Result, Result.start_time, before, self._batch):
                self._delete_results(ids)

    def runs(self, before: dt.datetime) -> None:
        """Delete the runs that started before a moment, with their results and all files."""
        with self._until_time_is_up():
            for ids in self._pages(Run, Run.start_time, before, RUNS_AT_ONCE):
                self._delete_runs(ids)

    def imports(self, before: dt.datetime) -> None:
        """Delete the imports that ended and were created before a point in time, with their files."""
        with self._until_time_is_up():
            for ids in self._pages(Import, Import.created, before, self._batch):
                self._delete(Import, ids, Import.status.in_(ENDED_STATUSES))

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

    def _delete_results(self, ids: Ids) -> int:
        free = db.session.scalars(select(Result.id).where(_among(Result.id, ids), self._floors.result)).all()
        files = _among(Artifact.result_id, free)
        self._drain(Artifact, files, lambda found: self._delete(Artifact, found, self._floors.file))
        return self._delete(Result, free, ~exists().where(Artifact.result_id == Result.id))

    def _delete_runs(self, ids: Ids) -> None:
        free = db.session.scalars(select(Run.id).where(_among(Run.id, ids), self._floors.run)).all()
        self._drain(Result, _among(Result.run_id, free), self._delete_results)
        files = _among(Artifact.run_id, free)
        self._drain(Artifact, files, lambda found: self._delete(Artifact, found, self._floors.file))
        has_results, has_files = (exists().where(child.run_id == Run.id) for child in (Result, Artifact))
        self._delete(Run, free, ~has_results, ~has_files)

    def _pages(
        self, model: type[Base], moment: InstrumentedAttribute[dt.datetime], before: dt.datetime, size: int
    ) -> Iterator[Ids]:
        """Yield the ids of the rows before a moment, the oldest first, each row once.

        A page begins where the last one ended, so that no page reads again what was deleted or stays.
        """
        query = select(model.id, moment).where(moment < before).order_by(moment, model.id).limit(size)
        rows = db.session.execute(query).all()
        while rows:
            self._check_time()
            yield [row[0] for row in rows]
            last_id, last_moment = rows[-1]
            reached = tuple_(literal(last_moment, moment.type), literal(last_id, model.id.type))
            rows = db.session.execute(query.where(tuple_(moment, model.id) > reached)).all()

    def _drain(self, model: type[Base], condition: Condition, delete_rows: Callable[[Ids], int]) -> None:
        """Delete the rows in batches until none is left that can go."""
        query = select(model.id).where(condition).limit(self._batch)
        while ids := db.session.scalars(query).all():
            self._check_time()
            if not delete_rows(ids):
                return

    def _delete(self, model: type[Base], ids: Ids, *conditions: Condition) -> int:
        """Delete in one transaction the rows that nobody uses; return their number.

        The lock comes first: from then on nobody can add a child, and the conditions count those there are.
        """
        rows = select(model.id).where(_among(model.id, ids)).with_for_update(skip_locked=True)
        number = 0
        if held := db.session.scalars(rows).all():
            deletion = delete(model).where(_among(model.id, held), *conditions)
            number = db.session.connection().execute(deletion).rowcount
        db.session.commit()
        self.deleted[model.__tablename__] = self.deleted.get(model.__tablename__, 0) + number
        return number

    def _check_time(self) -> None:
        if self._clock() >= self._deadline:
            raise _TimeIsUp


def _among(column: InstrumentedAttribute[Any], ids: Ids) -> Condition:
    """Compare with one array where there are arrays: thousands of parameters cost more than the deletion."""
    if db.engine.dialect.name == "postgresql":
        return column == any_(literal(ids, ARRAY(column.type)))
    return column.in_(ids)
