"""Read what is compressed with gzip, bzip2 or xz, in bounded memory."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import zlib
from contextlib import contextmanager
from functools import partial
from typing import IO, TYPE_CHECKING, Final, Protocol

from ibutsu_server.exceptions import ImportRejectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK_BYTES: Final = 64 * 1024
_XZ_MEMORY_BYTES: Final = 100 * 1024**2
"""Memory that a decompressor of xz may take: ``xz -9`` needs 65 MB, a header may ask for 4 GB."""


class Readable(Protocol):
    """A source of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes, none at the end."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Streams:
    """The unpacked bytes of compressed streams, one behind the other.

    The standard library's files of this kind set no limit on the memory of xz.
    """

    def __init__(self, file: IO[bytes], new: Callable[[], _Decompressor]) -> None:
        self._file = file
        self._new = new
        self._stream = new()

    def read(self, size: int, /) -> bytes:
        while True:
            if self._stream.eof:
                packed = self._stream.unused_data.lstrip(b"\0") or self._file.read(BLOCK_BYTES).lstrip(b"\0")
                if not packed:
                    return b""
                self._stream = self._new()
            elif self._stream.needs_input:
                packed = self._file.read(BLOCK_BYTES)
                if not packed:
                    message = "it ends before its last stream does"
                    raise EOFError(message)
            else:
                packed = b""
            unpacked = self._stream.decompress(packed, size)
            if unpacked:
                return unpacked


_METHODS: Final[tuple[tuple[bytes, str, Callable[[IO[bytes]], Readable]], ...]] = (
    (b"\x1f\x8b", "gzip", lambda file: gzip.GzipFile(fileobj=file, mode="rb")),
    (b"BZh", "bzip2", lambda file: _Streams(file, bz2.BZ2Decompressor)),
    (
        b"\xfd7zXZ\0",
        "xz",
        lambda file: _Streams(file, partial(lzma.LZMADecompressor, lzma.FORMAT_XZ, _XZ_MEMORY_BYTES)),
    ),
)


def decompressed(file: IO[bytes]) -> tuple[str | None, Readable]:
    """Return the name of the method a file is compressed with, and its unpacked bytes from the start.

    A file that is not compressed has no method and is returned itself.
    """
    file.seek(0)
    head = file.read(8)
    file.seek(0)
    for magic, method, reader in _METHODS:
        if head.startswith(magic):
            return method, reader(file)
    return None, file


@contextmanager
def damage_rejects(what: str) -> Iterator[None]:
    """Reject the upload for whatever the reading of damaged data raises; ``what`` is what it should be.

    Raises:
        ImportRejectedError: in place of such an error.
    """
    try:
        yield
    except (gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError, ValueError) as error:
        message = f"The file is not a readable {what}: {str(error).rstrip('.')}."
        raise ImportRejectedError(message) from error
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # the disk's; others have no number, or a bad offset
            raise
        message = f"The file is not a readable {what}: {error}."
        raise ImportRejectedError(message) from error
