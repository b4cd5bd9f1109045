"""Define what a parser yields and the writer stores.

Ids are canonical UUID text, moments are naive UTC, durations are seconds, text holds no NUL.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

State = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed", "manual", "blocked"]


@dataclass(slots=True)
class UploadRecord:
    """Be what an upload says of its file; the file's own word comes before its source and metadata."""

    project: str | None = None
    """The id of the project it goes to, or its name where only the metadata names it."""
    source: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class ArtifactRecord:
    """Be one file of a result or of the run."""

    filename: str
    content: bytes
    content_type: str


@dataclass(slots=True)
class ResultRecord:
    """Be the result of one test, with its files."""

    id: str
    test_id: str
    result: State
    start_time: dt.datetime | None = None
    duration: float | None = None
    component: str | None = None
    env: str | None = None
    source: str | None = None
    params: dict[str, Any] = field(default_factory=dict)
    project_id: str | None = None
    """The project the file claims: the writer rejects one that is not the import's."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """What the test itself says."""
    suite_metadata: dict[str, Any] = field(default_factory=dict)
    """What the suites around the test say: the upload's metadata and the test's own come before it."""
    artifacts: Sequence[ArtifactRecord] = ()
    """The files, read one after another: together they may be larger than memory."""


@dataclass(slots=True)
class RunRecord:
    """Be one run: what the file says of it; its summary is computed from the rows."""

    id: str
    start_time: dt.datetime | None = None
    duration: float | None = None
    component: str | None = None
    env: str | None = None
    source: str | None = None
    project_id: str | None = None
    """The project the file claims: the writer rejects one that is not the import's."""
    metadata: dict[str, Any] = field(default_factory=dict)
    artifacts: Sequence[ArtifactRecord] = ()
    """The files, read one after another: together they may be larger than memory."""
    collected: int | None = None
    """Number of tests that were found, where the file says so; some may not have been run."""
