"""Represent the elements of a report that are open, and read their text."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from ibutsu_server.ingest.junit.vocabulary import Kind, local_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Text = list[bytes]
"""A text in UTF-8, in the pieces in which it was read: as one ``str`` it could take four times the memory."""


class Element:
    """An element with its attributes as they are written, and its content: text and elements in order."""

    __slots__ = ("attributes", "content", "kind", "mark", "name", "text_bytes")

    text_bytes: dict[str, int]
    """Of a case or a suite: bytes of text in its children, by the file they go to."""

    def __init__(self, name: str, attributes: dict[str, str], kind: Kind, mark: int) -> None:
        self.name = name
        self.attributes = attributes
        self.kind = kind
        self.content: list[bytes | Element] = []
        self.mark = mark
        """Bytes of memory that were taken when the element began."""

    @property
    def local_name(self) -> str:
        """Return the name without its prefix."""
        return local_name(self.name)

    def children(self) -> Iterator[Element]:
        """Yield the elements in this one."""
        return (part for part in self.content if not isinstance(part, bytes))

    def descendants(self) -> Iterator[Element]:
        """Yield this element and all elements in it, in the order of the file."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting.extend(reversed([*element.children()]))


def attributes_of(element: Element) -> dict[str, str]:
    """Return the attributes by their local names; a plain one wins over one with a prefix."""
    written = element.attributes
    if "xmlns" not in written and ":" not in "".join(written):
        return dict(written)
    prefixed = {
        local_name(name): value
        for name, value in written.items()
        if ":" in name and not name.startswith("xmlns:")
    }
    return prefixed | {name: value for name, value in written.items() if ":" not in name and name != "xmlns"}


def text_of(element: Element, *, skipped: Kind | None = None) -> Text:
    """Return all text of an element, also in and between the elements in it, but for one kind of these."""
    text: Text = []
    waiting = [*reversed(element.content)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, bytes):
            text.append(part)
        elif part.kind is not skipped:
            waiting.extend(reversed(part.content))
    return text


def decoded(text: Iterable[bytes]) -> str:
    """Return a text as one ``str``."""
    return b"".join(text).decode()


def is_blank(text: Iterable[bytes]) -> bool:
    """Return whether a text is nothing but whitespace."""
    return all(piece.isspace() or not piece.decode().strip() for piece in text)


def xml_of(element: Element) -> Iterator[bytes]:
    """Yield an element as it was written, piece by piece; prefixes may be declared further out.

    Not recursive, as elements may be nested deeper than Python calls.
    """
    waiting: list[bytes | str | Element] = [element]
    while waiting:
        part = waiting.pop()
        if isinstance(part, bytes):
            yield part.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
        elif isinstance(part, str):
            yield part.encode()
        else:
            yield f"<{part.name}".encode()
            for name, value in part.attributes.items():
                yield f" {name}={quoteattr(value)}".encode()
            yield b">" if part.content else b"/>"
            if part.content:
                waiting.append(f"</{part.name}>")
                waiting.extend(reversed(part.content))
