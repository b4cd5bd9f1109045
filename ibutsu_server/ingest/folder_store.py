"""A folder as a store of result files."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from stat import S_ISREG
from time import time
from typing import TYPE_CHECKING, Final

from ibutsu_server.ingest.stores import IMPORTED, ObjectGoneError, StoredObject, StoreError, refuse_larger
from ibutsu_server.ingest.upload import is_result_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

logger = logging.getLogger(__name__)

SETTLED_SECONDS: Final = 10
"""Seconds for which a file must not have changed: until then another program may still be writing it."""


class FolderStore:
    """The regular files in a folder and in the folders below it.

    Symbolic links are not followed: whoever may write into the folder must not make a worker read other
    files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def objects(self) -> Iterator[StoredObject]:
        """Yield all files but result files that have not settled, in order, folder by folder."""
        try:
            waiting = self._listed(self._folder)
        except OSError as error:
            message = f"The folder {self._folder} cannot be read ({error.strerror}): create it, or mount it."
            raise StoreError(message) from error
        while waiting:
            entry = waiting.pop()
            name = os.path.relpath(entry.path, self._folder)
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting.extend(self._listed(entry.path) if f"{name}/" != IMPORTED else ())
                elif entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    # Markers are written in one step, and count at once.
                    if _has_settled(status) or not is_result_name(name):
                        yield _object(name, status)
            except FileNotFoundError:
                continue  # it was taken away meanwhile
            except OSError as error:
                logger.warning("%s is left out: %s", entry.path, error.strerror)

    def find(self, name: str) -> StoredObject | None:
        """Return the file called ``name``, if there is one."""
        try:
            return _object(name, os.lstat(self._folder / name))
        except FileNotFoundError:
            return None

    def read(self, each: StoredObject, limit: int) -> bytes:
        """Return the content of a file that has not changed while it was read."""
        with _gone_where_missing(each):
            # A file that became a link or a pipe meanwhile is neither followed nor waited for.
            descriptor = os.open(self._folder / each.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            _require_version(each, os.fstat(descriptor))
            refuse_larger(limit, each.size)
            content = file.read(limit + 1)
            _require_version(each, os.fstat(descriptor))
        return content

    def write(self, name: str, content: bytes) -> None:
        """Store a file that appears under its name when it is complete."""
        path = self._folder / name
        partial = path.with_name(f".{path.name}")
        flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW
        with os.fdopen(os.open(partial, flags, 0o666), "wb") as file:
            file.write(content)
        partial.replace(path)

    def move(self, each: StoredObject, name: str) -> None:
        """Rename a file, and make the folders that its name needs."""
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with _gone_where_missing(each):
            _require_version(each, os.lstat(self._folder / each.name))
            (self._folder / each.name).replace(target)

    def remove(self, each: StoredObject) -> None:
        """Delete a file."""
        with _gone_where_missing(each):
            _require_version(each, os.lstat(self._folder / each.name))
            (self._folder / each.name).unlink()

    @staticmethod
    def _listed(folder: str | Path) -> list[os.DirEntry[str]]:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name, reverse=True)


def _has_settled(status: os.stat_result) -> bool:
    """Return whether a file is old enough; one from the future is, unless the clocks differ by a little."""
    return abs(time() - status.st_mtime) >= SETTLED_SECONDS


def _object(name: str, status: os.stat_result) -> StoredObject:
    return StoredObject(name, f"{status.st_size}-{status.st_mtime_ns}", status.st_size)


def _require_version(each: StoredObject, status: os.stat_result) -> None:
    if not S_ISREG(status.st_mode) or _object(each.name, status) != each:
        raise ObjectGoneError(each.name)


@contextmanager
def _gone_where_missing(each: StoredObject) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectGoneError(each.name) from error
