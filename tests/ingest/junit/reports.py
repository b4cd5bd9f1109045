"""Read reports for the tests, and hold what came of one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ibutsu_server.ingest.junit import JunitReader
from ibutsu_server.settings.imports import ImportSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibutsu_server.ingest.records import ArtifactRecord, ResultRecord, RunRecord

RUN_ID = "0c1f1c0e-3c1f-4a52-9d4c-1f6f0e0d7a11"


@dataclass
class Report:
    """Be all that an import stores of a report."""

    run: RunRecord
    results: list[ResultRecord]

    @property
    def result(self) -> ResultRecord:
        """Give the only result."""
        (only,) = self.results
        return only

    @property
    def states(self) -> list[str]:
        """Give the states of the results in the order of the file."""
        return [result.result for result in self.results]


def read(content: str | bytes, *, run_id: str = RUN_ID, **limits: Any) -> Report:
    """Read a report; ``limits`` are import settings."""
    encoded = content.encode() if isinstance(content, str) else content
    with JunitReader(BytesIO(encoded), run_id=run_id, settings=ImportSettings.hermetic(**limits)) as reader:
        results = [as_stored(result) for result in reader.results()]
        reader.run.artifacts = [*reader.run.artifacts]
    return Report(run=reader.run, results=results)


def as_stored(result: ResultRecord) -> ResultRecord:
    """Give a result its whole metadata, as an import does that was uploaded without any."""
    return replace(result, metadata={**result.suite_metadata, **result.metadata})


def read_case(inside: str = "", attributes: str = 'classname="a.B" name="test"') -> ResultRecord:
    """Read a report with one case in one suite."""
    return read(f'<testsuite name="s"><testcase {attributes}>{inside}</testcase></testsuite>').result


def texts(artifacts: Sequence[ArtifactRecord]) -> dict[str, str]:
    """Give the artifacts as text by name."""
    found = {artifact.filename: artifact.content.decode() for artifact in artifacts}
    assert len(found) == len(artifacts), "two artifacts have one name"
    return found


def properties(**values: str) -> str:
    """Write properties in the usual way."""
    written = "".join(f'<property name="{name}" value="{value}"/>' for name, value in values.items())
    return f"<properties>{written}</properties>"
