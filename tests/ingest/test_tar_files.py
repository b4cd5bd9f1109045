"""Show how the members of a tar archive are read, and that damage never ends in another exception."""

from __future__ import annotations

import io
import tarfile
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.tar_files import TarFiles, is_tar

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMATS: list[Literal[0, 1, 2]] = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]

_PARTS = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=80)
_PATHS = st.lists(_PARTS, min_size=1, max_size=4).map("/".join)


def pack(files: dict[str, bytes], format_: Literal[0, 1, 2] = tarfile.PAX_FORMAT) -> bytes:
    """Pack files with the standard library."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=format_) as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return target.getvalue()


def read(content: bytes) -> list[tuple[str, bytes] | None]:
    """Read all members with their content."""
    members = TarFiles(io.BytesIO(content))
    return [member and (member[0], b"".join(members.blocks())) for member in members]


def member_of(kind: bytes, path: str = "a", size: int = 0) -> tarfile.TarInfo:
    """Make the header of a member."""
    member = tarfile.TarInfo(path)
    member.type, member.size = kind, size
    return member


@given(st.sampled_from(FORMATS), st.dictionaries(_PATHS, st.binary(max_size=1500), max_size=4))
@example(tarfile.GNU_FORMAT, {"d/" + "long" * 300: b"content"})
@example(tarfile.PAX_FORMAT, {"d/" + "länge" * 300: b"content"})
@example(tarfile.USTAR_FORMAT, {"prefix" * 20 + "/" + "name" * 20: b"content"})
def test_what_the_standard_library_packs_is_read_as_it_was(
    format_: Literal[0, 1, 2], files: dict[str, bytes]
) -> None:
    """Paths of any length, in UTF-8, and contents of any size come back in order."""
    try:
        packed = pack(files, format_)
    except ValueError:  # the format cannot hold a name of this length
        return
    files = {path: content for path, content in files.items() if not path.endswith("/")}
    assert read(packed) == list(files.items())
    assert is_tar(packed[:512])


def test_directories_are_members_without_a_path() -> None:
    """Those of today, and those of old archives, which are files whose path ends in a slash."""
    headers = [member_of(tarfile.DIRTYPE), member_of(tarfile.AREGTYPE, "old/"), member_of(tarfile.REGTYPE)]
    assert read(b"".join(header.tobuf() for header in headers)) == [None, None, ("a", b"")]


def test_a_file_that_is_not_copied_is_skipped() -> None:
    """The next one is found behind it."""
    packed = pack({"a": b"a" * 700, "b": b"b"})
    assert [member and member[0] for member in TarFiles(io.BytesIO(packed))] == ["a", "b"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, b"Z"])
@pytest.mark.parametrize("path", ["trap", "trap/"])
def test_links_devices_and_pipes_are_refused(kind: bytes, path: str) -> None:
    """Only plain files and directories are in an archive of results."""
    with pytest.raises(ImportRejectedError, match=r"member 'trap/?' is not a plain file"):
        read(member_of(kind, path).tobuf(tarfile.USTAR_FORMAT))


def test_sparse_files_are_refused() -> None:
    """A few bytes would stand for as many as they like, whichever way they are written."""
    with pytest.raises(ImportRejectedError, match="is not a plain file"):
        read(member_of(tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT))
    header = member_of(tarfile.REGTYPE)
    header.pax_headers = {"GNU.sparse.major": "1"}
    with pytest.raises(ImportRejectedError, match="holds a sparse file"):
        read(header.tobuf(tarfile.PAX_FORMAT))


def test_a_size_may_be_written_in_base_256() -> None:
    """GNU tar writes it so for files of 8 GB and more."""
    header = bytearray(member_of(tarfile.REGTYPE, size=3).tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = b"\x80" + (3).to_bytes(11, "big")
    assert read(with_checksum(header) + b"abc" + bytes(509)) == [("a", b"abc")]


def test_a_checksum_may_count_bytes_as_signed() -> None:
    """Some old programs did."""
    header = bytearray(member_of(tarfile.REGTYPE, "ü").tobuf(tarfile.USTAR_FORMAT))
    assert read(with_checksum(header, signed=True)) == [("ü", b"")]


def with_checksum(header: bytearray, *, signed: bool = False) -> bytes:
    """Compute the checksum of a header anew."""
    header[148:156] = b" " * 8
    total = sum(byte - 256 if signed and byte > 127 else byte for byte in header)
    header[148:156] = b"%06o\0 " % total
    return bytes(header)


def damaged() -> Iterator[tuple[bytes, str]]:
    """Yield archives that are damaged, each with its fault."""
    header = member_of(tarfile.REGTYPE, size=700).tobuf(tarfile.USTAR_FORMAT)
    yield header[:100], "it ends in the middle of a header"
    yield header + bytes(600), "it ends in the middle of a file"
    yield header + bytes(701), "it ends in the middle of a member"
    yield b"b" + header[1:], "the checksum of a header is wrong"
    yield with_checksum(bytearray(header[:124] + b"eleven bytes" + header[136:])), "a number that is none"
    yield with_checksum(bytearray(header[:124] + b"99999999999\0" + header[136:])), "a number that is none"
    yield member_of(tarfile.XHDTYPE).tobuf(tarfile.USTAR_FORMAT) * 9, "a member has more than 8 headers"
    large = member_of(tarfile.GNUTYPE_LONGNAME, size=200_000).tobuf(tarfile.USTAR_FORMAT)
    yield large, "a header of more than 131,072 bytes"
    for record in (
        b"0 path=a\n",
        b"99 path=a\n",
        b"7 path\n",
        b"x path=a\n",
        b"12345678 path=a\n",
    ):
        extension = member_of(tarfile.XHDTYPE, size=len(record)).tobuf(tarfile.USTAR_FORMAT)
        fault = "number that is none" if record[:1] == b"x" else "an extended header is malformed"
        yield extension + record.ljust(512, b"\0"), fault


@pytest.mark.parametrize(("content", "fault"), [*damaged()])
def test_damage_is_a_reject_that_says_where(content: bytes, fault: str) -> None:
    """The message names the fault."""
    with pytest.raises(ImportRejectedError) as refused:
        read(content)
    assert fault in str(refused.value)


@given(st.data())
def test_any_damage_ends_in_members_or_a_reject(data: st.DataObject) -> None:
    """Bytes anywhere in an archive may be anything."""
    packed = bytearray(pack({"d/" + "long" * 40: b"content", "b": b"other"}))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(packed) - 20))
        packed[place : place + 20] = data.draw(st.binary(min_size=20, max_size=20))
    with suppress(ImportRejectedError):
        read(bytes(packed))


@pytest.mark.parametrize("head", [b"", b"\0" * 100, b"<testsuite/>", b"x" * 512])
def test_other_files_are_not_archives(head: bytes) -> None:
    """A header has a checksum."""
    assert not is_tar(head)


def test_an_archive_without_members_is_one() -> None:
    """It consists of zeros."""
    assert is_tar(pack({})[:512])
    assert read(pack({})) == []
