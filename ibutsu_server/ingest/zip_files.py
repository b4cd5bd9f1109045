"""Read the files of a zip archive in order, without trusting anything that it says about itself."""

from __future__ import annotations

import struct
import zipfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.bounded_reads import SmallReads
from ibutsu_server.ingest.compression import damage_rejects

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_DIRECTORY_BYTES: Final = 8 * 1024**2
"""Bytes that the directory of a zip file may have: ``zipfile`` reads it at once and keeps it in memory."""
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Those that ``zipfile`` unpacks in pieces of a bounded size."""
_ENCRYPTED: Final = 1


def zip_files(file: IO[bytes]) -> Iterator[tuple[str, IO[bytes]] | None]:
    """Yield the path of each file and what to read it from, and None for each directory.

    To be used inside of :func:`zip_damage_rejects`.

    Raises:
        ImportRejectedError: a file is encrypted, or compressed in an unusual way.
    """
    fault = f"The directory of the zip file has more than {_MAX_DIRECTORY_BYTES:,} bytes; split the file."
    with zipfile.ZipFile(SmallReads(file, _MAX_DIRECTORY_BYTES, fault)) as archive:
        for member in archive.infolist():
            if member.is_dir():
                yield None
                continue
            if member.compress_type not in _METHODS or member.flag_bits & _ENCRYPTED:
                message = (
                    f"The member {member.filename[:100]!r} of the zip file is encrypted or compressed in an "
                    "unusual way; use plain deflate."
                )
                raise ImportRejectedError(message)
            with archive.open(member) as unpacked:
                yield member.filename, unpacked


@contextmanager
def zip_damage_rejects() -> Iterator[None]:
    """Reject the upload for whatever ``zipfile`` raises on a damaged file."""
    try:
        with damage_rejects("zip file"):
            yield
    except (zipfile.BadZipFile, struct.error, OverflowError, RuntimeError) as error:
        message = f"The file is not a readable zip file: {str(error).rstrip('.')}."
        raise ImportRejectedError(message) from error
