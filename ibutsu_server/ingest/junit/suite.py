"""Hold what the suites around a case say: it is part of every result in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibutsu_server.ingest.junit.properties import Properties, columns, put_properties
from ibutsu_server.ingest.junit.vocabulary import COUNTERS, attributes_of, name_of, pop_moment, pop_seconds

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from lxml.etree import _Element


class Suite:
    """Be one ``testsuite`` or ``testsuites`` element, as long as it is open."""

    def __init__(self, element: _Element, parent: Suite | None, number: int, depth: int) -> None:
        self.element = element
        self.parent = parent
        self.number = number
        self.depth = depth
        self.is_suite = name_of(element) == "testsuite"
        attributes = attributes_of(element)
        self.seconds = pop_seconds(attributes)
        self.start: dt.datetime | None = pop_moment(attributes) or (parent.start if parent else None)
        self.attributes = {key: value for key, value in attributes.items() if key not in COUNTERS}
        self.path: list[str] = list(parent.path) if parent else []
        if self.is_suite:
            self.path.append(self.attributes.get("name", ""))
        self.properties: Properties = {}
        self._inherited: Inherited | None = None

    @property
    def title(self) -> str:
        """Give the names of the suites around and its own in one line."""
        return " / ".join(self.path)

    @property
    def is_top(self) -> bool:
        """Say whether this is a suite that stands in no other suite."""
        return self.is_suite and len(self.path) == 1

    @property
    def is_used(self) -> bool:
        """Say whether a case has already taken what this suite says."""
        return self._inherited is not None

    def inherited(self) -> Inherited:
        """Give what every case in this suite takes from it; what is added later comes too late."""
        if self._inherited is None:
            self._inherited = Inherited(self, self.parent.inherited() if self.parent else None)
        return self._inherited


class Inherited:
    """Be what a case takes from all suites around it."""

    def __init__(self, suite: Suite | None, outer: Inherited | None) -> None:
        self.properties: Properties = dict(outer.properties) if outer else {}
        self.attributes: dict[str, str] = dict(outer.attributes) if outer else {}
        self.path: list[str] = []
        self.start: dt.datetime | None = None
        if suite is not None:
            self.properties.update(suite.properties)
            self.path, self.start = suite.path, suite.start
            if suite.is_suite:
                self.attributes.update({k: v for k, v in suite.attributes.items() if k != "name"})
        self.size = _length(self.attributes) + _length(self.properties) + sum(map(len, self.path))
        self.file = self.attributes.get("file")
        self.env, self.component, self.source = columns(self.properties)
        self.metadata: dict[str, Any] = {"suites": self.path}
        if self.attributes:
            self.metadata["suite"] = self.attributes
        put_properties(self.metadata, self.properties)


def _length(values: Mapping[str, str | list[str]]) -> int:
    """Count the characters of names and values."""
    return sum(
        len(name) + (len(value) if isinstance(value, str) else sum(map(len, value)))
        for name, value in values.items()
    )
