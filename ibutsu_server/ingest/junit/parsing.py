"""Feed an XML parser block by block, and explain what it does not take.

The parser is Expat without namespaces: an element costs the same whatever namespaces are in scope, and
nothing of the document stays in memory but what the handlers keep.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final
from xml.parsers import expat
from xml.parsers.expat import errors

from ibutsu_server.exceptions import ImportRejectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_TAG_BYTES: Final = 4_000_000
"""Bytes of one tag: the parser keeps it whole until it ends."""

_TEXT_PIECE: Final = 64 * 1024
_MESSAGE_CHARACTERS: Final = 300
_FAULTS: Final = {
    errors.codes[errors.XML_ERROR_TAG_MISMATCH]: "{element} is still open where another one ends",
    errors.codes[errors.XML_ERROR_NO_ELEMENTS]: "the file ends while {element} is open",
    errors.codes[errors.XML_ERROR_UNCLOSED_TOKEN]: "the file ends within a tag, a comment or CDATA",
    errors.codes[errors.XML_ERROR_UNDEFINED_ENTITY]: "an entity in {element} is not declared",
    errors.codes[errors.XML_ERROR_INVALID_TOKEN]: "a character in {element} is not allowed there",
    errors.codes[errors.XML_ERROR_DUPLICATE_ATTRIBUTE]: "an element in {element} has an attribute twice",
    errors.codes[errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]: "something follows the root element",
}
_PREDECLARED: Final = frozenset({"xml", "xmlns"})


class XmlParser:
    """A parser that calls handlers for the start and end of elements and for pieces of text."""

    def __init__(
        self,
        start: Callable[[str, dict[str, str]], object],
        end: Callable[[str], object],
        text: Callable[[str], object],
    ) -> None:
        self.names: dict[str, str] = {}
        """The names of elements and attributes so far: the parser keeps each until the end."""
        self._expat = expat.ParserCreate("utf-8", intern=self.names)
        self._expat.buffer_text = True
        self._expat.buffer_size = _TEXT_PIECE
        self._expat.StartElementHandler = start
        self._expat.EndElementHandler = end
        self._expat.CharacterDataHandler = text
        self._checked_names = 0

    @property
    def line(self) -> int:
        """Return the number of the line that is being read."""
        return self._expat.CurrentLineNumber

    def feed(self, blocks: Iterable[bytes]) -> Iterator[None]:
        """Parse blocks of UTF-8, and pause after each.

        A tag that is still open is searched from its start again with more bytes. So they are fed in
        pieces that double, which keeps the time linear.

        Raises:
            ImportRejectedError: a tag is too long, or a prefix is undeclared.
            expat.ExpatError: the document is not well-formed.
        """
        waiting, size, fed, unfinished = [], 0, 0, 0
        for block in blocks:
            waiting.append(block)
            size += len(block)
            if size < unfinished and size + unfinished < MAX_TAG_BYTES:
                continue
            self._expat.Parse(b"".join(waiting))
            fed += size
            unfinished = fed - self._expat.CurrentByteIndex
            waiting, size = [], 0
            if unfinished > MAX_TAG_BYTES:
                raise ImportRejectedError(
                    f"A tag has more than {MAX_TAG_BYTES:,} bytes, line {self.line}: "
                    "write what is in its attributes as text of an element."
                )
            self._check_prefixes()
            yield
        self._expat.Parse(b"".join(waiting), True)
        self._check_prefixes()
        yield

    def _check_prefixes(self) -> None:
        """Check that the prefixes are declared of the names that came with the last block."""
        # Dictionaries keep their order, so that the new names are the last ones.
        new = [*islice(reversed(self.names), len(self.names) - self._checked_names)]
        self._checked_names = len(self.names)
        for name in reversed(new):
            prefix, colon, _ = name.partition(":")
            if colon and prefix not in _PREDECLARED and f"xmlns:{prefix}" not in self.names:
                raise ImportRejectedError(
                    f"The file is not well-formed XML: the prefix of {name[:_MESSAGE_CHARACTERS]!r} is not "
                    f"declared, line {self.line} or before."
                )


def describe(error: expat.ExpatError, open_element: str | None) -> str:
    """Return what is wrong with a document and where, for the person who uploaded it."""
    fault = _FAULTS.get(error.code) or expat.ErrorString(error.code) or "it cannot be read"
    element = f"the element <{open_element[:_MESSAGE_CHARACTERS]}>" if open_element else "the document"
    where = f"line {error.lineno}, column {error.offset + 1}"
    return f"The file is not well-formed XML: {fault.format(element=element)}, {where}."
