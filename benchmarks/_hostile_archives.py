"""Write archives that mean harm, each of any size."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

MEGABYTE = 1024**2
RUN = "11111111-1111-4111-8111-111111111111"
RESULT = "22222222-2222-4222-8222-222222222222"
DOCUMENT = f"{RUN}/{RESULT}/result.json"


def pack(path: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Pack files by their paths, quickly."""
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def pack_result(path: Path, document: dict[str, Any]) -> None:
    """Pack a run with one result."""
    pack(path, [(DOCUMENT, json.dumps({"result": "passed", **document}).encode())])


def write_bomb(path: Path, gigabytes: int) -> None:
    """Write an archive with a file of gigabytes: one compressed block of zeros, again and again."""
    blocks, size = 16 * gigabytes, 64 * MEGABYTE
    member = tarfile.TarInfo(f"{RUN}/zeros.log")
    member.size = blocks * size
    with path.open("wb") as file:
        file.write(gzip.compress(member.tobuf(tarfile.GNU_FORMAT)))
        block = gzip.compress(bytes(size))
        for _ in range(blocks):
            file.write(block)


def write_members(path: Path, number: int) -> None:
    """Write an archive with so many members: results, and a file of each."""

    def files() -> Iterable[tuple[str, bytes]]:
        for result in range(number // 2):
            directory = f"{RUN}/{result:08x}-1111-4111-8111-111111111111"
            document = {"test_id": f"test_{result}", "result": "passed", "duration": 0.1}
            yield f"{directory}/result.json", json.dumps(document).encode()
            yield f"{directory}/out.log", b"said"

    pack(path, files())


def write_long_names(path: Path, number: int) -> None:
    """Write an archive with so many empty files, each with a name of 3,940 characters."""
    pack(path, ((f"{RUN}/{index:08}{'x' * 3895}", b"") for index in range(number)))


def write_reports(path: Path, number: int) -> None:
    """Write an archive with so many reports of one case each."""
    report = b'<testsuite name="s"><testcase classname="a.B" name="test"/></testsuite>'
    pack(path, ((f"reports/TEST-{index}.xml", report) for index in range(number)))


def write_spaces_in_time(path: Path, number: int) -> None:
    """Write a result whose start is a date, so many spaces, and a bracket."""
    pack_result(path, {"start_time": "2024-01-01" + " " * number + "["})


def write_taken_names(path: Path, number: int) -> None:
    """Write a result in which each of so many names is taken in the metadata, with underscores too."""
    names = ["a" + "_" * index for index in range(number)]
    pack_result(path, {"metadata": dict.fromkeys(names, 1), **dict.fromkeys(names, 2)})


def write_values(path: Path, number: int) -> None:
    """Write so many results, each with as many values in its metadata as a document may have.

    The character that the database refuses makes all of them be looked at.
    """
    document = json.dumps({"result": "passed", "metadata": {"a\0": [[1]] * 90_000}}).encode()
    directories = (f"{RUN}/{index:08x}-1111-4111-8111-111111111111" for index in range(number))
    pack(path, ((f"{directory}/result.json", document) for directory in directories))


def write_headers(path: Path, number: int) -> None:
    """Write an archive with so many headers that say nothing, eight before each member."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        for index in range(number // 8):
            header = tarfile.TarInfo("pax")
            header.type = tarfile.XHDTYPE
            file.write(header.tobuf(tarfile.USTAR_FORMAT) * 8)
            file.write(tarfile.TarInfo(f"{RUN}/{index}").tobuf(tarfile.USTAR_FORMAT))


def write_streams(compress: Callable[[bytes], bytes]) -> Callable[[Path, int], None]:
    """Return a writer of megabytes of compressed streams, each of them empty."""

    def write(path: Path, megabytes: int) -> None:
        empty = compress(b"")
        path.write_bytes(compress(bytes(512)) + empty * (megabytes * MEGABYTE // len(empty)))

    return write


def write_zip(path: Path, number: int) -> None:
    """Write a zip archive with so many empty files."""
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(number):
            archive.writestr(f"{index}.txt", b"")
        archive.writestr("a.xml", b"<testsuite/>")


ARCHIVES: dict[str, tuple[Callable[[Path, int], None], int]] = {
    "GB of zeros": (write_bomb, 5),
    "members": (write_members, 100_000),
    "names of 3,940 characters": (write_long_names, 15_000),
    "reports in an archive": (write_reports, 5_000),
    "spaces in the time of a result": (write_spaces_in_time, 40_000),
    "names that are taken": (write_taken_names, 2_000),
    "results of 180,000 values": (write_values, 10),
    "headers that say nothing": (write_headers, 500_000),
    "MB of empty streams of gzip": (write_streams(gzip.compress), 5),
    "MB of empty streams of bzip2": (write_streams(bz2.compress), 5),
    "MB of empty streams of xz": (write_streams(lzma.compress), 5),
    "members of a zip file": (write_zip, 75_000),
}
"""Writers of archives, each with a size: it is measured at that and at twice that."""
