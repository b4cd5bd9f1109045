"""Unpack an uploaded tar archive, compressed or not, without trusting anything it says of itself."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, Self

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.values import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibutsu_server.settings.imports import ImportSettings

_GZIP_MAGIC: Final = b"\x1f\x8b"
_BLOCK_BYTES: Final = 64 * 1024
_MAX_HEADER_BYTES: Final = 128 * 1024
"""Bytes the headers of one member may take: names are short, and ``tarfile`` reads headers whole."""
_MAX_PATH_CHARACTERS: Final = 4096


class Extent(NamedTuple):
    """Say where the bytes of an unpacked file lie."""

    offset: int
    size: int


def unpack_tar(content: IO[bytes], target: IO[bytes], settings: ImportSettings) -> dict[str, Extent]:
    """Write all files one after another to ``target`` and say where each lies, by its path.

    The last copy of a file wins. Limits are counted while reading, because sizes in headers lie.

    Raises:
        ImportRejectedError: the archive is damaged, over a limit, or holds what is no plain file.
    """
    source = _Source(content, settings.max_unpacked_bytes)
    files: dict[str, Extent] = {}
    offset = 0
    for archive, member in _members(source, settings.max_members):
        path = _path_of(member)
        if member.isdir():
            continue
        _refuse_special(member, path)
        size = _copy(archive, member, target, settings.max_artifact_bytes)
        if not _is_of_macos(path):
            files[path] = Extent(offset, size)
        offset += size
    return files


def _members(source: _Source, limit: int) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    with _damage_rejects():
        source.allow(_MAX_HEADER_BYTES)
        archive: Any = tarfile.open(fileobj=source, mode="r|", tarinfo=_Header, encoding="utf-8")  # noqa: SIM115 - holds no file of its own
    for number in range(limit + 1):
        with _damage_rejects():
            source.allow(_MAX_HEADER_BYTES)
            member = archive.next()
            source.allow(None)
        if member is None:
            _read_to_end(source)
            return
        # The archive remembers every member and every global header: memory that grows with the file.
        archive.members.clear()
        archive.pax_headers.clear()
        if number < limit:
            yield archive, member
    message = f"The archive holds more than {limit:,} members; split it, or raise IBUTSU_IMPORT_MAX_MEMBERS."
    raise ImportRejectedError(message)


def _read_to_end(source: _Source) -> None:
    """Read what follows the last member: at the end of a gzip file stands its checksum."""
    with _damage_rejects():
        while source.read(_BLOCK_BYTES):
            pass


def _copy(archive: tarfile.TarFile, member: tarfile.TarInfo, target: IO[bytes], limit: int) -> int:
    with _damage_rejects():
        file = archive.extractfile(member)
    size = 0
    while file is not None:
        with _damage_rejects():
            block = file.read(_BLOCK_BYTES)
        if not block:
            break
        size += len(block)
        if size > limit:
            message = (
                f"The file {member.name!r} in the archive holds more than {limit:,} bytes; leave it out,"
                " or raise IBUTSU_IMPORT_MAX_ARTIFACT_BYTES."
            )
            raise ImportRejectedError(message)
        target.write(block)
    return size


def _path_of(member: tarfile.TarInfo) -> str:
    """Give the path without ``./`` and empty parts; bytes that are no UTF-8 are replaced."""
    name = member.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    parts = [part for part in clean_text(name).split("/") if part not in {"", "."}]
    if name.startswith("/") or ".." in parts:
        message = f"The archive holds the path {name!r}, which leads out of it; pack it with relative paths."
        raise ImportRejectedError(message)
    if len(name) > _MAX_PATH_CHARACTERS:
        message = (
            f"The archive holds a path of {len(name):,} characters; {_MAX_PATH_CHARACTERS:,} is the most."
        )
        raise ImportRejectedError(message)
    return "/".join(parts)


def _refuse_special(member: tarfile.TarInfo, path: str) -> None:
    if member.isfile() and not member.issparse() and member.size >= 0 and path:
        return
    message = (
        f"The archive's member {member.name!r} is no plain file: links, devices and the like are refused."
    )
    raise ImportRejectedError(message)


def _is_of_macos(path: str) -> bool:
    return any(part.startswith("._") or part == ".DS_Store" for part in path.split("/"))


@contextmanager
def _damage_rejects() -> Iterator[None]:
    """Reject the archive for whatever reading a damaged one raises."""
    try:
        yield
    except gzip.BadGzipFile as error:
        message = f"The file is not a readable gzip file: {error}."
        raise ImportRejectedError(message) from error
    except (tarfile.TarError, zlib.error, EOFError, ValueError, IndexError, RecursionError) as error:
        message = f"The file is not a readable tar archive: {error}."
        raise ImportRejectedError(message) from error


class _Header(tarfile.TarInfo):
    """Be a member's header; a damaged one is an error, where ``tarfile`` would take it for the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if not any(buf):  # the block of zeros that ends an archive, or nothing at all
                raise
            message = f"The file is not a readable tar archive: {error}."
            raise ImportRejectedError(message) from error


class _Source(io.RawIOBase):
    """Be the unpacked bytes of an upload; reading more than is allowed rejects it."""

    def __init__(self, content: IO[bytes], limit: int) -> None:
        is_gzip = content.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        content.seek(0)
        self._file: IO[bytes] | Any = gzip.GzipFile(fileobj=content, mode="rb") if is_gzip else content
        self._limit = limit
        self._total = 0
        self._allowed: int | None = None

    def allow(self, size: int | None) -> None:
        """Let the next reads give ``size`` bytes together; None is without a limit of its own."""
        self._allowed = size

    def read(self, size: int = -1, /) -> bytes:
        data: bytes = self._file.read(size)
        self._total += len(data)
        if self._total > self._limit:
            message = (
                f"The archive unpacks to more than {self._limit:,} bytes; split it,"
                " or raise IBUTSU_IMPORT_MAX_UNPACKED_BYTES."
            )
            raise ImportRejectedError(message)
        if self._allowed is not None:
            self._allowed -= len(data)
            if self._allowed < 0:
                message = f"The archive holds a header of more than {_MAX_HEADER_BYTES:,} bytes."
                raise ImportRejectedError(message)
        return data
