"""Read what stands before the root element, so that the XML parser never sees a DTD."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ibutsu_server.exceptions import ImportRejectedError

MAX_PROLOG_BYTES: Final = 128 * 1024
"""Bytes in which the root element must start."""

MAX_ENTITY_BYTES: Final = 1000
"""Bytes that the values of all entities of a DOCTYPE may have together: more is an expansion attack."""

_QUOTED: Final = rb"(?:\"[^\"]*\"|'[^']*')"
_IGNORED: Final = re.compile(rb"(?:\s+|<\?.*?\?>|<!--.*?-->)*+", re.S)
_ROOT: Final = re.compile(rb"<(?:[^\s<>/!?:]+:)?([^\s<>/!?:]+)(?=[\s/>])")
_DOCTYPE: Final = re.compile(
    rb"<!DOCTYPE\s[^\[>\"']*(?:" + _QUOTED + rb"\s*)*"
    rb"(?:\[(?P<subset>(?:<!--.*?-->|<\?.*?\?>|" + _QUOTED + rb"|(?!<!--|<\?)[^\]\"'])*+)\]\s*)?>",
    re.S,
)
_ENTITY: Final = re.compile(
    rb"<!ENTITY\s+(?P<name>[^\s%\"'<>&;]+)\s+(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)')\s*>", re.S
)
_PREDEFINED: Final = frozenset({b"amp", b"lt", b"gt", b"apos", b"quot"})
_REFERENCE: Final = re.compile(rb"%|&(?!#|(?:amp|lt|gt|apos|quot);)")


class Prolog(NamedTuple):
    """Be what the parser gets instead of the prolog, and what it says."""

    replacement: bytes
    """As many line ends as the original, and a DOCTYPE of ours where entities are declared."""

    end: int
    """Offset of the root element's start tag."""

    root: str
    """Local name of the root element."""


def read_prolog(head: bytes) -> Prolog:
    """Read declaration, comments and DOCTYPE of a document in UTF-8.

    Raises:
        ImportRejectedError: when this is not XML, or the DOCTYPE declares what is never loaded.
    """
    position, doctype = _skip(head, 0), b""
    match = _DOCTYPE.match(head, position)
    if match is not None:
        doctype = _harmless_doctype(match["subset"] or b"", line=head.count(b"\n", 0, position) + 1)
        position = _skip(head, match.end())
    root = _ROOT.match(head, position)
    if root is None:
        raise ImportRejectedError(_why_no_root(head, position))
    lines = head.count(b"\n", 0, position)
    column = position - (head.rfind(b"\n", 0, position) + 1)
    padding = b" " * max(column - len(doctype), 0)
    return Prolog(b"\n" * lines + doctype + padding, position, root[1].decode())


def _skip(head: bytes, position: int) -> int:
    match = _IGNORED.match(head, position)
    return position if match is None else match.end()


def _why_no_root(head: bytes, position: int) -> str:
    line = head.count(b"\n", 0, position) + 1
    if len(head) >= MAX_PROLOG_BYTES:
        return f"The file is not a JUnit report: no element starts in its first {MAX_PROLOG_BYTES:,} bytes."
    if not head.strip():
        return "The file is empty: upload the XML report itself."
    if head.startswith(b"<!DOCTYPE", position):
        return f"The file is not well-formed XML: its DOCTYPE cannot be read, line {line}."
    found = head[position : position + 20].decode(errors="replace")
    return f"The file is not well-formed XML: an element must start where {found!r} stands, line {line}."


def _harmless_doctype(subset: bytes, line: int) -> bytes:
    """Declare every entity to stand for its own reference: ``&co;`` stays the text ``&co;``."""
    names, size, declared = [], 0, 0
    for entity in _ENTITY.finditer(subset):
        value = entity["single"] if entity["double"] is None else entity["double"]
        declared, size = declared + 1, size + len(value)
        if size > MAX_ENTITY_BYTES or _REFERENCE.search(value):
            raise ImportRejectedError(
                f"The DOCTYPE declares entities that grow when they are expanded, line {line}: "
                "an import expands none. Write the text itself into the report."
            )
        if entity["name"] not in _PREDEFINED:
            names.append(entity["name"])
    if declared != subset.count(b"<!ENTITY"):
        raise ImportRejectedError(
            f"The DOCTYPE declares an external or a parameter entity, line {line}: "
            "an import loads none. Write the text itself into the report."
        )
    entities = b"".join(b'<!ENTITY %b "&#38;#38;%b;">' % (name, name) for name in names)
    return b"<!DOCTYPE report [" + entities + b"]>" if entities else b""
