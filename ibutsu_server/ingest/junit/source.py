"""Feed the XML parser an uploaded file, block by block: in UTF-8, with nothing in it that it must not see."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.junit.encoding import LENIENT, detect_encoding
from ibutsu_server.ingest.junit.output import cut_note
from ibutsu_server.ingest.junit.prolog import MAX_PROLOGUE_BYTES, read_prologue

if TYPE_CHECKING:
    from collections.abc import Iterator

Content = bytes | bytearray | memoryview

BLOCK_BYTES: Final = 32 * 1024
MAX_OPEN_TAGS: Final = 500_000
"""Tags that may come before an element that the reader lets go: each costs the parser memory."""
OPEN_TEXTS: Final = 4
"""Texts of full length that may come before an element that the reader lets go."""

_FORBIDDEN: Final = bytes(code for code in range(0x20) if code not in b"\t\n\r")
_NONCHARACTERS: Final = ("\ufffe".encode(), "\uffff".encode())
# Controls, and what has digits enough to be a surrogate or beyond Unicode.
_REFERENCE: Final = re.compile(
    rb"&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01])|x0*(?:[0-8bBcCeEfF]|1[\da-fA-F])|(\d{5,9})|x([\da-fA-F]{4,8}));"
)
_CDATA_OR_REFERENCE: Final = re.compile(rb"<!\[CDATA\[.*?(?:\]\]>|\Z)|" + _REFERENCE.pattern, re.S)
_LONGEST_TOKEN_BYTES: Final = 16


class XmlSource:
    """Be the file object that ``lxml.etree.iterparse`` reads.

    Characters that XML forbids are dropped, raw or as references. A text over ``max_text_bytes``
    is cut here, before it costs the parser memory.
    """

    def __init__(self, content: Content, *, max_text_bytes: int) -> None:
        self.encoding = detect_encoding(bytes(memoryview(content)[:MAX_PROLOGUE_BYTES]))
        self._content = memoryview(content)[self.encoding.mark_bytes :]
        self._max_text = max_text_bytes
        self._note = cut_note(max_text_bytes).encode()
        self._in_cdata = False
        self._in_text = False
        self._text_bytes = 0
        self._open_bytes = 0
        self._open_tags = 0
        decoded = self._decode()
        head = next(decoded)
        prologue = read_prologue(head)
        self.root = prologue.root
        self._blocks = self._whole_tokens(prologue.replacement + head[prologue.end :], decoded)

    def mentions(self, word: str) -> bool:
        """Say whether a word of ASCII letters occurs anywhere in the file."""
        return re.search(re.escape(word.encode(self.encoding.name)), self._content) is not None

    def let_go(self) -> None:
        """Note that the parser's tree holds nothing any more of what was read so far."""
        self._open_bytes = self._open_tags = 0

    def read(self, _size: int = -1) -> bytes:
        """Give the next block; empty at the end.

        Raises:
            ImportRejectedError: when one test case takes more memory than it may.
        """
        for block in self._blocks:
            allowed = self._within_limit(block)
            self._follow(block)
            if allowed:
                self._account(allowed)
                return allowed
        return b""

    def _decode(self) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self.encoding.name)(LENIENT)
        start, size = 0, MAX_PROLOGUE_BYTES
        while True:
            block = self._content[start : start + size]
            start += size
            final = start >= len(self._content)
            yield _without_forbidden(decoder.decode(block, final))
            if final:
                return
            size = BLOCK_BYTES

    def _whole_tokens(self, first: bytes, following: Iterator[bytes]) -> Iterator[bytes]:
        """Let no reference and no delimiter of CDATA lie across two blocks."""
        carry = first
        for data in following:
            block = self._without_references(carry + data)
            end = _end_of_whole_tokens(block)
            carry = block[end:]
            yield block[:end]
        yield self._without_references(carry)

    def _without_references(self, block: bytes) -> bytes:
        """Drop references to forbidden characters; in CDATA they are text and stay."""
        if b"&#" not in block or not _REFERENCE.search(block):
            return block
        start = block.find(b"]]>") if self._in_cdata else 0
        return block if start < 0 else block[:start] + _CDATA_OR_REFERENCE.sub(_if_allowed, block[start:])

    def _within_limit(self, block: bytes) -> bytes:
        if b"]]>" in block if self._in_cdata else b"<" in block or not self._in_text:
            self._text_bytes = 0
            return block
        before = self._text_bytes
        self._text_bytes += len(block)
        limit = max(self._max_text - 2 * BLOCK_BYTES, BLOCK_BYTES)
        if self._text_bytes <= limit:
            return block
        return self._note if before <= limit else b""

    def _follow(self, block: bytes) -> None:
        """Keep track of where the end of the block lies: in CDATA, in text or in a tag."""
        opened, closed = block.rfind(b"<![CDATA["), block.rfind(b"]]>")
        if opened != closed:  # equal when neither is there
            self._in_cdata = opened > closed
        tag = block.rfind(b"<")
        if tag >= 0 or not self._in_text:
            self._in_text = block.find(b">", max(tag, 0)) >= 0

    def _account(self, block: bytes) -> None:
        self._open_bytes += len(block)
        if not self._in_cdata:
            self._open_tags += block.count(b"<")
        if (
            self._open_bytes > OPEN_TEXTS * self._max_text + 2 * MAX_PROLOGUE_BYTES
            or self._open_tags > MAX_OPEN_TAGS
        ):
            raise ImportRejectedError(
                f"One test case, or what stands between two, has more than {OPEN_TEXTS * self._max_text:,}"
                f" bytes or {MAX_OPEN_TAGS:,} tags: split it, or upload its output as a file of its own."
            )


def _without_forbidden(text: str) -> bytes:
    data = text.encode("utf-8", "replace").translate(None, _FORBIDDEN)
    if b"\xef\xbf" in data:
        for character in _NONCHARACTERS:
            data = data.replace(character, b"")
    return data


def _end_of_whole_tokens(block: bytes) -> int:
    end = len(block)
    for start in (block.find(mark, max(0, end - _LONGEST_TOKEN_BYTES)) for mark in (b"&", b"<", b"]")):
        end = min(end, start) if start >= 0 else end
    while end and block[end - 1 : end] == b"]" and len(block) - end < 2 * _LONGEST_TOKEN_BYTES:
        end -= 1
    return end


def _if_allowed(match: re.Match[bytes]) -> bytes:
    decimal, hexadecimal = match.groups()
    if match[0].startswith(b"<"):
        return match[0]
    code = int(decimal) if decimal else int(hexadecimal, 16) if hexadecimal else 0
    allowed = 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF
    return match[0] if allowed else b""
