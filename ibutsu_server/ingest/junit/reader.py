"""Read a JUnit report, in any dialect, into one run and its results."""

from __future__ import annotations

import hashlib
from contextlib import closing
from math import isfinite
from typing import IO, TYPE_CHECKING, Final, Self

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.junit.case import read_case, read_suite
from ibutsu_server.ingest.junit.output import RunFiles
from ibutsu_server.ingest.junit.properties import columns, put_properties
from ibutsu_server.ingest.junit.source import XmlSource, count_of
from ibutsu_server.ingest.junit.vocabulary import COMPUTED, ROOTS
from ibutsu_server.ingest.junit.walk import CaseWalk
from ibutsu_server.ingest.records import ResultRecord, RunRecord
from ibutsu_server.ingest.values import numbered_ids

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from ibutsu_server.ingest.junit.suite import Suite
    from ibutsu_server.ingest.junit.walk import LateProperties
    from ibutsu_server.settings.imports import ImportSettings

_MESSAGE_CHARACTERS: Final = 300


class JunitReader:
    """A reader of the results of one report; memory is bounded by one test case.

    ``run`` is complete when :meth:`results` is exhausted; what the root says of a project is in its
    metadata when the first result is read. The same content and run id give the same result ids again.
    """

    def __init__(self, file: IO[bytes], *, run_id: str, settings: ImportSettings) -> None:
        self.run = RunRecord(id=run_id)
        self.total: int | None = count_of(b"<testcase ", file) or None
        """The number of cases, where it is known without reading them."""
        self._file = file
        self._settings = settings
        self._run_files = RunFiles(settings.max_artifact_bytes)
        self._case_seconds = 0.0
        self._results = 0
        self.copied_bytes = 0
        """About how many bytes the results so far repeat of what their suites say."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._run_files.close()

    def results(self) -> Iterator[ResultRecord]:
        """Read the cases, and the suites that failed as such, in the order of the file.

        Raises:
            ImportRejectedError: when the file can never be imported: not well-formed, not JUnit,
                hostile, or over a limit.
        """
        late = self._late_properties()
        walk = CaseWalk(self._open(), self._settings, self._run_files, late)
        ids = _result_ids(self.run.id)
        for found in walk:
            if not self._results:
                self._name_project(walk.root)
            self._check_limits(found.inherited.size)
            read = read_case if found.element.kind == "case" else read_suite
            result = read(found, next(ids), self._settings.max_artifact_bytes)
            result.metadata["run"] = self.run.id
            self._case_seconds += result.duration or 0.0
            self._starts_by(result.start_time)
            yield result
        self._finish(walk)

    def _open(self) -> XmlSource:
        source = XmlSource(self._file)
        if source.root not in ROOTS:
            raise ImportRejectedError(
                f"The file is not a JUnit report: its root element is <{source.root[:_MESSAGE_CHARACTERS]}>,"
                " not <testsuites>, <testsuite> or <testcase>."
            )
        return source

    def _late_properties(self) -> LateProperties | None:
        """Read ahead for properties that stand behind the cases they belong to."""
        word = "propert".encode(self._open().encoding.name)
        if not count_of(word, self._file):
            return None
        with closing(RunFiles(0)) as unused:
            walk = CaseWalk(self._open(), self._settings, unused)
            for _ in walk:
                pass
        return walk.late

    def _check_limits(self, inherited: int) -> None:
        self._results += 1
        self.copied_bytes += inherited
        if self._results > self._settings.max_cases:
            raise ImportRejectedError(
                f"The file has more than {self._settings.max_cases:,} test cases: "
                "split it, or raise IBUTSU_IMPORT_MAX_CASES."
            )
        if self.copied_bytes > self._settings.max_copied_bytes:
            raise ImportRejectedError(
                "What the suites say is kept with each of their cases, and that is more than "
                f"{self._settings.max_copied_bytes:,} bytes: write fewer properties, "
                "or raise IBUTSU_IMPORT_MAX_COPIED_BYTES."
            )

    def _starts_by(self, start: dt.datetime | None) -> None:
        if start is not None:
            self.run.start_time = min(start, self.run.start_time or start)

    def _finish(self, walk: CaseWalk) -> None:
        run, root = self.run, walk.root
        run.artifacts = self._run_files.artifacts()
        totals = (root.seconds if root else None, walk.top_seconds, self._case_seconds)
        run.duration = next(
            (seconds for seconds in totals if seconds is not None and isfinite(seconds)), None
        )
        self._starts_by(walk.start)
        if root is None:
            return
        run.start_time = root.start or run.start_time
        run.env, run.component, run.source = columns(root.properties)
        for name, value in root.attributes.items():
            place = run.metadata.setdefault("attributes", {}) if name in COMPUTED else run.metadata
            place[name] = value
        put_properties(run.metadata, root.properties, taken=root.attributes)
        self._name_project(root)

    def _name_project(self, root: Suite | None) -> None:
        """Keep the project that a property of the root names, before the first result is read."""
        if root is not None and "project" in root.properties:
            self.run.metadata["project"] = root.properties["project"]


def _result_ids(run_id: str) -> Iterator[str]:
    """Yield the same ids for the results of the same run: UUIDs of version 8 (RFC 9562)."""
    digits = hashlib.sha256(run_id.encode()).hexdigest()
    return numbered_ids(f"{digits[:8]}-{digits[8:12]}-8{digits[12:15]}-8{digits[15:18]}-{digits[18:30]}")
