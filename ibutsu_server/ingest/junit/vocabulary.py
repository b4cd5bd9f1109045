"""Name the elements and attributes that JUnit dialects have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from ibutsu_server.ingest.times import parse_seconds, parse_timestamp

if TYPE_CHECKING:
    import datetime as dt

    from ibutsu_server.ingest.records import State


Kind = Literal[
    "case", "suite", "failure", "error", "skipped", "xfailed", "xpassed", "rerun", "flaky", "output",
    "error output", "properties", "property", "other", "group",
]  # fmt: skip
"""The meaning of an element, whatever its dialect calls it.

A group is an element without a meaning of its own around cases or suites. These are plain texts, because
members of an enumeration are slow to look up.
"""

KINDS: Final[dict[str, Kind]] = {
    "testcase": "case",
    "testsuite": "suite",
    "testsuites": "suite",
    "failure": "failure",
    "error": "error",
    "skipped": "skipped",
    "skip": "skipped",
    "ignored": "skipped",
    "todo": "skipped",
    "xfailure": "xfailed",
    "xpassed": "xpassed",
    "rerunFailure": "rerun",
    "rerunError": "rerun",
    "flakyFailure": "flaky",
    "flakyError": "flaky",
    "system-out": "output",
    "system-err": "error output",
    "properties": "properties",
    "property": "property",
}

ROOTS: Final = frozenset({"testsuites", "testsuite", "testcase"})

STATE_WORDS: Final[dict[str, State]] = {
    "error": "error",
    "errored": "error",
    "failed": "failed",
    "failure": "failed",
    "fail": "failed",
    "xfail": "xfailed",
    "xfailed": "xfailed",
    "xpass": "xpassed",
    "xpassed": "xpassed",
    "disabled": "skipped",
    "notrun": "skipped",
    "notexecuted": "skipped",
    "untested": "skipped",
    "suppressed": "skipped",
    "skipped": "skipped",
    "skip": "skipped",
    "ignored": "skipped",
    "pending": "skipped",
    "todo": "skipped",
    "inconclusive": "skipped",
}
"""States that a case's ``status`` or ``result`` names, the gravest first; any other word is a pass."""

COUNTERS: Final = frozenset(
    {"tests", "failures", "errors", "skipped", "skips", "skip", "disabled", "ignored", "warnings"}
)
"""Counts that a suite claims: often wrong, so that the rows are counted instead."""

COMPUTED: Final = frozenset(
    {
        "run", "project", "suites", "suite", "flaky", "exception_name", "short_tb",
        "skip_reason", "skip_details", "skip_type", "text", "attributes", "properties",
    }
)  # fmt: skip
"""Keys of metadata that the importer fills: no attribute and no property does."""

OURS: Final = COMPUTED | {"id", "result", "test_id", "name", "classname", "fspath", "line"}
"""Keys of metadata that no property fills."""


def local_name(name: str) -> str:
    """Return the name of an element or attribute without its prefix."""
    return name.rpartition(":")[2]


def pop_seconds(attributes: dict[str, str]) -> float | None:
    """Take the duration out of the attributes; a text that is not a number stays where it is."""
    for name in ("time", "duration"):
        text = attributes.get(name)
        if text is not None and (seconds := parse_seconds(text)) is not None:
            del attributes[name]
            return seconds
    return None


def pop_timestamp(attributes: dict[str, str]) -> dt.datetime | None:
    """Take the start out of the attributes; a text that is not a timestamp stays where it is."""
    text = attributes.get("timestamp")
    if text is None or (timestamp := parse_timestamp(text)) is None:
        return None
    del attributes["timestamp"]
    return timestamp
