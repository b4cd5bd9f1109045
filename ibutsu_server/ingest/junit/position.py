"""Follow an XML document block by block: which part of its syntax is open where a block ends."""

from __future__ import annotations

import re
from typing import Final

SECTION: Final = re.compile(
    rb"<!\[CDATA\[.*?(?:\]\]>|(?P<cdata>\Z))|<!--.*?(?:-->|(?P<comment>\Z))|<\?.*?(?:\?>|(?P<pi>\Z))", re.S
)
"""A CDATA section, comment or processing instruction; the group that matches says it does not end here."""

_TEXT: Final = re.compile(rb"(?:[^<]++|" + SECTION.pattern + rb")*+", re.S)
_ANY_REFERENCE: Final = re.compile(rb"&[^;&<]{1,40};")
_CLOSERS: Final = {"cdata": b"]]>", "comment": b"-->", "pi": b"?>"}
_OPENERS: Final = {b"]]>": b"<![CDATA[", b"-->": b"<!--", b"?>": b"<?", b"": b""}


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

    def _without_sections(self, block: bytes) -> bytes:
        if not (self.closer or b"<!" in block or b"<?" in block):
            return block
        if self.closer and self.closer not in block:
            return b""
        whole = _OPENERS[self.closer] + block
        self.closer, kept, end = b"", [], 0
        for section in SECTION.finditer(whole):
            kept.append(whole[end : section.start()])
            end = section.end()
            if section.lastgroup:
                self.closer = _CLOSERS[section.lastgroup]
        return b"".join([*kept, whole[end:]])


def text_end(block: bytes, closer: bytes) -> int:
    """Tell where the first tag of a block is that starts in a text with that ``closer``."""
    if closer and closer not in block:
        return len(block)
    opener = _OPENERS[closer]
    text = _TEXT.match(opener + block)
    return text.end() - len(opener) if text else 0


def way_between(closer: bytes, other: bytes) -> bytes:
    """Give the delimiters that lead from one place in a text to another, without what is between."""
    return b"" if closer == other else closer + _OPENERS[other]


def least_text_bytes(text: bytes, closer: bytes) -> int:
    """Give how many bytes the parser makes of a text at the least: references and delimiters come to little.

    What has comments in it counts as nothing, rather than count the comments.
    """
    if closer == b"]]>" and closer not in text:
        return len(text) - text.count(b"\r")
    if closer in {b"-->", b"?>"} or b"<!--" in text or b"<?" in text:
        return 0
    delimiters = len(b"<![CDATA[]]>") * (text.count(b"<![CDATA[") + 1)
    shortened = _ANY_REFERENCE.sub(b".", text) if b"&" in text else text
    return max(len(shortened) - text.count(b"\r") - delimiters, 0)
