"""Read the JUnit reports of an archive into one run."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_OID, uuid5

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.junit import JunitReader
from ibutsu_server.ingest.junit.source import XmlSource
from ibutsu_server.ingest.junit.vocabulary import ROOTS
from ibutsu_server.ingest.records import RunRecord
from ibutsu_server.ingest.unpacking import UnpackedArtifacts, is_xml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibutsu_server.ingest.records import ResultRecord
    from ibutsu_server.ingest.unpacking import UnpackedFiles
    from ibutsu_server.settings import ImportSettings

MAX_REPORTS: Final = 10_000
"""XML files in one archive: a thousand take about a second, whatever is in them."""
_COLUMNS: Final = ("component", "env", "source")


class JunitFilesReader:
    """The records of all reports, in the order of their paths; every other file is an artifact of the run.

    The path of its report comes before the names of the suites around a test. What a report says about its
    run is kept under its path in the metadata ``files``, and in the run itself where all reports agree.
    """

    def __init__(self, files: UnpackedFiles, *, run_id: str, settings: ImportSettings) -> None:
        self.run = RunRecord(run_id)
        """The run; its project is known when the first result is, all else after the last one."""
        self.total: int | None = None
        self._files = files
        self._settings = settings
        self._results = 0
        self._copied_bytes = 0

    def results(self) -> Iterator[ResultRecord]:
        """Read the reports one after another.

        Raises:
            ImportRejectedError: there is no report, or one of them can never be imported; it is named.
        """
        paths = sorted(self._files.extents)
        candidates = [path for path in paths if is_xml(path)]
        if len(candidates) > MAX_REPORTS:
            message = f"The archive holds more than {MAX_REPORTS:,} XML files; upload fewer in one file."
            raise ImportRejectedError(message)
        reports = [path for path in candidates if self._is_report(path)]
        if not reports:
            message = (
                "The archive holds neither a run of pytest-ibutsu nor a JUnit report whose name ends in .xml."
            )
            raise ImportRejectedError(message)
        artifacts = sorted(set(paths).difference(reports))
        merged = _MergedRuns(self._settings.max_artifact_bytes)
        for path in reports:
            with _naming(path), self._reader(path) as reader:
                for record in reader.results():
                    if path == reports[0]:
                        self._name_project(reader)
                    yield self._adopted(record, path)
                self._count_copies(reader.copied_bytes)
                artifacts += self._keep_artifacts(path, reader.run)
            merged.add(path, reader.run)
            if path == reports[0]:
                self._name_project(reader)
        merged.fill(self.run)
        self.run.artifacts = UnpackedArtifacts(self._files, artifacts, depth=0)

    def _is_report(self, path: str) -> bool:
        with _naming(path):
            return XmlSource(self._files.open(path)).root in ROOTS

    def _reader(self, path: str) -> JunitReader:
        run_id = str(uuid5(NAMESPACE_OID, f"{self.run.id}/{path}"))  # so that no result id comes twice
        return JunitReader(self._files.open(path), run_id=run_id, settings=self._settings)

    def _adopted(self, record: ResultRecord, path: str) -> ResultRecord:
        self._results += 1
        limit = self._settings.max_cases
        if self._results > limit:
            message = (
                f"The reports have more than {limit:,} test cases: "
                "upload fewer in one file, or raise IBUTSU_IMPORT_MAX_CASES."
            )
            raise ImportRejectedError(message)
        self._count_copies(len(path))
        record.metadata |= {"run": self.run.id, "suites": [path, *record.metadata["suites"]]}
        return record

    def _count_copies(self, size: int) -> None:
        self._copied_bytes += size
        limit = self._settings.max_copied_bytes
        if self._copied_bytes > limit:
            message = (
                "The paths of reports and what suites say are kept with each case, and that is more than "
                f"{limit:,} bytes: upload fewer reports in one file, or raise IBUTSU_IMPORT_MAX_COPIED_BYTES."
            )
            raise ImportRejectedError(message)

    def _name_project(self, reader: JunitReader) -> None:
        """Let the first report name the project of the run."""
        if "project" in reader.run.metadata:
            self.run.metadata["project"] = reader.run.metadata["project"]

    def _keep_artifacts(self, path: str, run: RunRecord) -> list[str]:
        """Move the artifacts of a report from memory to the unpacked files, and return their paths."""
        kept = []
        for artifact in run.artifacts:
            name = f"{path}/{artifact.filename}"
            if name in self._files.extents:
                name = f"{path}//{artifact.filename}"  # what no member of an archive is called
            self._files.add(name, [artifact.content])
            kept.append(name)
        return kept


class _MergedRuns:
    """What several reports say about the one run that they become."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._left = max_bytes
        self._runs: dict[str, RunRecord] = {}
        self._agreed: dict[str, Any] = {}
        self._projects: list[Any] = []

    def add(self, path: str, run: RunRecord) -> None:
        """Add the run of a report.

        Raises:
            ImportRejectedError: the runs say more than one row should hold.
        """
        self._left -= len(json.dumps(run.metadata))
        if self._left < 0:
            message = (
                f"What the reports say about their run takes more than {self._max_bytes:,} bytes; "
                "upload fewer of them in one file."
            )
            raise ImportRejectedError(message)
        run.artifacts = ()
        for place in (run.metadata, run.metadata.get("properties", {})):
            project = place.pop("project", None)
            if project is not None and project not in self._projects:
                self._projects.append(project)
        is_first = not self._runs
        self._agreed = {
            name: value
            for name, value in (run.metadata if is_first else self._agreed).items()
            if is_first or (name in run.metadata and run.metadata[name] == value)
        }
        self._runs[path] = run

    def fill(self, target: RunRecord) -> None:
        """Fill the run that the reports become."""
        runs = self._runs.values()
        seconds = [run.duration for run in runs if run.duration is not None]
        target.duration = sum(seconds) if seconds else None
        target.start_time = min((run.start_time for run in runs if run.start_time is not None), default=None)
        for name in _COLUMNS:
            said = {getattr(run, name) for run in runs} - {None}
            setattr(target, name, said.pop() if len(said) == 1 else None)
        target.metadata = dict(self._agreed)
        target.metadata["files"] = {
            path: {name: value for name, value in run.metadata.items() if name not in self._agreed}
            for path, run in self._runs.items()
        }
        if self._projects:
            target.metadata["project"] = self._projects


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Say in a reject which report it is about."""
    try:
        yield
    except ImportRejectedError as error:
        message = f"{path}: {error}"
        raise ImportRejectedError(message) from error
