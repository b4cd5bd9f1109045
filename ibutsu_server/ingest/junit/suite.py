"""Collect what the suites around a case say: it belongs to every result in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ibutsu_server.ingest.junit.elements import attributes_of
from ibutsu_server.ingest.junit.properties import Properties, columns, put_properties
from ibutsu_server.ingest.junit.vocabulary import COUNTERS, pop_seconds, pop_timestamp

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence

    from ibutsu_server.ingest.junit.elements import Element

_ENTRY_BYTES: Final = 8
"""Bytes that an entry takes in JSON, or in ``jsonb``, beside its characters."""


class Suite:
    """A ``testsuite`` or ``testsuites`` element, as long as it is open."""

    def __init__(self, element: Element, parent: Suite | None, number: int) -> None:
        self._parent = parent
        self._outer: Suite | None = parent
        if parent is not None and not parent.says_something:
            self._outer = parent._outer  # noqa: SLF001 - another suite
        """The next suite around this one that says something: it says no more while this one is open."""
        self.number = number
        """The place of the suite among all suites, from 0."""
        self.is_suite = parent is not None or element.local_name == "testsuite"
        """Whether it is not only the root around all suites."""
        attributes = attributes_of(element)
        self.seconds = pop_seconds(attributes)
        self.start: dt.datetime | None = pop_timestamp(attributes) or (parent.start if parent else None)
        self.attributes = {key: value for key, value in attributes.items() if key not in COUNTERS}
        self.name = self.attributes.get("name", "")
        self.path: list[str] = list(parent.path) if parent else []
        if self.is_suite:
            self.path.append(self.name)
        self.properties: Properties = {}
        self.outcomes: list[Element] = []
        """The failures, errors and attempts of the suite itself."""
        self.cases = 0
        """The number of cases so far that have begun in this suite and in no suite within."""
        self.is_used = False
        """Whether a result has already taken what this suite says."""

    @property
    def title(self) -> str:
        """Return the names of the suites around and its own in one line."""
        return " / ".join(self.path) or self.name

    @property
    def is_top(self) -> bool:
        """Return whether this is a suite that stands in no other suite."""
        return len(self.path) == 1

    @property
    def says_something(self) -> bool:
        """Return whether the suite says more than its name."""
        return bool(self.properties) or not self.attributes.keys() <= {"name"}

    def chain(self) -> Iterator[Suite]:
        """Yield this suite and those around it that say something, the innermost first."""
        suite: Suite | None = self
        while suite is not None:
            yield suite
            suite = suite._outer  # noqa: SLF001 - another suite

    def mark_as_used(self) -> None:
        """Note that a result takes what this suite says, and what those around it do."""
        suite: Suite | None = self
        while suite is not None and not suite.is_used:
            suite.is_used = True
            suite = suite._parent  # noqa: SLF001 - another suite


class Inherited:
    """What a result takes from all suites around it."""

    def __init__(self, suite: Suite | None) -> None:
        self.properties: Properties = {}
        self.attributes: dict[str, str] = {}
        for around in reversed([*suite.chain()] if suite else []):
            self.properties.update(around.properties)
            if around.is_suite:
                self.attributes.update(around.attributes)
        if suite is not None:
            suite.mark_as_used()
        self.attributes.pop("name", None)
        self.path: list[str] = suite.path if suite else []
        self.start = suite.start if suite else None
        self.file = self.attributes.get("file")
        self.env, self.component, source = columns(self.properties)
        self.source = source or next((name for name in reversed(self.path) if name), None)
        self.metadata: dict[str, Any] = {}
        """The properties, those put aside that have a name of ours."""
        put_properties(self.metadata, self.properties)
        self.size = _weight(self.attributes) + _weight(self.properties) + _weight_of_texts(self.path)
        """About how many bytes every result repeats."""


def _weight(values: Mapping[str, str | list[str]]) -> int:
    return sum(
        len(name) + _ENTRY_BYTES + (len(value) if isinstance(value, str) else _weight_of_texts(value))
        for name, value in values.items()
    )


def _weight_of_texts(texts: Sequence[str]) -> int:
    return sum(map(len, texts)) + _ENTRY_BYTES * len(texts)
