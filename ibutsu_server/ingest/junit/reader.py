"""Read a JUnit report, in any dialect, into one run and its results."""

from __future__ import annotations

import hashlib
from math import isfinite
from typing import IO, TYPE_CHECKING, Final

from lxml import etree

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.junit.case import read_case
from ibutsu_server.ingest.junit.properties import Properties, columns, put_properties
from ibutsu_server.ingest.junit.source import XmlSource, count_of
from ibutsu_server.ingest.junit.vocabulary import COMPUTED, ROOTS
from ibutsu_server.ingest.junit.walk import CaseWalk
from ibutsu_server.ingest.records import ResultRecord, RunRecord
from ibutsu_server.ingest.values import numbered_ids

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from ibutsu_server.ingest.junit.suite import Inherited
    from ibutsu_server.settings.imports import ImportSettings

_MESSAGE_CHARACTERS: Final = 300
_NONE: Final[dict[str, str | list[str]]] = {}


class JunitReader:
    """Stream the results of one report; memory is bounded by one test case.

    ``run`` is complete when :meth:`results` is exhausted, and ``projects`` then holds every value of
    a ``project`` property. The same content and run id give the same result ids again.
    """

    def __init__(self, file: IO[bytes], *, run_id: str, settings: ImportSettings) -> None:
        self.run = RunRecord(id=run_id)
        self.projects: set[str] = set()
        self.total: int | None = count_of(b"<testcase ", file) or None
        """Number of cases, where it can be told without reading them."""
        self._file = file
        self._settings = settings
        self._case_seconds = 0.0
        self._cases = 0
        self._inherited = 0

    def results(self) -> Iterator[ResultRecord]:
        """Read the cases in the order of the file.

        Raises:
            ImportRejectedError: when the file can never be imported: not well-formed, not JUnit,
                hostile, or over a limit.
        """
        try:
            yield from self._results()
        except etree.XMLSyntaxError as error:
            raise ImportRejectedError(_describe(error)) from error

    def _results(self) -> Iterator[ResultRecord]:
        late = self._late_properties()
        walk = CaseWalk(self._open(), self._settings, late)
        ids = _result_ids(self.run.id)
        for case, inherited in walk:
            result = read_case(case, inherited, next(ids), self._settings.max_artifact_bytes)
            result.metadata["run"] = self.run.id
            self._check_limits(inherited)
            self._add_up(result)
            yield result
        self._finish(walk)

    def _open(self) -> XmlSource:
        source = XmlSource(self._file, max_text_bytes=self._settings.max_artifact_bytes)
        if source.root not in ROOTS:
            raise ImportRejectedError(
                f"The file is not a JUnit report: its root element is <{source.root[:_MESSAGE_CHARACTERS]}>,"
                " not <testsuites>, <testsuite> or <testcase>."
            )
        return source

    def _late_properties(self) -> dict[int, Properties]:
        """Read ahead for properties that stand behind the cases they belong to."""
        word = "propert".encode(self._open().encoding.name)
        if not count_of(word, self._file):
            return {}
        source = self._open()
        walk = CaseWalk(source, self._settings)
        for _ in walk:
            pass
        return walk.late

    def _check_limits(self, inherited: Inherited) -> None:
        self._cases += 1
        self._inherited += inherited.size
        if self._cases > self._settings.max_cases:
            raise ImportRejectedError(
                f"The file has more than {self._settings.max_cases:,} test cases: "
                "split it, or raise IBUTSU_IMPORT_MAX_CASES."
            )
        if self._inherited > self._settings.max_unpacked_bytes:
            raise ImportRejectedError(
                "What the suites say is kept with each of their cases, and that is more than "
                f"{self._settings.max_unpacked_bytes:,} bytes: write fewer properties, "
                "or raise IBUTSU_IMPORT_MAX_UNPACKED_BYTES."
            )

    def _add_up(self, result: ResultRecord) -> None:
        self._case_seconds += result.duration or 0.0
        self._starts_by(result.start_time)
        if project := result.metadata.get("properties", _NONE).get("project"):
            self.projects.update(_values(project))

    def _starts_by(self, moment: dt.datetime | None) -> None:
        if moment is not None:
            self.run.start_time = min(moment, self.run.start_time or moment)

    def _finish(self, walk: CaseWalk) -> None:
        run, root = self.run, walk.root
        run.artifacts = walk.files.artifacts()
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
        if "project" in root.properties:
            run.metadata["project"] = root.properties["project"]
            self.projects.update(_values(root.properties["project"]))


def _describe(error: etree.XMLSyntaxError) -> str:
    line, column = error.position
    where = f", line {line}, column {column}"
    fault = (error.msg or "").removesuffix(where)[:_MESSAGE_CHARACTERS]
    if error.code == etree.ErrorTypes.ERR_RESOURCE_LIMIT:  # type: ignore[attr-defined]  # lxml-stubs lacks it
        # Goes on with an advice for those who call the parser.
        return f"The XML parser has reached a limit: {fault.partition(', use ')[0]}{where}."
    return f"The file is not well-formed XML: {fault}{where}."


def _values(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _result_ids(run_id: str) -> Iterator[str]:
    """Give the same ids to the results of the same run: UUIDs of version 8 (RFC 9562)."""
    digits = hashlib.sha256(run_id.encode()).hexdigest()
    return numbered_ids(f"{digits[:8]}-{digits[8:12]}-8{digits[12:15]}-8{digits[15:18]}-{digits[18:30]}")
