"""Walk through the cases of a JUnit report, each with what its suites say."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from ibutsu_server.ingest.junit.elements import is_blank, text_of, xml_of
from ibutsu_server.ingest.junit.output import describe_fault, describe_rerun, join_texts
from ibutsu_server.ingest.junit.properties import Properties, add_properties
from ibutsu_server.ingest.junit.reading import ElementReader
from ibutsu_server.ingest.junit.suite import Inherited, Suite

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from ibutsu_server.ingest.junit.elements import Element, Text
    from ibutsu_server.ingest.junit.output import RunFiles
    from ibutsu_server.ingest.junit.source import XmlSource
    from ibutsu_server.settings.imports import ImportSettings

_FAULTS: Final = frozenset({"failure", "error"})
_ATTEMPTS: Final = frozenset({"rerun", "flaky"})


def _describe_skip(element: Element) -> Text:
    """Return what a skip says, at least that it is one."""
    text = describe_fault(element)
    return [element.local_name.encode()] if is_blank(text) else text


def _is_layout(element: Element) -> bool:
    """Return whether there is nothing in an element but whitespace, beside the cases and suites."""
    return all(isinstance(part, bytes) and part.isspace() for part in element.content)


_SUITE_FILES: Final = {
    "output": ("system-out.log", text_of),
    "error output": ("system-err.log", text_of),
    "skipped": ("suite-skips.log", _describe_skip),
    "xfailed": ("suite-skips.log", _describe_skip),
    "xpassed": ("suite-skips.log", _describe_skip),
}


class Found(NamedTuple):
    """A case, or a suite that failed as such."""

    element: Element
    inherited: Inherited
    number: int
    """The place of the case in its suite, or of the suite in the report, from 1."""


class LateProperties(NamedTuple):
    """The properties of suites in which some come after the cases."""

    by_suite: dict[int, Properties]
    size: int
    """About how many bytes of memory they take."""


class CaseWalk:
    """An iteration over the cases of a report, and over the suites that failed as such.

    Args:
        files: where it puts what suites say beside their cases.
        late: what an earlier walk found after the cases.
    """

    def __init__(
        self,
        source: XmlSource,
        settings: ImportSettings,
        files: RunFiles,
        late: LateProperties | None = None,
    ) -> None:
        self._source = source
        self._files = files
        self._max_nesting = settings.max_nesting
        self._complete = late.by_suite if late else {}
        self._reader = ElementReader(settings, self._start, self._end, held=late.size if late else 0)
        self._late: dict[int, Properties] = {}
        self._suites: list[Suite] = []
        self._number_of_suites = 0
        self._number_of_lone_cases = 0
        self._cases: list[tuple[Inherited, int]] = []
        """What the open cases inherit, and their numbers."""
        self._inherited: tuple[Suite | None, Inherited] = None, Inherited(None)
        """What the last case inherited: kept once, as it may be large, and not with each open suite."""
        self._found: deque[Found] = deque()
        self.root: Suite | None = None
        self.top_seconds: float | None = None
        self.start: dt.datetime | None = None

    @property
    def late(self) -> LateProperties:
        """Return, at the end, the properties of all suites in which some came after the cases."""
        return LateProperties(self._late, self._reader.held)

    def __iter__(self) -> Iterator[Found]:
        for _ in self._reader.read(self._source):
            while self._found:
                yield self._found.popleft()

    def _start(self, element: Element) -> None:
        if element.kind == "case":
            self._start_case()
        else:
            self._start_suite(element)

    def _end(self, element: Element) -> bool:
        if element.kind == "case":
            self._found.append(Found(element, *self._cases.pop()))
            return False
        if element.kind == "suite":
            return self._end_suite(element)
        return self._end_in_suite(self._suites[-1], element)

    def _start_case(self) -> None:
        suite = self._suites[-1] if self._suites else None
        if suite is not self._inherited[0]:
            self._inherited = suite, Inherited(suite)
        if suite is None:
            self._number_of_lone_cases += 1
            number = self._number_of_lone_cases
        else:
            suite.cases += 1
            number = suite.cases
        self._cases.append((self._inherited[1], number))

    def _start_suite(self, element: Element) -> None:
        suite = Suite(element, self._suites[-1] if self._suites else None, self._number_of_suites)
        suite.properties = self._complete.get(suite.number, suite.properties)
        self.root = self.root or suite
        if suite.start is not None:
            self.start = min(suite.start, self.start or suite.start)
        self._number_of_suites += 1
        self._suites.append(suite)
        if len(self._suites) > self._max_nesting:
            raise self._reader.too_deep("Suites", self._max_nesting)

    def _end_suite(self, element: Element) -> bool:
        suite = self._suites.pop()
        if suite.is_top and suite.seconds is not None:
            self.top_seconds = (self.top_seconds or 0.0) + suite.seconds
        if not is_blank(own_text := text_of(element)):
            self._files.add("suite-texts.log", suite, own_text)
        if any(outcome.kind in _FAULTS for outcome in suite.outcomes):
            element.content = [*suite.outcomes]
            self._found.append(Found(element, Inherited(suite), suite.number + 1))
        elif suite.outcomes:
            attempts = (describe_rerun(number, each) for number, each in enumerate(suite.outcomes, 1))
            self._files.add("suite-reruns.log", suite, join_texts(attempts))
        if not suite.is_used:
            self._keep_what_no_result_has(suite)
        if suite.number in self._late:
            self._reader.keep(element)
            return True
        return False

    def _keep_what_no_result_has(self, suite: Suite) -> None:
        attributes = {} if suite is self.root else suite.attributes
        for filename, values in (
            ("suite-attributes.txt", attributes),
            ("suite-properties.txt", suite.properties),
        ):
            if values:
                lines = "\n".join(f"{name}={value}" for name, value in values.items())
                self._files.add(filename, suite, [lines.encode()])

    def _end_in_suite(self, suite: Suite, element: Element) -> bool:
        """Take what a suite says beside its cases; return whether it is needed until the suite ends."""
        kind = element.kind
        if kind in _FAULTS or kind in _ATTEMPTS:
            suite.outcomes.append(element)
            return True
        if kind in _SUITE_FILES:
            filename, describe = _SUITE_FILES[kind]
            if not is_blank(text := describe(element)):
                self._files.add(filename, suite, text)
            return False
        if kind == "other" or (kind == "group" and (element.attributes or not _is_layout(element))):
            self._files.add("suite-elements.xml", suite, xml_of(element))
        if suite.number in self._complete or not add_properties(suite.properties, element):
            return False
        if suite.is_used:
            self._late[suite.number] = suite.properties
        return True
