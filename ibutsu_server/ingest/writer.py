"""Write the records of one run to the database, in batches and in the transaction of the session."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Self

from psycopg.errors import UniqueViolation
from sqlalchemy import delete, func, or_, select
from sqlalchemy.exc import IntegrityError

from ibutsu_server.db.base import db
from ibutsu_server.db.models import Artifact, Result, Run
from ibutsu_server.db.summary import summarise
from ibutsu_server.db.types import utc_now
from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.bulk import BulkInserter
from ibutsu_server.ingest.values import clip_indexed, clip_indexed_metadata, new_id, numbered_ids

if TYPE_CHECKING:
    from ibutsu_server.ingest.ownership import Ownership
    from ibutsu_server.ingest.records import ArtifactRecord, ResultRecord, RunRecord, UploadRecord

BATCH_BYTES: Final = 8 * 1024**2
"""Bytes of rows after which a batch is written, however few its results are."""

_RESULT_COLUMNS: Final = (
    "id", "test_id", "result", "start_time", "duration", "component", "env", "source",
    "params", "data", "project_id", "run_id",
)  # fmt: skip
_ARTIFACT_COLUMNS: Final = ("id", "result_id", "run_id", "filename", "data", "content", "upload_date")
_COPIED_METADATA: Final = ("jenkins", "tags")


class RunWriter:
    """Write one run, whose earlier rows are replaced.

    The file's word comes before the upload's: ``source`` and ``metadata`` of the upload fill what the
    file leaves open, in the run and in every result.
    """

    def __init__(self, run_id: str, ownership: Ownership, upload: UploadRecord, *, batch_size: int) -> None:
        self._run_id = run_id
        self._ownership = ownership
        self._upload = upload
        self._batch_size = batch_size
        self._now = utc_now()
        self._claims: dict[str, str] = {}
        self._allowed: set[str] = set()
        self._artifact_ids = numbered_ids(new_id())
        self._states: Counter[str] = Counter()
        self._seconds = 0.0
        self._first: ResultRecord | None = None
        self._run = self._replaced_run()
        self._inserter = BulkInserter(db.session.connection())
        tables = Result.metadata.tables
        self._results = self._inserter.batch_of(tables["results"], _RESULT_COLUMNS)
        self._artifacts = self._inserter.batch_of(tables["artifacts"], _ARTIFACT_COLUMNS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *exception: object) -> None:
        self._inserter.__exit__(kind, *exception)

    @property
    def written(self) -> int:
        """Return the number of results so far."""
        return self._states.total()

    def add(self, record: ResultRecord) -> bool:
        """Write a result with its artifacts, now or with the batch; say whether a batch was written.

        Raises:
            ImportRejectedError: the record belongs to another project, or its id to another run.
        """
        owner = f"The result {record.id}"
        self._ownership.check_id(record.project_id, owner)
        self.claim_project(record.metadata.get("project"), owner)
        self._count(record)
        self._results.add(
            (
                record.id, clip_indexed(record.test_id), record.result, record.start_time or self._now,
                record.duration, _clip(record.component), _clip(record.env),
                _clip(record.source or self._upload.source), record.params,
                clip_indexed_metadata({**record.suite_metadata, **self._upload.metadata, **record.metadata}),
                self._ownership.project_id, self._run_id,
            )
        )  # fmt: skip
        for artifact in record.artifacts:
            self._add_artifact(artifact, result_id=record.id)
        if self._results.rows < self._batch_size and self._size < BATCH_BYTES:
            return False
        self._flush()
        return True

    def claim_project(self, name: Any, owner: str) -> None:
        """Note that ``owner``, such as ``The run``, names a project; it is checked with the next batch."""
        if isinstance(name, str) and name not in self._allowed:
            self._claims[name] = owner

    def finish(self, record: RunRecord) -> Run:
        """Write what is left and the run itself, with the summary of its results.

        Raises:
            ImportRejectedError: the run belongs to another project.
        """
        self._ownership.check_id(record.project_id, "The run")
        self.claim_project(record.metadata.get("project"), "The run")
        for artifact in record.artifacts:
            self._add_artifact(artifact, run_id=self._run_id)
        self._flush()
        self._wait()
        run, first = self._run, self._first
        run.project_id = self._ownership.project_id
        run.summary = summarise(self._states, collected=record.collected)
        run.duration = self._seconds if record.duration is None else record.duration
        run.start_time = record.start_time or (first.start_time if first else None) or self._now
        run.component = _clip(record.component or (first.component if first else None))
        run.env = _clip(record.env or (first.env if first else None))
        run.source = _clip(record.source or (first.source if first else None) or self._upload.source)
        metadata = {**self._upload.metadata, **self._copied_metadata(), **record.metadata}
        run.data = clip_indexed_metadata(metadata)
        db.session.flush()
        return run

    def _replaced_run(self) -> Run:
        """Return the run without results and artifacts; two imports of one run come one after the other."""
        connection = db.session.connection()
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(self._run_id, 0))))
        run = db.session.get(Run, self._run_id, populate_existing=True)
        if run is None:
            run = Run(id=self._run_id)
            db.session.add(run)
            db.session.flush()
            return run
        self._check_owner(run)
        results = select(Result.id).where(Result.run_id == run.id)
        of_run = or_(Artifact.run_id == run.id, Artifact.result_id.in_(results))
        db.session.execute(delete(Artifact).where(of_run), execution_options={"synchronize_session": False})
        db.session.execute(
            delete(Result).where(Result.run_id == run.id), execution_options={"synchronize_session": False}
        )
        return run

    def _check_owner(self, run: Run) -> None:
        if run.project_id is not None and run.project_id != self._ownership.project_id:
            message = (
                f"The run {run.id} exists already, in another project; "
                "upload the file to the project of the run, or give the run another id."
            )
            raise ImportRejectedError(message)

    def _count(self, record: ResultRecord) -> None:
        self._states[record.result] += 1
        self._seconds += record.duration or 0.0
        if self._first is None or _starts_before(record, self._first):
            self._first = record

    def _copied_metadata(self) -> dict[str, Any]:
        metadata = self._first.metadata if self._first else {}
        return {key: metadata[key] for key in _COPIED_METADATA if key in metadata}

    def _add_artifact(
        self, artifact: ArtifactRecord, *, result_id: str | None = None, run_id: str | None = None
    ) -> None:
        owner = {"resultId": result_id} if result_id else {"runId": run_id}
        data = {"contentType": artifact.content_type, **owner}
        self._artifacts.add(
            (
                next(self._artifact_ids), result_id, run_id, clip_indexed(artifact.filename), data,
                artifact.content, self._now,
            )
        )  # fmt: skip
        if self._size >= BATCH_BYTES:
            self._flush()

    @property
    def _size(self) -> int:
        return self._results.size + self._artifacts.size

    def _flush(self) -> None:
        """Begin to insert the batch: results before the artifacts that refer to them."""
        self._wait()
        if self._claims:
            self._ownership.check_names(self._claims)
            self._allowed.update(self._claims)
            self._claims.clear()
        self._inserter.begin(self._results, self._artifacts)

    def _wait(self) -> None:
        try:
            self._inserter.wait()
        except (UniqueViolation, IntegrityError) as error:
            message = (
                f"The file holds a result whose id exists already outside of the run {self._run_id}; "
                "give each result an id of its own."
            )
            raise ImportRejectedError(message) from error


def _clip(text: str | None) -> str | None:
    return text and clip_indexed(text)


def _starts_before(record: ResultRecord, other: ResultRecord) -> bool:
    if record.start_time is None or other.start_time is None:
        return record.start_time is not None
    return record.start_time < other.start_time
