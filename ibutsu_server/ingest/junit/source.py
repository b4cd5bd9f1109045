"""Feed the XML parser an uploaded file, block by block: in UTF-8, with nothing in it that it must not see."""

from __future__ import annotations

import codecs
import re
from typing import IO, TYPE_CHECKING, Final

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.junit.encoding import LENIENT, detect_encoding
from ibutsu_server.ingest.junit.output import cut_note
from ibutsu_server.ingest.junit.position import SECTION, Position, least_text_bytes, text_end, way_between
from ibutsu_server.ingest.junit.prolog import MAX_PROLOG_BYTES, read_prolog

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_BYTES: Final = 32 * 1024
MAX_OPEN_TAGS: Final = 500_000
"""Tags that may come before an element that the reader lets go: each costs the parser memory."""
OPEN_TEXTS: Final = 4
"""Texts of full length that may come before an element that the reader lets go."""

_FORBIDDEN: Final = bytes(code for code in range(0x20) if code not in b"\t\n\r")
_NONCHARACTERS: Final = ("\ufffe".encode(), "\uffff".encode())
# Controls, and what has digits enough to be a surrogate or beyond Unicode.
_REFERENCE: Final = re.compile(
    rb"&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01])|x0*(?:[0-8bBcCeEfF]|1[\da-fA-F])|(?P<decimal>\d{5,9})|x(?P<hexadecimal>[\da-fA-F]{4,8}));"
)
_SECTION_OR_REFERENCE: Final = re.compile(SECTION.pattern + rb"|" + _REFERENCE.pattern, re.S)
_PASSED_OVER: Final = (b"-->", b"?>")
"""The ends of what no import reads."""
_LONGEST_TOKEN_BYTES: Final = 16


class XmlSource:
    """Be the file object that ``lxml.etree.iterparse`` reads.

    Characters that XML forbids are dropped, raw or as references. A text over ``max_text_bytes``
    is cut here, before it costs the parser memory.
    """

    def __init__(self, file: IO[bytes], *, max_text_bytes: int) -> None:
        file.seek(0)
        start = file.read(MAX_PROLOG_BYTES)
        self.encoding = detect_encoding(start)
        self._file = file
        self._max_text = max_text_bytes
        self._note = cut_note(max_text_bytes).encode()
        self._position = Position()
        self._text_bytes = 0
        self._open_bytes = 0
        self._open_tags = 0
        decoded = self._decode(start[self.encoding.mark_bytes :])
        head = next(decoded)
        prolog = read_prolog(head)
        self.root = prolog.root
        self._blocks = self._whole_tokens(prolog.replacement + head[prolog.end :], decoded)

    def let_go(self) -> None:
        """Note that the parser's tree holds nothing any more of what was read so far."""
        self._open_bytes = self._open_tags = 0

    def read(self, _size: int = -1) -> bytes:
        """Give the next block; empty at the end.

        Raises:
            ImportRejectedError: when one test case takes more memory than it may.
        """
        for block in self._blocks:
            if kept := self._without_excess(block):
                return kept
        return b""

    def _decode(self, block: bytes) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self.encoding.name)(LENIENT)
        final = False
        while not final:
            following = self._file.read(BLOCK_BYTES)
            final = not following
            yield _without_forbidden(decoder.decode(block, final))
            block = following

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
        closer = self._position.closer
        start = block.find(closer)  # 0 when nothing is open
        return block if start < 0 else block[:start] + _SECTION_OR_REFERENCE.sub(_if_allowed, block[start:])

    def _without_excess(self, block: bytes) -> bytes:
        """Cut what is over the limit from the text that goes on in a block."""
        in_text, closer = self._position.in_text, self._position.closer
        tags = self._position.follow(block).count(b"<")
        end = text_end(block, closer) if in_text else 0
        text = self._cut(block[:end], closer, b"" if tags else self._position.closer)
        if tags:
            self._text_bytes = 0
        self._account(len(block) - end, tags)
        return text + block[end:]

    def _cut(self, text: bytes, closer: bytes, next_closer: bytes) -> bytes:
        if closer in _PASSED_OVER and closer not in text:
            return b"\n" * text.count(b"\n")  # the parser would search all of it again with every block
        if self._text_bytes > self._max_text:
            return way_between(closer, next_closer)
        size = least_text_bytes(text, closer)
        self._account(size or len(text), 0)
        self._text_bytes += size
        return text if self._text_bytes <= self._max_text else text + self._note

    def _account(self, size: int, tags: int) -> None:
        self._open_bytes += size
        self._open_tags += tags
        max_bytes = OPEN_TEXTS * self._max_text
        if self._open_bytes > max_bytes + 2 * MAX_PROLOG_BYTES or self._open_tags > MAX_OPEN_TAGS:
            raise ImportRejectedError(
                f"One test case, or what stands between two, has more than {max_bytes:,} bytes or"
                f" {MAX_OPEN_TAGS:,} tags: split it, or raise IBUTSU_IMPORT_MAX_ARTIFACT_BYTES."
            )


def count_of(word: bytes, file: IO[bytes]) -> int:
    """Count a word in a whole file, block by block."""
    file.seek(0)
    count, carry = 0, b""
    while block := file.read(BLOCK_BYTES):
        searched = carry + block
        count += searched.count(word)
        carry = searched[1 - len(word) :]
    return count


def _without_forbidden(text: str) -> bytes:
    data = text.encode("utf-8", "replace").translate(None, _FORBIDDEN)
    if b"\xef\xbf" in data:
        for character in _NONCHARACTERS:
            data = data.replace(character, b"")
    return data


def _end_of_whole_tokens(block: bytes) -> int:
    end = len(block)
    for mark in (b"&", b"<"):
        start = block.find(mark, max(0, len(block) - _LONGEST_TOKEN_BYTES))
        end = min(end, start) if start >= 0 else end
    while end and block[end - 1 : end] in (b"]", b"-", b"?") and len(block) - end < 2 * _LONGEST_TOKEN_BYTES:
        end -= 1
    return end


def _if_allowed(match: re.Match[bytes]) -> bytes:
    if match[0].startswith(b"<"):
        return match[0]
    decimal, hexadecimal = match["decimal"], match["hexadecimal"]
    code = int(decimal) if decimal else int(hexadecimal or b"0", 16)
    allowed = 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF
    return match[0] if allowed else b""
