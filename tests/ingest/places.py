"""Provide the two kinds of places that a store can be, as a test sees them."""

from __future__ import annotations

import os
from time import time
from typing import TYPE_CHECKING, Any, Protocol

from ibutsu_server.settings.intake import StoreUrl

if TYPE_CHECKING:
    from pathlib import Path

    from tests.buckets import Bucket


class Place(Protocol):
    """Where a test puts objects, behind the back of the store."""

    url: StoreUrl
    settings: dict[str, Any]
    """Settings that reach it."""

    def put(self, name: str, content: bytes = b"<a/>") -> None:
        """Store an object."""

    def get(self, name: str) -> str:
        """Return the text of an object."""

    def delete(self, name: str) -> None:
        """Delete an object."""

    def names(self) -> list[str]:
        """Return the names of all objects, in order."""


class FolderPlace:
    """A folder whose files are old enough to be taken."""

    def __init__(self, folder: Path) -> None:
        self.url = StoreUrl.parse(folder.as_uri())
        self.settings: dict[str, Any] = {}
        self._folder = folder
        self._age = 100_000.0

    def put(self, name: str, content: bytes = b"<a/>") -> None:
        """Store a file that is a second younger than the last one."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self._age -= 1
        os.utime(path, (time() - self._age,) * 2)

    def get(self, name: str) -> str:
        """Return the text of a file."""
        return (self._folder / name).read_text()

    def delete(self, name: str) -> None:
        """Delete a file."""
        (self._folder / name).unlink()

    def names(self) -> list[str]:
        """Return the names of all files."""
        files = (path for path in self._folder.rglob("*") if path.is_file())
        return sorted(str(path.relative_to(self._folder)) for path in files)


class BucketPlace:
    """What is below a prefix of a bucket that has other objects too."""

    def __init__(self, bucket: Bucket) -> None:
        bucket.put("below-not/a.xml")
        self.url = StoreUrl.parse(f"{bucket.url}/below")
        self.settings = bucket.settings
        self._bucket = bucket

    def put(self, name: str, content: bytes = b"<a/>") -> None:
        """Store an object."""
        self._bucket.put(f"below/{name}", content)

    def get(self, name: str) -> str:
        """Return the text of an object."""
        return self._bucket.get(f"below/{name}")

    def delete(self, name: str) -> None:
        """Delete an object."""
        self._bucket.delete(f"below/{name}")

    def names(self) -> list[str]:
        """Return the names of all objects below the prefix."""
        return [key.removeprefix("below/") for key in self._bucket.names() if key.startswith("below/")]
