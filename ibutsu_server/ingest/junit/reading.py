"""Build the elements of a report as they are read, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.junit.elements import Element
from ibutsu_server.ingest.junit.parsing import XmlParser, describe
from ibutsu_server.ingest.junit.vocabulary import KINDS, local_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ibutsu_server.ingest.junit.vocabulary import Kind
    from ibutsu_server.settings.imports import ImportSettings

MAX_MARKUP_BYTES: Final = 48_000_000
"""Bytes of memory for open elements beside the texts of files."""

MAX_NAMES: Final = 50_000
"""Different names of elements and attributes."""

_ELEMENT_BYTES: Final = 250
_ATTRIBUTE_BYTES: Final = 130
_PIECE_BYTES: Final = 50
"""About how many bytes of memory an element takes, an attribute, and a piece of text, without characters."""

_METADATA_WEIGHT: Final = 16
"""Bytes that a character of metadata may take: up to four, as a value, in JSON, and in two encodings."""

_FILES: Final[dict[Kind, str]] = {
    "failure": "traceback",
    "error": "traceback",
    "rerun": "traceback",
    "flaky": "traceback",
    "output": "output",
    "error output": "error output",
    "other": "elements",
}
"""The kinds whose text goes to a file of their case or suite, and which; other text is metadata."""

_OWNERS: Final = frozenset({"case", "suite"})
_CONTAINERS: Final = frozenset({"case", "suite", "group"})
"""The kinds in which whitespace is only layout."""


class ElementReader:
    """A reader that hands over cases and suites when they start and end, and what stands in a suite.

    Cases and suites are not in the content of the elements around them. A text that is longer than its
    file may be is not kept beyond that.

    Args:
        on_start: called with each case and suite that starts.
        on_end: called with each case and suite that ends, and with each other element straight in a
            suite; returns whether it is still needed after that.
        held: bytes of memory that are taken from the beginning.
    """

    def __init__(
        self,
        settings: ImportSettings,
        on_start: Callable[[Element], object],
        on_end: Callable[[Element], bool],
        held: int = 0,
    ) -> None:
        self._on_start = on_start
        self._on_end = on_end
        self._max_text = settings.max_artifact_bytes
        self._max_nesting = 2 * settings.max_nesting
        self._max_held = len(set(_FILES.values())) * self._max_text + MAX_MARKUP_BYTES
        self._parser = XmlParser(self._start, self._end, self._text)
        self._names = self._parser.names
        self._open: list[Element] = []
        self._file: str | None = None
        """The file for the text that is read; None where it becomes metadata."""
        self._room = 0
        """Bytes that still fit into that file."""
        self.held = held
        """About how many bytes of memory is taken by what is still needed."""

    def read(self, source: Iterable[bytes]) -> Iterator[None]:
        """Read a document block by block, and pause after each.

        Raises:
            ImportRejectedError: it is not well-formed, or over a limit.
        """
        try:
            yield from self._parser.feed(source)
        except expat.ExpatError as error:
            open_element = self._open[-1].name if self._open else None
            raise ImportRejectedError(describe(error, open_element)) from error

    def _over_limit(self) -> ImportRejectedError:
        if self.held > self._max_held:
            return ImportRejectedError(
                "One test case, or what suites say beside their cases, takes more than "
                f"{self._max_held:,} bytes of memory, line {self._parser.line}: "
                "split it, or raise IBUTSU_IMPORT_MAX_ARTIFACT_BYTES."
            )
        return ImportRejectedError(
            f"Elements and attributes have more than {MAX_NAMES:,} different names, "
            f"line {self._parser.line}: write what differs as values."
        )

    def too_deep(self, elements: str, limit: int) -> ImportRejectedError:
        """Return the error for elements that are nested too deep."""
        return ImportRejectedError(
            f"{elements} are nested more than {limit:,} levels deep, line {self._parser.line}: "
            "flatten them, or raise IBUTSU_IMPORT_MAX_NESTING."
        )

    def keep(self, element: Element) -> None:
        """Count what an element that is ending holds as needed until the end of the document."""
        for outer in self._open:
            outer.mark += self.held - element.mark

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind = KINDS.get(name) or KINDS.get(local_name(name), "other")
        element = Element(name, attributes, kind, self.held)
        self.held += _ELEMENT_BYTES + _ATTRIBUTE_BYTES * len(attributes)
        self.held += _METADATA_WEIGHT * sum(map(len, attributes.values()))
        if self.held > self._max_held or len(self._names) > MAX_NAMES:
            raise self._over_limit()
        if self._open:
            self._put_into(self._open[-1], element)
        self._open.append(element)
        if len(self._open) > self._max_nesting:
            raise self.too_deep("Elements", self._max_nesting)
        if kind in _OWNERS:
            element.text_bytes = {}
            self._file = None
            self._on_start(element)

    def _put_into(self, parent: Element, element: Element) -> None:
        if element.kind in _OWNERS:
            if parent.kind == "other":
                parent.kind = "group"
            return
        if parent.kind in _OWNERS:
            self._file = _FILES.get(element.kind)
            if self._file is not None:
                self._room = self._max_text - parent.text_bytes.get(self._file, 0)
        if parent.kind != "suite":
            parent.content.append(element)

    def _text(self, text: str) -> None:
        element = self._open[-1]
        if element.kind in _CONTAINERS and text.isspace():
            return
        data = text.encode()
        if self._file is None:
            self.held += _METADATA_WEIGHT * len(data)
        elif self._room < 0:
            return  # what is kept is over the limit already, so that the file gets its note
        else:
            self._room -= len(data)
            self.held += _PIECE_BYTES + len(data)
        if self.held > self._max_held:
            raise self._over_limit()
        element.content.append(data)

    def _end(self, _name: str) -> None:
        element = self._open.pop()
        is_needed = True
        if element.kind in _OWNERS:
            self._file = None
            is_needed = self._on_end(element)
        elif (parent := self._open[-1]).kind in _OWNERS:
            if self._file is not None:
                parent.text_bytes[self._file] = self._max_text - self._room
                self._file = None
            if parent.kind == "suite":
                is_needed = self._on_end(element)
        if not is_needed:
            self.held = element.mark
