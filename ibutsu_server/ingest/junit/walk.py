"""Walk through the cases of a JUnit file, each with its open suites, and free what is behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.junit.output import RunFiles, as_xml, describe_fault
from ibutsu_server.ingest.junit.properties import Properties, add_properties
from ibutsu_server.ingest.junit.suite import Inherited, Suite
from ibutsu_server.ingest.junit.vocabulary import Kind, kind_of, text_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

    from lxml.etree import _Element

    from ibutsu_server.ingest.junit.source import XmlSource
    from ibutsu_server.settings.imports import ImportSettings

_SUITE_FILES: Final = {
    Kind.OUTPUT: ("system-out.log", text_of),
    Kind.ERROR_OUTPUT: ("system-err.log", text_of),
    Kind.FAILURE: ("suite-errors.log", describe_fault),
    Kind.ERROR: ("suite-errors.log", describe_fault),
}
_ALONE: Final = Inherited(None, None)


class CaseWalk:
    """Iterate over ``(case, what its suites say)``; the case is valid until the next step.

    Args:
        complete: the properties of suites, by number, in which some come after the cases.
    """

    def __init__(
        self, source: XmlSource, settings: ImportSettings, complete: Mapping[int, Properties] | None = None
    ) -> None:
        self._source = source
        self._settings = settings
        self._complete = complete or {}
        self._open: list[Suite] = []
        self._in_case = False
        self._suites = 0
        self.root: Suite | None = None
        self.files = RunFiles(settings.max_artifact_bytes)
        self.top_seconds: float | None = None
        self.start: dt.datetime | None = None
        self.late: dict[int, Properties] = {}

    def __iter__(self) -> Iterator[tuple[_Element, Inherited]]:
        parent: _Element | None = None
        inherited = _ALONE
        events = etree.iterparse(
            self._source,
            events=("end",),
            tag=("{*}testcase", "{*}testsuite", "{*}testsuites"),
            huge_tree=True,
            no_network=True,
            load_dtd=False,
            remove_comments=True,
            remove_pis=True,
        )
        for _, element in events:
            if kind_of(element.tag) is Kind.SUITE:
                self._close(element)
                parent = None
            else:
                if parent is None or element.getparent() is not parent:
                    self._enter(element)
                    inherited = self._open[-1].inherited() if self._open else _ALONE
                    parent = element.getparent()
                else:
                    self._release_before(element)
                yield element, inherited
                if len(element):
                    _clear(element)
            self._source.let_go()

    def _enter(self, element: _Element) -> None:
        """Open the suites between the innermost open one and an element that has ended."""
        innermost = self._open[-1].element if self._open else None
        unopened, node = [], element
        while node is not innermost:
            unopened.append(node)
            above = node.getparent()
            if above is None:
                break
            node = above
        self._in_case = False
        for level, node in enumerate(reversed(unopened), self._open[-1].depth + 1 if self._open else 1):
            self._release_before(node)
            if kind_of(node.tag) is Kind.SUITE:
                self._begin(node, level)
            self._in_case |= node is not element and kind_of(node.tag) is Kind.CASE

    def _begin(self, element: _Element, depth: int) -> None:
        if depth > self._settings.max_nesting:
            raise ImportRejectedError(
                f"Suites are nested more than {self._settings.max_nesting:,} levels deep, "
                f"line {element.sourceline}: flatten them, or raise IBUTSU_IMPORT_MAX_NESTING."
            )
        suite = Suite(element, self._open[-1] if self._open else None, self._suites, depth)
        suite.properties = self._complete.get(suite.number, suite.properties)
        self.root = self.root or suite
        if suite.start is not None:
            self.start = min(suite.start, self.start or suite.start)
        self._suites += 1
        self._open.append(suite)

    def _close(self, element: _Element) -> None:
        if not self._open or self._open[-1].element is not element:
            self._enter(element)
        suite = self._open.pop()
        for child in element:
            self._take(suite, child)
        if suite.is_top and suite.seconds is not None:
            self.top_seconds = (self.top_seconds or 0.0) + suite.seconds
        if suite.properties and not suite.is_used:
            lines = "\n".join(f"{name}={value}" for name, value in suite.properties.items())
            self.files.add("suite-properties.txt", suite.title, lines)
        _clear(element)

    def _release_before(self, element: _Element) -> None:
        """Free what has ended before an element, after taking what it says of the suite."""
        parent, ended = element.getparent(), element.getprevious()
        while parent is not None and ended is not None:
            if self._in_case and kind_of(ended.tag) is not Kind.CASE:
                return  # it is a part of the case around, which has not ended yet
            if self._open:  # a lone case may hold cases, but no suite is around them
                self._take(self._open[-1], ended)
            parent.remove(ended)
            ended = element.getprevious()

    def _take(self, suite: Suite, element: _Element) -> None:
        kind = kind_of(element.tag)
        if kind is Kind.CASE or kind is Kind.SUITE:
            return
        if kind in _SUITE_FILES:
            filename, describe = _SUITE_FILES[kind]
            self.files.add(filename, suite.title, describe(element))
            return
        if suite.number not in self._complete:
            found = add_properties(suite.properties, element)
            if found and suite.is_used:
                self.late[suite.number] = suite.properties
        if kind is Kind.OTHER:
            self.files.add("suite-elements.xml", suite.title, as_xml(element))


def _clear(element: _Element) -> None:
    # The parser may still be writing the text behind the element.
    element.clear(keep_tail=True)  # type: ignore[call-arg]  # lxml-stubs does not know the argument
