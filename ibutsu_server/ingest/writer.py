"""Write the records of one run to the database, in batches and in the transaction of the session."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self

from psycopg.errors import UniqueViolation
from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from ibutsu_server.db.base import db
from ibutsu_server.db.models import Artifact, Result, Run
from ibutsu_server.db.summary import summarise
from ibutsu_server.db.types import utc_now
from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.bulk import BulkInserter
from ibutsu_server.ingest.serving import servable_name, servable_type
from ibutsu_server.ingest.totals import AGREED_COLUMNS, Totals
from ibutsu_server.ingest.values import clip_indexed, clip_indexed_metadata, new_id, numbered_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Select

    from ibutsu_server.ingest.ownership import Ownership
    from ibutsu_server.ingest.records import ArtifactRecord, ResultRecord, RunRecord, UploadRecord
    from ibutsu_server.settings import ImportSettings

BATCH_BYTES: Final = 8 * 1024**2
"""Bytes of rows after which a batch is written, however few its results are."""

_RESULT_COLUMNS: Final = (
    "id", "test_id", "result", "start_time", "duration", "component", "env", "source",
    "params", "data", "project_id", "run_id",
)  # fmt: skip
_ARTIFACT_COLUMNS: Final = ("id", "result_id", "run_id", "filename", "data", "content", "upload_date")
_RUNS: Final = Run.metadata.tables["runs"]


class RunWriter:
    """The writer of one run, which replaces the rows that the run has in the same project.

    The upload's ``source``, ``env`` and ``component`` come before all that the file says. Its other
    metadata comes after what a test says itself, and before what the suites around it and the run say.
    """

    def __init__(
        self, run_id: str, ownership: Ownership, upload: UploadRecord, settings: ImportSettings
    ) -> None:
        self._run_id = run_id
        self._ownership = ownership
        self._upload = upload
        self._settings = settings
        self._upload_bytes = len(json.dumps(upload.metadata))
        self._now = utc_now()
        self._artifact_ids = numbered_ids(new_id())
        self._totals = Totals()
        self._is_begun = False
        self._is_replaced = False
        self._inserter = BulkInserter(db.session.connection())
        tables = Result.metadata.tables
        self._results = self._inserter.batch_of(tables["results"], _RESULT_COLUMNS)
        self._artifacts = self._inserter.batch_of(tables["artifacts"], _ARTIFACT_COLUMNS)

    def __enter__(self) -> Self:
        self._inserter.__enter__()
        return self

    def __exit__(self, kind: object, *exception: object) -> None:
        self._inserter.__exit__(kind, *exception)

    @property
    def written(self) -> int:
        """Return the number of results so far."""
        return self._totals.results

    def add(self, record: ResultRecord) -> bool:
        """Write a result with its artifacts, now or with the batch; return whether a batch was written.

        Raises:
            ImportRejectedError: an id of the batch before exists already outside of the run, or the upload's
                metadata, which is kept with each result, takes too much.
        """
        upload = self._upload
        component = _clip(upload.component or record.component)
        env = _clip(upload.env or record.env)
        source = _clip(upload.source or record.source)
        metadata = self._metadata(record, {**record.suite_metadata, **upload.metadata, **record.metadata})
        self._totals.add(record, metadata, (component, env, source))
        if upload.metadata:
            self._check_copies()
        self._results.add(
            (
                record.id, clip_indexed(record.test_id), record.result, record.start_time or self._now,
                record.duration, component, env, source, record.params, metadata,
                self._ownership.project_id, self._run_id,
            )
        )  # fmt: skip
        for artifact in record.artifacts:
            self._add_artifact(artifact, result_id=record.id)
        if self._results.rows < self._settings.batch_size and self._size < BATCH_BYTES:
            return False
        self._flush()
        return True

    def _check_copies(self) -> None:
        limit = self._settings.max_copied_bytes
        if self._upload_bytes * self.written > limit:
            message = (
                "The metadata of the upload is kept with each result, and that is more than "
                f"{limit:,} bytes: upload it with less metadata, or raise IBUTSU_IMPORT_MAX_COPIED_BYTES."
            )
            raise ImportRejectedError(message)

    def finish(self, record: RunRecord) -> str:
        """Write what is left and the run itself, with the summary of its results; return the run's id.

        Raises:
            ImportRejectedError: the run exists already and may not be replaced, it was moved to another
                project in the meantime, or an id of the last batch exists already outside of the run.
        """
        for artifact in record.artifacts:
            self._add_artifact(artifact, run_id=self._run_id)
        values = self._columns_of(record)
        is_written = not self._is_begun and self._begin(values)
        with _taken_ids_reject(self._run_id):
            self._inserter.insert(self._results, self._artifacts)
        if self._is_replaced:
            self._check_owner(db.session.execute(self._owner.with_for_update(key_share=True)).scalar_one())
        if not is_written:
            db.session.execute(update(_RUNS).where(Run.id == self._run_id).values(values))
        return self._run_id

    def _columns_of(self, record: RunRecord) -> dict[str, Any]:
        totals, upload = self._totals, self._upload
        agreed = {
            name: _clip(getattr(upload, name) or getattr(record, name)) or totals.agreed(name)
            for name in AGREED_COLUMNS
        }
        created = {} if record.created is None else {"created": record.created}
        return {
            "project_id": self._ownership.project_id,
            "summary": summarise(totals.states, collected=record.collected),
            "duration": totals.seconds if record.duration is None else record.duration,
            "start_time": record.start_time or totals.start_time or self._now,
            "data": self._metadata(record, {**totals.copied, **record.metadata, **upload.metadata}),
            **agreed,
            **created,
        }

    def _metadata(self, record: ResultRecord | RunRecord, merged: dict[str, Any]) -> dict[str, Any]:
        claims = (record.metadata.get("project"), self._upload.metadata.get("project"), record.project_id)
        return clip_indexed_metadata(self._ownership.settle(merged, *claims))

    def _begin(self, values: Mapping[str, Any]) -> bool:
        """Insert the run, or take the place of the one that exists; return whether it was inserted.

        An import that has inserted the run before makes this one wait for its end.
        """
        self._is_begun = True
        while not self._insert_run(values):
            self._wait_for_other_imports()
            found = db.session.execute(self._owner.with_for_update(read=True, key_share=True)).one_or_none()
            if found is not None:  # it was not deleted meanwhile
                self._check_owner(found.project_id)
                _delete_rows_of(self._run_id, found.project_id)
                self._is_replaced = True
                return False
        return True

    def _wait_for_other_imports(self) -> None:
        """Let imports that replace the same run come one after the other; SQLite has one writer anyway."""
        if db.engine.dialect.name == "postgresql":
            key = func.hashtextextended(self._run_id, 0)
            db.session.execute(select(func.pg_advisory_xact_lock(key)))

    def _insert_run(self, values: Mapping[str, Any]) -> bool:
        insert = sqlite.insert if db.engine.dialect.name == "sqlite" else postgresql.insert
        run = (
            insert(_RUNS).values({"id": self._run_id, **values}).on_conflict_do_nothing(index_elements=["id"])
        )
        return db.session.scalar(run.returning(_RUNS.c.id)) is not None

    @property
    def _owner(self) -> Select[str | None]:
        return select(Run.project_id).where(Run.id == self._run_id)

    def _check_owner(self, project_id: str | None) -> None:
        if not self._ownership.may_replace(project_id):
            message = (
                f"The run {self._run_id} exists already, and only an upload to the project it belongs to may "
                "replace it; give that project with the upload, or give the run another id."
            )
            raise ImportRejectedError(message)

    def _add_artifact(
        self, artifact: ArtifactRecord, *, result_id: str | None = None, run_id: str | None = None
    ) -> None:
        data = {"resultId": result_id} if result_id else {"runId": run_id}
        data["contentType"] = servable_type(artifact.content_type)
        if data["contentType"] != artifact.content_type:
            data["originalContentType"] = artifact.content_type
        self._artifacts.add(
            (
                next(self._artifact_ids), result_id, run_id, clip_indexed(servable_name(artifact.filename)),
                data, artifact.content, self._now,
            )
        )  # fmt: skip
        if self._size >= BATCH_BYTES:
            self._flush()

    @property
    def _size(self) -> int:
        return self._results.size + self._artifacts.size

    def _flush(self) -> None:
        """Begin to insert the batch: results before the artifacts that refer to them."""
        if not self._is_begun:
            self._begin({})
        with _taken_ids_reject(self._run_id):
            self._inserter.begin(self._results, self._artifacts)


@contextmanager
def _taken_ids_reject(run_id: str) -> Iterator[None]:
    try:
        yield
    except (UniqueViolation, IntegrityError) as error:
        message = (
            f"The file holds a result whose id exists already outside of the run {run_id} and its "
            "project; give each result an id of its own."
        )
        raise ImportRejectedError(message) from error


def _delete_rows_of(run_id: str, project_id: str | None) -> None:
    """Delete the results and artifacts of a run, but none that belongs to another project."""
    in_project = or_(Result.project_id == project_id, Result.project_id.is_(None))
    results = select(Result.id).where(Result.run_id == run_id, in_project)
    of_run = and_(Artifact.run_id == run_id, Artifact.result_id.is_(None))
    unsynchronised = {"synchronize_session": False}
    deleted = delete(Artifact).where(or_(of_run, Artifact.result_id.in_(results)))
    db.session.execute(deleted, execution_options=unsynchronised)
    deleted = delete(Result).where(Result.run_id == run_id, in_project)
    db.session.execute(deleted, execution_options=unsynchronised)


def _clip(text: str | None) -> str | None:
    return text and clip_indexed(text)
