"""Find out what an uploaded file is, and open it: a report or an archive, in any usual packing."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from typing import IO, TYPE_CHECKING, Final, Literal

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.archive import ArchiveReader, holds_run
from ibutsu_server.ingest.compression import damage_rejects, decompressed
from ibutsu_server.ingest.junit import JunitReader
from ibutsu_server.ingest.junit_files import JunitFilesReader
from ibutsu_server.ingest.tar_files import HEADER_BYTES, is_tar
from ibutsu_server.ingest.unpacking import UnpackedFiles, is_xml
from ibutsu_server.ingest.values import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibutsu_server.settings import ImportSettings

Reader = JunitReader | JunitFilesReader | ArchiveReader
OpenReader = Callable[[str, IO[bytes], "ImportSettings"], AbstractContextManager[Reader]]
"""Takes the name of the file, its content and the limits."""

_ZIP_MAGICS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_OTHERS: Final = (
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"%PDF-", "a PDF document"),
    (b"{", "JSON"),
)
_UNKNOWN: Final = "neither XML nor a tar or zip archive"
_REMEDY: Final = "upload JUnit XML, or an archive of pytest-ibutsu as .tar.gz"
_BEFORE_TEXT: Final = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
"""Byte order marks, the other byte of an ASCII character in UTF-16, and blanks."""
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I | re.A)


@contextmanager
def open_junit(filename: str, content: IO[bytes], settings: ImportSettings) -> Iterator[Reader]:
    """Open a JUnit report, compressed or not, or several in an archive as one run.

    An id in the file name is the id of the run, so that the file can come again.

    Raises:
        ImportRejectedError: the file is something else, or it cannot be unpacked.
    """
    run_id = _run_id_of(filename)
    look = Look(content)
    if look.packing is None:
        look.refuse_others()
    if look.packing is None and look.compression is None:
        with JunitReader(content, run_id=run_id, settings=settings) as reader:
            yield reader
        return
    with UnpackedFiles(settings) as files:
        if look.packing is None:
            files.unpack_one(filename, content)
            with JunitReader(files.open(filename), run_id=run_id, settings=settings) as reader:
                yield reader
            return
        _unpack(look, content, files)
        if holds_run(files.extents):
            message = (
                "The file is an archive of pytest-ibutsu, not a JUnit report; "
                "upload it with a name that ends in .tar.gz."
            )
            raise ImportRejectedError(message)
        yield JunitFilesReader(files, run_id=run_id, settings=settings)


@contextmanager
def open_archive(filename: str, content: IO[bytes], settings: ImportSettings) -> Iterator[Reader]:
    """Open an archive of pytest-ibutsu, or one of JUnit reports as one run.

    Raises:
        ImportRejectedError: the file is something else, or it cannot be unpacked.
    """
    look = Look(content)
    if look.packing is None:
        look.refuse_others()
        message = "The file is a report, not an archive; upload it with a name that ends in .xml."
        raise ImportRejectedError(message)
    with UnpackedFiles(settings) as files:
        _unpack(look, content, files)
        if not holds_run(files.extents) and any(map(is_xml, files.extents)):
            yield JunitFilesReader(files, run_id=_run_id_of(filename), settings=settings)
        else:
            yield ArchiveReader(files, settings)


class Look:
    """What the first bytes of a file say about it."""

    def __init__(self, content: IO[bytes]) -> None:
        self.compression, unpacked = decompressed(content)
        with damage_rejects(f"{self.compression} file"):
            self._head = unpacked.read(HEADER_BYTES)

    @property
    def packing(self) -> Literal["tar", "zip"] | None:
        """Return how several files are packed in this one, if they are."""
        if self.compression is None and self._head.startswith(_ZIP_MAGICS):
            return "zip"
        return "tar" if is_tar(self._head) else None

    def refuse_others(self) -> None:
        """Refuse what is not XML by its first bytes.

        Raises:
            ImportRejectedError: it is empty, or something else; the message names what is known.
        """
        if not self._head:
            message = f"The file is empty; {_REMEDY}."
            raise ImportRejectedError(message)
        text = self._head.lstrip(_BEFORE_TEXT)
        if not text or text.startswith(b"<"):
            return
        known = next((what for magic, what in _OTHERS if text.startswith(magic)), _UNKNOWN)
        message = f"The file is {known}; {_REMEDY}."
        raise ImportRejectedError(message)


def _unpack(look: Look, content: IO[bytes], files: UnpackedFiles) -> None:
    if look.packing == "zip":
        files.unpack_zip(content)
    else:
        files.unpack_tar(content)


def _run_id_of(filename: str) -> str:
    named = _UUID.search(filename)
    return named[0].lower() if named else new_id()
