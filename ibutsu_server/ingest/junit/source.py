"""Give the XML parser an uploaded file, block by block: in UTF-8, with nothing in it that it must not see."""

from __future__ import annotations

import codecs
import re
from typing import IO, TYPE_CHECKING, Final

from ibutsu_server.ingest.junit.encoding import LENIENT, detect_encoding
from ibutsu_server.ingest.junit.prolog import MAX_PROLOG_BYTES, read_prolog

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_BYTES: Final = 32 * 1024

_FORBIDDEN: Final = bytes(code for code in range(0x20) if code not in b"\t\n\r")
_NONCHARACTERS: Final = ("\ufffe".encode(), "\uffff".encode())
_CLOSERS: Final = {b"<![CDATA[": b"]]>", b"<!--": b"-->", b"<?": b"?>"}
# A reference matters if it may name a control, or has enough digits to be a surrogate or beyond Unicode.
# Zeros may come in any number; no two references share a digit, so that each is read once.
_OPENER_OR_REFERENCE: Final = re.compile(
    rb"<!\[CDATA\[|<!--|<\?|"
    rb"&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01])"
    rb"|x0*(?:[0-8bBcCeEfF]|1[\da-fA-F])"
    rb"|(?P<decimal>\d{5,9})|x(?P<hexadecimal>[\da-fA-F]{4,8}));"
)
_LONGEST_TOKEN_BYTES: Final = 16


class XmlSource:
    """An iteration over the blocks of a file in UTF-8.

    Characters that XML forbids are dropped, raw or as references, and so is what long comments and
    processing instructions hold: the parser would keep them in memory.
    """

    def __init__(self, file: IO[bytes]) -> None:
        file.seek(0)
        start = file.read(MAX_PROLOG_BYTES)
        self.encoding = detect_encoding(start)
        self._file = file
        self._closer = b""
        """The end of the CDATA section, comment or processing instruction that is open; else empty."""
        self._decoded = self._decode(start[self.encoding.mark_bytes :])
        head = next(self._decoded)
        prolog = read_prolog(head)
        self.root = prolog.root
        self._head = prolog.replacement + head[prolog.end :]

    def __iter__(self) -> Iterator[bytes]:
        carry = self._head
        for data in self._decoded:
            block = carry + data
            end = _end_of_whole_tokens(block)
            carry = block[end:]
            yield self._without_excess(block[:end])
        yield self._without_excess(carry)

    def _decode(self, block: bytes) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self.encoding.name)(LENIENT)
        final = False
        while not final:
            following = self._file.read(BLOCK_BYTES)
            final = not following
            yield _without_forbidden(decoder.decode(block, final))
            block = following

    def _without_excess(self, block: bytes) -> bytes:
        """Drop references to forbidden characters, which are text in CDATA, and what long comments hold."""
        if not (self._closer or b"<!" in block or b"&#" in block or b"<?" in block):
            return block
        kept: list[bytes] = []
        position = self._continue_section(block, kept) if self._closer else 0
        while mark := _OPENER_OR_REFERENCE.search(block, position):
            kept.append(block[position : mark.start()])
            closer = _CLOSERS.get(mark[0], b"")
            end = block.find(closer, mark.end()) + len(closer)
            if not closer:
                kept.append(_if_allowed(mark))
            elif end < len(closer):
                self._closer = closer
                kept.append(_part_of_section(block[mark.start() :], closer))
                return b"".join(kept)
            else:
                kept.append(block[mark.start() : end])
            position = end if closer else mark.end()
        kept.append(block[position:])
        return b"".join(kept)

    def _continue_section(self, block: bytes, kept: list[bytes]) -> int:
        """Keep what is left of the section that an earlier block opened, and return where it ends."""
        closer, end = self._closer, block.find(self._closer)
        stop = len(block) if end < 0 else end + len(closer)
        kept.append(_part_of_section(block[:stop], closer))
        self._closer = closer if end < 0 else b""
        return stop


def count_of(word: bytes, file: IO[bytes]) -> int:
    """Count a word in a whole file, block by block."""
    file.seek(0)
    count, carry = 0, b""
    while block := file.read(BLOCK_BYTES):
        searched = carry + block
        count += searched.count(word)
        carry = searched[1 - len(word) :]
    return count


def _part_of_section(part: bytes, closer: bytes) -> bytes:
    """Return a part of CDATA as it is; of a comment or an instruction keep the line ends only."""
    return part if closer == b"]]>" else b"<!--%b-->" % (b"\n" * part.count(b"\n"))


def _without_forbidden(text: str) -> bytes:
    data = text.encode("utf-8", "replace").translate(None, _FORBIDDEN)
    if b"\xef\xbf" in data:
        for character in _NONCHARACTERS:
            data = data.replace(character, b"")
    return data


def _end_of_whole_tokens(block: bytes) -> int:
    """Return where a block may end so that no reference and no delimiter lies across two blocks."""
    end = len(block)
    for mark in (b"&", b"<"):
        start = block.find(mark, max(0, len(block) - _LONGEST_TOKEN_BYTES))
        end = min(end, start) if start >= 0 else end
    while end and block[end - 1 : end] in (b"]", b"-", b"?") and len(block) - end < 2 * _LONGEST_TOKEN_BYTES:
        end -= 1
    return end


def _if_allowed(reference: re.Match[bytes]) -> bytes:
    decimal, hexadecimal = reference["decimal"], reference["hexadecimal"]
    code = int(decimal) if decimal else int(hexadecimal or b"0", 16)
    allowed = 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF
    return reference[0] if allowed else b""
