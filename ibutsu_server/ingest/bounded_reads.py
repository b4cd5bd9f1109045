"""Read files of others without trusting the sizes that they claim."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, NamedTuple

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.compression import BLOCK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

    from ibutsu_server.ingest.compression import Readable


class Extent(NamedTuple):
    """Where a part of a file is."""

    offset: int
    size: int


class LimitedReader:
    """The unpacked bytes of an upload; to unpack more than the limit is a reject."""

    def __init__(self, unpacked: Readable, limit: int) -> None:
        self.total = 0
        """Bytes that were unpacked so far."""
        self._unpacked = unpacked
        self._limit = limit
        self._block = b""
        self._position = 0

    def read(self, size: int, /) -> bytes:
        """Return so many bytes, fewer only at the end."""
        end = self._position + size
        if end <= len(self._block):
            data = self._block[self._position : end]
            self._position = end
            return data
        parts = [self._block[self._position :]]
        missing = size - len(parts[0])
        self._position = 0
        while missing and self._fill():
            parts.append(self._block[:missing])
            self._position = len(parts[-1])
            missing -= self._position
        return b"".join(parts)

    def blocks(self) -> Iterator[bytes]:
        """Yield all that is left."""
        while block := self.read(BLOCK_BYTES):
            yield block

    def _fill(self) -> bool:
        self._block = self._unpacked.read(BLOCK_BYTES)
        self.total += len(self._block)
        if self.total > self._limit:
            message = (
                f"The archive unpacks to more than {self._limit:,} bytes; split it,"
                " or raise IBUTSU_IMPORT_MAX_UNPACKED_BYTES."
            )
            raise ImportRejectedError(message)
        return bool(self._block)


class SmallReads:
    """A file of which nobody may read more than ``limit`` bytes at once; ``fault`` says what that means."""

    def __init__(self, file: IO[bytes], limit: int, fault: str) -> None:
        self._file = file
        self._limit = limit
        self._fault = fault
        self._size = file.seek(0, io.SEEK_END)

    def seekable(self) -> bool:
        """Return that it can be read in any order."""
        return True

    def tell(self) -> int:
        """Return the present place."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place and return it."""
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        """Return up to so many bytes, or all that is left."""
        if size < 0:
            size = self._size - self._file.tell()
        if size > self._limit:
            raise ImportRejectedError(self._fault)
        return self._file.read(size)


class Section(io.RawIOBase):
    """A part of a file as a file of its own."""

    def __init__(self, file: IO[bytes], extent: Extent) -> None:
        self._file = file
        self._extent = extent
        self._position = 0

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be read in any order."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place and return it."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._extent.size}[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill the buffer as far as the part goes, and return the number of bytes."""
        target = memoryview(buffer)
        size = max(min(len(target), self._extent.size - self._position), 0)
        self._file.seek(self._extent.offset + self._position)
        data = self._file.read(size)
        target[: len(data)] = data
        self._position += len(data)
        return len(data)
