"""Unpack an uploaded archive to one temporary file, within limits that are counted while reading."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Final, Self, overload

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.bounded_reads import Extent, LimitedReader, Section
from ibutsu_server.ingest.compression import BLOCK_BYTES, damage_rejects, decompressed
from ibutsu_server.ingest.content_type import SNIFFED_BYTES, content_type_of
from ibutsu_server.ingest.records import ArtifactRecord
from ibutsu_server.ingest.tar_files import TarFiles
from ibutsu_server.ingest.values import clean_text
from ibutsu_server.ingest.zip_files import zip_damage_rejects, zip_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ibutsu_server.settings import ImportSettings

MEMORY_BYTES: Final = 8 * 1024**2
"""Bytes of unpacked files that stay in memory; more go to a temporary file on disk."""

_MAX_PATH_CHARACTERS: Final = 4096
_MAX_PATHS_BYTES: Final = 48 * 1024**2
"""Memory that all paths of an archive may take together: they are what an import keeps in memory."""


class UnpackedFiles:
    """The files of an upload by their paths; a context manager that frees them."""

    def __init__(self, settings: ImportSettings) -> None:
        self.extents: dict[str, Extent] = {}
        self._settings = settings
        self._spool: IO[bytes] = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - closed by __exit__
        self._end = 0
        self._members = 0
        self._paths_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._spool.close()

    def unpack_one(self, path: str, file: IO[bytes]) -> None:
        """Add the one file that a compressed file holds.

        Raises:
            ImportRejectedError: it is damaged, or over a limit.
        """
        method, unpacked = decompressed(file)
        with damage_rejects(f"{method} file"):
            self.add(path, LimitedReader(unpacked, self._settings.max_unpacked_bytes).blocks())

    def unpack_tar(self, file: IO[bytes]) -> None:
        """Add the files of a tar archive, compressed or not; the last copy of a path wins.

        Raises:
            ImportRejectedError: the archive is damaged, over a limit, or holds what is not a plain file.
        """
        _, unpacked = decompressed(file)
        source = LimitedReader(unpacked, self._settings.max_unpacked_bytes)
        with damage_rejects("tar archive"):
            members = TarFiles(source)
            for member in members:
                self._count_member()
                if member is not None:
                    self._unpack(member[0], members.blocks())
            while source.read(BLOCK_BYTES):  # at the end of a compressed file is its checksum
                pass

    def unpack_zip(self, file: IO[bytes]) -> None:
        """Add the files of a zip archive; the last copy of a path wins.

        Raises:
            ImportRejectedError: the archive is damaged, encrypted, over a limit, or of an unusual method.
        """
        left = self._settings.max_unpacked_bytes
        with zip_damage_rejects():
            for member in zip_files(file):
                self._count_member()
                if member is not None:
                    path, unpacked = member
                    source = LimitedReader(unpacked, left)
                    self._unpack(path, source.blocks())
                    left -= source.total

    def add(self, path: str, blocks: Iterable[bytes], limit: int | None = None) -> None:
        """Add a file of at most ``limit`` bytes under a path that is as it should be."""
        offset = self._end
        self._spool.seek(offset)
        for block in blocks:
            self._end += self._spool.write(block)
            if limit is not None and self._end - offset > limit:
                raise _too_large(path, limit)
        self.extents[path] = Extent(offset, self._end - offset)

    def read(self, path: str) -> bytes:
        """Return the content of a file.

        Raises:
            ImportRejectedError: it is larger than an artifact may be.
        """
        extent = self.extents[path]
        if extent.size > self._settings.max_artifact_bytes:
            raise _too_large(path, self._settings.max_artifact_bytes)
        self._spool.seek(extent.offset)
        return self._spool.read(extent.size)

    def open(self, path: str) -> IO[bytes]:
        """Return a file to read from."""
        return io.BufferedReader(Section(self._spool, self.extents[path]), BLOCK_BYTES)

    def _count_member(self) -> None:
        self._members += 1
        limit = self._settings.max_members
        if self._members > limit:
            message = (
                f"The archive holds more than {limit:,} members; split it, "
                "or raise IBUTSU_IMPORT_MAX_MEMBERS."
            )
            raise ImportRejectedError(message)

    def _unpack(self, name: str, blocks: Iterable[bytes]) -> None:
        path = _path_of(name)
        if _is_of_macos(path):
            return
        if path not in self.extents:
            self._paths_bytes += sys.getsizeof(path)
            if self._paths_bytes > _MAX_PATHS_BYTES:
                message = (
                    f"The paths in the archive take more than {_MAX_PATHS_BYTES // 1024**2} MB of memory; "
                    "use shorter ones, or split it."
                )
                raise ImportRejectedError(message)
        # How large a report may be is a matter of its test cases, not of the file.
        self.add(path, blocks, None if is_xml(path) else self._settings.max_artifact_bytes)


def is_xml(path: str) -> bool:
    """Return whether a file may be a JUnit report by its name."""
    return path[-4:].lower() == ".xml"


def _path_of(name: str) -> str:
    """Return the path without ``./`` and empty parts."""
    parts = [part for part in clean_text(name).split("/") if part not in {"", "."}]
    if name.startswith("/") or ".." in parts or not parts:
        message = f"The archive holds the path {name[:100]!r}, which leads out of it; use relative paths."
        raise ImportRejectedError(message)
    if len(name) > _MAX_PATH_CHARACTERS:
        message = (
            f"The archive holds a path of {len(name):,} characters; {_MAX_PATH_CHARACTERS:,} is the most."
        )
        raise ImportRejectedError(message)
    return "/".join(parts)


def _is_of_macos(path: str) -> bool:
    """Return whether a Mac has added the file: ``._name`` and ``.DS_Store``, in any directory."""
    if "._" not in path and ".DS_Store" not in path:
        return False
    return any(part.startswith("._") or part == ".DS_Store" for part in path.split("/"))


def _too_large(path: str, limit: int) -> ImportRejectedError:
    return ImportRejectedError(
        f"The file {path[:100]!r} in the archive holds more than {limit:,} bytes; leave it out,"
        " or raise IBUTSU_IMPORT_MAX_ARTIFACT_BYTES."
    )


class UnpackedArtifacts(Sequence[ArtifactRecord]):
    """Files that become artifacts; each is read when it is asked for.

    Args:
        depth: the number of directories that are not part of the artifacts' names.
    """

    def __init__(self, files: UnpackedFiles, paths: Sequence[str], *, depth: int) -> None:
        self._files = files
        self._paths = paths
        self._depth = depth

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> ArtifactRecord: ...
    @overload
    def __getitem__(self, index: slice) -> list[ArtifactRecord]: ...
    def __getitem__(self, index: int | slice) -> ArtifactRecord | list[ArtifactRecord]:
        if isinstance(index, slice):
            return [self._read(path) for path in self._paths[index]]
        return self._read(self._paths[index])

    def _read(self, path: str) -> ArtifactRecord:
        name, content = path.split("/", self._depth)[-1], self._files.read(path)
        return ArtifactRecord(name, content, content_type_of(name, content[:SNIFFED_BYTES]))
