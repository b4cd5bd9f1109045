"""The places that result files are taken from: a bucket of S3, or a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from ibutsu_server.exceptions import IbutsuError, ImportRejectedError

if TYPE_CHECKING:
    from collections.abc import Iterator

IMPORTED: Final = "imported/"
"""What the names of objects begin with whose import is done; they are not listed."""


class StoreError(IbutsuError):
    """A store that refuses what it is asked for: it does not exist, or access is denied."""


class StoreOutageError(ConnectionError):
    """A store that does not answer now; it counts as an outage of the infrastructure."""


class ObjectGoneError(IbutsuError):
    """An object that was taken away or replaced after it was listed."""


class StoredObject(NamedTuple):
    """One version of an object."""

    name: str
    """Its name below the URL of the store, with slashes."""

    version: str
    """What changes when the object does."""

    size: int
    """Bytes."""


class Store(Protocol):
    """Objects with names.

    Every method raises ``StoreError``, ``StoreOutageError`` or ``OSError`` where the store cannot do it, and
    those that take an object ``ObjectGoneError`` where it is no longer there in that version.
    """

    def objects(self) -> Iterator[StoredObject]:
        """Yield all objects but those below ``imported/``.

        Where the name of one begins with that of another, it is listed later, and so does every name that is
        listed between them. The order of the alphabet has that property.
        """

    def find(self, name: str) -> StoredObject | None:
        """Return the object called ``name``, if there is one."""

    def read(self, each: StoredObject, limit: int) -> bytes:
        """Return the content of an object, of which no more than ``limit`` bytes and one are read.

        Raises:
            ImportRejectedError: it is larger.
        """

    def write(self, name: str, content: bytes) -> None:
        """Store a small object, in place of one that has the name."""

    def move(self, each: StoredObject, name: str) -> None:
        """Give an object another name. A move that was cut off before can be made again."""

    def remove(self, each: StoredObject) -> None:
        """Delete an object."""


def refuse_larger(limit: int, size: int) -> None:
    """Refuse an object of ``size`` bytes where that is more than ``limit``.

    Raises:
        ImportRejectedError: it is.
    """
    if size > limit:
        message = (
            f"The file has more than {limit:,} bytes, and is not read (IBUTSU_INTAKE_MAX_OBJECT_BYTES). "
            "Split it, or raise the limit."
        )
        raise ImportRejectedError(message)
