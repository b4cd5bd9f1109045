"""What a parser yields and the writer stores.

Ids are canonical UUID text, times are naive UTC, durations are seconds, text holds no NUL.
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
    """What the person or program that uploaded a file says about it."""

    project_id: str | None = None
    """The project that the upload was authorised for."""
    project: str | None = None
    """Name or id of the project that the metadata gives, which nobody has authorised."""
    source: str | None = None
    env: str | None = None
    component: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class ArtifactRecord:
    """One file of a result or of the run."""

    filename: str
    content: bytes
    content_type: str


@dataclass(slots=True)
class ResultRecord:
    """The result of one test, with its files."""

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
    """The project the file claims: it never decides, the writer keeps it in the metadata."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """What the test itself says."""
    suite_metadata: dict[str, Any] = field(default_factory=dict)
    """What the suites around the test say: the upload's metadata and the test's own come before it."""
    artifacts: Sequence[ArtifactRecord] = ()
    """The files, read one after another: together they may be larger than memory."""


@dataclass(slots=True)
class RunRecord:
    """What the file says about its run; the summary is computed from the rows."""

    id: str
    start_time: dt.datetime | None = None
    duration: float | None = None
    """None is the sum over the results."""
    component: str | None = None
    env: str | None = None
    source: str | None = None
    project_id: str | None = None
    """The project the file claims: it never decides, the writer keeps it in the metadata."""
    metadata: dict[str, Any] = field(default_factory=dict)
    artifacts: Sequence[ArtifactRecord] = ()
    """The files, read one after another: together they may be larger than memory."""
    collected: int | None = None
    """Number of tests that were found, where the file says so; some may not have been run."""
    created: dt.datetime | None = None
