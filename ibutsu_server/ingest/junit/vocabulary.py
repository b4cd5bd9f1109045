"""Name the elements and attributes that JUnit dialects have in common."""

from __future__ import annotations

from enum import IntEnum, auto
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.values import parse_moment, parse_seconds

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from lxml.etree import _Element


class Kind(IntEnum):
    """Be what an element says, whatever its dialect calls it.

    Numbers, because an integer is hashed many times faster than a plain member.
    """

    CASE = auto()
    SUITE = auto()
    FAILURE = auto()
    ERROR = auto()
    SKIPPED = auto()
    XFAILED = auto()
    XPASSED = auto()
    RERUN = auto()
    FLAKY = auto()
    OUTPUT = auto()
    ERROR_OUTPUT = auto()
    PROPERTIES = auto()
    PROPERTY = auto()
    OTHER = auto()


_KINDS: Final = {
    "testcase": Kind.CASE,
    "testsuite": Kind.SUITE,
    "testsuites": Kind.SUITE,
    "failure": Kind.FAILURE,
    "error": Kind.ERROR,
    "skipped": Kind.SKIPPED,
    "skip": Kind.SKIPPED,
    "xfailure": Kind.XFAILED,
    "xpassed": Kind.XPASSED,
    "rerunFailure": Kind.RERUN,
    "rerunError": Kind.RERUN,
    "flakyFailure": Kind.FLAKY,
    "flakyError": Kind.FLAKY,
    "system-out": Kind.OUTPUT,
    "system-err": Kind.ERROR_OUTPUT,
    "properties": Kind.PROPERTIES,
    "property": Kind.PROPERTY,
}

MAX_ATTRIBUTES: Final = 1000
"""Attributes of one element: the time to read them grows with the square of their number."""

ROOTS: Final = frozenset({"testsuites", "testsuite", "testcase"})

SKIPPING_WORDS: Final = frozenset({"disabled", "notrun", "suppressed", "skipped", "ignored", "pending"})
"""Values of a case's ``status`` or ``result`` that say, without any child, that it was skipped."""

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


@lru_cache(maxsize=512)
def kind_of(tag: str) -> Kind:
    """Tell the kind of an element by its name without namespace."""
    return _KINDS.get(local_name(tag), Kind.OTHER)


def local_name(tag: str) -> str:
    """Give the name of an element or attribute without its namespace."""
    # A prefix stays in the name when it is not declared; the parser objects only at the end of the file.
    return tag.rpartition("}")[2].rpartition(":")[2]


def name_of(element: _Element) -> str:
    """Give the name of an element without its namespace."""
    return local_name(element.tag)


def attributes_of(element: _Element) -> dict[str, str]:
    """Give the attributes of an element by their names without namespace.

    Raises:
        ImportRejectedError: when there are more of them than any tool writes.
    """
    if len(element.attrib) > MAX_ATTRIBUTES:
        raise ImportRejectedError(
            f"An element has more than {MAX_ATTRIBUTES:,} attributes, line {element.sourceline}: "
            "write them as properties."
        )
    attributes = cast("dict[str, str]", dict(element.items()))
    if any(name[0] == "{" for name in attributes):
        return {local_name(name): value for name, value in attributes.items()}
    return attributes


def pop_seconds(attributes: dict[str, str]) -> float | None:
    """Take the duration out of the attributes; a text that is no number stays where it is."""
    for name in ("time", "duration"):
        text = attributes.get(name)
        if text is not None and (seconds := parse_seconds(text)) is not None:
            del attributes[name]
            return seconds
    return None


def pop_moment(attributes: dict[str, str]) -> dt.datetime | None:
    """Take the start out of the attributes; a text that names no moment stays where it is."""
    text = attributes.get("timestamp")
    if text is None or (moment := parse_moment(text)) is None:
        return None
    del attributes["timestamp"]
    return moment


def text_of(element: _Element) -> str:
    """Join all text of an element, also what stands between and in its children."""
    if len(element):
        return "".join(cast("Iterator[str]", element.itertext()))
    return element.text or ""
