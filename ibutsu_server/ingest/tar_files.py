"""Read the files of a tar archive in order, without trusting anything that it says about itself.

The headers are those of POSIX ``ustar`` and ``pax`` and of GNU tar:
https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06 and
https://www.gnu.org/software/tar/manual/html_node/Standard.html. ``tarfile`` of the standard library reads
more than these (links, sparse files), takes about ten times as long for a member, and remembers them all.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from ibutsu_server.exceptions import ImportRejectedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibutsu_server.ingest.compression import Readable

HEADER_BYTES: Final = 512
"""Bytes of a header; what follows it is padded to a multiple of them."""

_CHECKSUM: Final = slice(148, 156)
_FILES: Final = frozenset({0, ord("0"), ord("7")})
_DIRECTORY: Final = ord("5")
_GNU_NAME, _GNU_LINK, _PAX, _SUN_PAX, _GLOBAL_PAX = b"LKxXg"
_EXTENSIONS: Final = frozenset({_GNU_NAME, _GNU_LINK, _PAX, _SUN_PAX, _GLOBAL_PAX})
_MAX_EXTENSIONS: Final = 8
"""Headers with long names and the like that one member may have; tools write two at most."""
_MAX_EXTENSION_BYTES: Final = 128 * 1024
_COPIED_BYTES: Final = 64 * 1024


class TarFiles:
    """The files of a tar archive; each must be copied, or is skipped, before the next one is read."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._left = 0
        """Bytes of the present file, and of its padding, that were not read yet."""
        self._padding = 0

    def __iter__(self) -> Iterator[tuple[str, int] | None]:
        """Yield the path and the number of bytes of each file, and None for each directory.

        Raises:
            ImportRejectedError: the archive is damaged, or holds what is neither a file nor a directory.
        """
        while (header := self._next_header()) is not None:
            kind, path, size = header
            if kind == _DIRECTORY or (kind in _FILES and path.endswith("/")):
                yield None
                continue
            if kind not in _FILES:
                message = (
                    f"The archive's member {path[:100]!r} is not a plain file: links, devices and the like "
                    "are refused."
                )
                raise ImportRejectedError(message)
            self._begin(size)
            yield path, size
            for _ in self.blocks():
                pass

    def blocks(self) -> Iterator[bytes]:
        """Yield what was not read yet of the present file."""
        while self._left:
            block = self._source.read(min(self._left, _COPIED_BYTES))
            if not block:
                raise _damage("it ends in the middle of a file")
            self._left -= len(block)
            yield block
        self._take(self._padding)
        self._padding = 0

    def _begin(self, size: int) -> None:
        self._left = size
        self._padding = -size % HEADER_BYTES

    def _next_header(self) -> tuple[int, str, int] | None:
        """Return kind, path and size of the next member, with what the headers before it say about it."""
        said: dict[bytes, bytes] = {}
        for _ in range(_MAX_EXTENSIONS + 1):
            block = self._source.read(HEADER_BYTES)
            if not any(block):  # the end of the archive, or of the file
                return None
            _check(block)
            kind, size = block[156], _number(block[124:136])
            if kind not in _EXTENSIONS:
                name = said.get(b"path") or _name(block)
                size = _decimal(said[b"size"]) if b"size" in said else size
                return kind, name.decode("utf-8", "replace"), size
            said.update(_read_extension(kind, self._extension(size)))
        raise _damage(f"a member has more than {_MAX_EXTENSIONS} headers")

    def _extension(self, size: int) -> bytes:
        if size > _MAX_EXTENSION_BYTES:
            message = f"The archive holds a header of more than {_MAX_EXTENSION_BYTES:,} bytes."
            raise ImportRejectedError(message)
        data = self._take(size)
        self._take(-size % HEADER_BYTES)
        return data

    def _take(self, size: int) -> bytes:
        data = self._source.read(size) if size else b""
        if len(data) < size:
            raise _damage("it ends in the middle of a member")
        return data


def is_tar(head: bytes) -> bool:
    """Return whether a file begins with the header of a member, or is an archive without any."""
    if len(head) == HEADER_BYTES and not any(head):
        return True
    try:
        _check(head)
    except ImportRejectedError:
        return False
    return True


def _check(block: bytes) -> None:
    """Compare the checksum of a header: the sum of its bytes, its own counted as spaces.

    The low half of Adler-32 is that sum and 1, modulo 65521, and is computed in C.
    """
    if len(block) != HEADER_BYTES:
        raise _damage("it ends in the middle of a header")
    counted = block[:148] + b" " * 8 + block[156:]
    claimed = _number(block[_CHECKSUM])
    if zlib.adler32(counted) & 0xFFFF != (claimed + 1) % 65521 and claimed != _signed_sum(counted):
        raise _damage("the checksum of a header is wrong")


def _signed_sum(block: bytes) -> int:
    """Return the sum as some old programs compute it, with the bytes taken as signed."""
    return sum(byte - 256 if byte > 127 else byte for byte in block)


def _number(field: bytes) -> int:
    """Read a number: octal digits, or GNU's big-endian bytes after one with the highest bit."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.partition(b"\0")[0].strip()
    if digits.isdigit():
        try:
            return int(digits, 8)
        except ValueError:
            pass
    elif not digits:
        return 0
    raise _damage("a header holds a number that is none")


def _name(block: bytes) -> bytes:
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _read_extension(kind: int, data: bytes) -> dict[bytes, bytes]:
    """Return what a header says about the member after it, by the keywords of pax."""
    if kind == _GNU_NAME:
        return {b"path": data.partition(b"\0")[0]}
    return _read_records(data) if kind in (_PAX, _SUN_PAX) else {}


def _read_records(data: bytes) -> dict[bytes, bytes]:
    """Read records of pax, ``<bytes of the record> <keyword>=<value>`` and a line end; linear."""
    said = {}
    position = 0
    while position < len(data) and data[position]:
        digits_end = data.find(b" ", position, position + 8)
        length = _decimal(data[position:digits_end]) if digits_end > 0 else 0
        keyword, equals, value = data[digits_end + 1 : position + length].partition(b"=")
        if not digits_end < position + length <= len(data) or not equals or value[-1:] != b"\n":
            raise _damage("an extended header is malformed")
        if keyword.startswith(b"GNU.sparse."):
            message = "The archive holds a sparse file; pack it without them."
            raise ImportRejectedError(message)
        said[keyword] = value[:-1]
        position += length
    return said


def _decimal(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 20:
        raise _damage("a header holds a number that is none")
    return int(digits)


def _damage(fault: str) -> ImportRejectedError:
    return ImportRejectedError(f"The file is not a readable tar archive: {fault}.")
