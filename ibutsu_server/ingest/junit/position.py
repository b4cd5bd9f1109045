"""Follow an XML document block by block: which part of its syntax is open where a block ends."""

from __future__ import annotations

import re
from typing import Final

_OPENERS: Final = {b"]]>": b"<![CDATA[", b"-->": b"<!--", b"?>": b"<?", b"": b""}

SECTION: Final = re.compile(
    rb"<!\[CDATA\[.*?(?:\]\]>|(?P<cdata>\Z))|<!--.*?(?:-->|(?P<comment>\Z))|<\?.*?(?:\?>|(?P<pi>\Z))", re.S
)
"""A CDATA section, comment or processing instruction; the group that matches says it does not end here."""

_CLOSERS: Final = {"cdata": b"]]>", "comment": b"-->", "pi": b"?>"}


class Position:
    """Be the place in a document up to which it was read; no delimiter may lie across two blocks."""

    def __init__(self) -> None:
        self.closer = b""
        """What ends the CDATA section, comment or processing instruction that is open; else empty."""
        self._after_tag = False

    @property
    def in_text(self) -> bool:
        """Say whether the next bytes go on with a text, not with a tag."""
        return bool(self.closer) or self._after_tag

    def follow(self, block: bytes) -> bytes:
        """Move to the end of the next block and give its tags and plain text."""
        plain = self._without_sections(block)
        tag = plain.rfind(b"<")
        if tag >= 0 or not self._after_tag:
            self._after_tag = plain.find(b">", max(tag, 0)) >= 0
        return plain

    def way_from(self, closer: bytes) -> bytes:
        """Give the delimiters that lead here from a place with that ``closer``, without what is between."""
        return b"" if closer == self.closer else closer + _OPENERS[self.closer]

    def _without_sections(self, block: bytes) -> bytes:
        if not (self.closer or b"<!" in block or b"<?" in block):
            return block
        whole = _OPENERS[self.closer] + block
        self.closer, kept, end = b"", [], 0
        for section in SECTION.finditer(whole):
            kept.append(whole[end : section.start()])
            end = section.end()
            if section.lastgroup:
                self.closer = _CLOSERS[section.lastgroup]
        return b"".join([*kept, whole[end:]])
