"""Show which packings of reports and archives are taken, and what is said about everything else."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.opening import open_archive, open_junit
from ibutsu_server.settings import ImportSettings
from tests.ingest.archives import OTHER_RESULT, RESULT, RUN, archive, gzipped, one_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from ibutsu_server.ingest.opening import OpenReader
    from ibutsu_server.ingest.records import ResultRecord, RunRecord

COMPRESSIONS: list[Callable[[bytes], bytes]] = [bytes, gzipped, bz2.compress, lzma.compress]
REPORT = b'<testsuite name="shop" time="1.5"><testcase classname="a.B" name="test_total"/></testsuite>'
LIMITS = ImportSettings.hermetic(max_unpacked_bytes=20_000_000)


def read(
    opener: OpenReader, content: bytes, filename: str = "upload", limits: ImportSettings = LIMITS
) -> tuple[RunRecord, list[ResultRecord]]:
    """Read an upload whole."""
    with opener(filename, io.BytesIO(content), limits) as reader:
        results = list(reader.results())
        reader.run.artifacts = list(reader.run.artifacts)
        return reader.run, results


def refusal_of(opener: OpenReader, content: bytes, **limits: Any) -> str:
    """Return the message with which an upload is refused."""
    with pytest.raises(ImportRejectedError) as refused:
        read(opener, content, limits=ImportSettings.hermetic(**limits) if limits else LIMITS)
    return str(refused.value)


def tar(files: dict[str, bytes]) -> bytes:
    """Pack files in a tar archive without compression."""
    return gzip.decompress(archive({**files}))


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Pack files in a zip archive, with a directory before them."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as packed:
        for path, content in {"reports/": b"", **files}.items():
            packed.writestr(zipfile.ZipInfo(path), content, method)
    return target.getvalue()


def tar_in(compress: Callable[[bytes], bytes]) -> Callable[[dict[str, bytes]], bytes]:
    """Return a function that packs files in a tar archive and compresses it."""
    return lambda files: compress(tar(files))


@pytest.mark.parametrize("compress", COMPRESSIONS)
def test_a_report_may_be_compressed(compress: Callable[[bytes], bytes]) -> None:
    """The id in its file name is still that of its run."""
    run, (result,) = read(open_junit, compress(REPORT), f"results-{RUN}.xml.gz")
    assert (run.id, run.duration, result.test_id) == (RUN, 1.5, "B.test_total")


@pytest.mark.parametrize("compress", COMPRESSIONS)
def test_an_archive_may_be_compressed_in_any_usual_way(compress: Callable[[bytes], bytes]) -> None:
    """With gzip, bzip2, xz or not at all."""
    run, (result,) = read(open_archive, compress(gzip.decompress(one_run())))
    assert (run.id, result.id) == (RUN, RESULT)


def test_streams_that_follow_each_other_are_one_file() -> None:
    """As they come from programs that compress in parallel, with zeros behind them as tapes leave them."""
    packed = gzip.decompress(one_run())
    for compress in (gzipped, bz2.compress, lzma.compress):
        parts = [packed[start : start + 1000] for start in range(0, len(packed), 1000)]
        run, _ = read(open_archive, b"".join(map(compress, parts)) + bytes(16))
        assert run.id == RUN


@pytest.mark.parametrize("opener", [open_junit, open_archive])
@pytest.mark.parametrize("pack", [tar, zipped, *map(tar_in, COMPRESSIONS[1:])])
def test_an_archive_of_reports_is_one_run(opener: OpenReader, pack: Callable[..., bytes]) -> None:
    """Its suites carry the path of their report, and every other file is an artifact of the run."""
    coverage = b'<?xml version="1.0"?><coverage/>'
    content = pack({"b.xml": REPORT, "a/TEST-a.XML": REPORT, "coverage.xml": coverage, "a/notes.txt": b"n"})
    run, results = read(opener, content, f"{RUN}.tar.gz")
    assert run.id == RUN
    assert [result.metadata["suites"] for result in results] == [["a/TEST-a.XML", "shop"], ["b.xml", "shop"]]
    assert {result.metadata["run"] for result in results} == {RUN}
    assert len({result.id for result in results}) == 2
    assert sorted(file.filename for file in run.artifacts) == ["a/notes.txt", "coverage.xml"]
    again = read(opener, content, f"{RUN}.tar.gz")[1]
    assert [result.id for result in again] == [result.id for result in results]


def report(attributes: str, inside: str = "") -> bytes:
    """Write a report whose root has attributes, and something before its one case."""
    return (
        f"<testsuites {attributes}><testsuite>{inside}<testcase name='a'/></testsuite></testsuites>".encode()
    )


def test_a_run_of_several_reports_keeps_what_each_says() -> None:
    """It begins with the first, takes as long as all together, and has in common what they agree on."""
    first = report('time="1" timestamp="2026-03-01T12:00:00" name="x" lane="1"')
    second = report('time="2" timestamp="2026-03-01T10:00:00" name="y" lane="1"')
    run, _ = read(open_junit, tar({"1.xml": first, "2.xml": second}))
    assert (str(run.start_time), run.duration) == ("2026-03-01 10:00:00", 3.0)
    assert run.metadata["lane"] == "1"
    assert run.metadata["files"] == {"1.xml": {"name": "x"}, "2.xml": {"name": "y"}}


def test_a_run_of_several_reports_has_the_columns_on_which_they_agree() -> None:
    """A report without a value does not disagree."""
    properties = "<testsuite><properties><property name='{}' value='{}'/></properties></testsuite>"
    reports = [("env", "qa"), ("env", "qa"), ("component", "a"), ("component", "b")]
    files = {
        f"{number}.xml": properties.format(*pair)
        .replace("</prop", "<property name='z' value='z'/></prop")
        .encode()
        for number, pair in enumerate(reports)
    }
    run, _ = read(open_junit, tar(files))
    assert (run.env, run.component, run.source) == ("qa", None, None)


def test_the_first_report_names_the_project() -> None:
    """It is known before the first result; the others are kept beside it, at the run and nowhere else."""
    named = "<testsuite><properties><property name='project' value='{}'/></properties>{}</testsuite>"
    case = "<testcase name='a'/>"
    files = {"1.xml": named.format("one", case).encode(), "2.xml": named.format("two", case).encode()}
    with open_junit("upload", io.BytesIO(tar(files)), LIMITS) as reader:
        results = reader.results()
        next(results)
        assert reader.run.metadata == {"project": "one"}
        list(results)
    assert reader.run.metadata["project"] == ["one", "two"]
    assert "two" not in str(reader.run.metadata["files"])


def test_the_output_of_a_suite_carries_the_path_of_its_report() -> None:
    """The artifacts of two reports stay apart, also from a file of the archive with such a path."""
    content = report("", "<system-out>said</system-out>")
    run, _ = read(open_junit, tar({"a.xml": content, "b.xml": content, "b.xml/system-out.log": b"other"}))
    names = sorted(file.filename for file in run.artifacts)
    assert names == ["a.xml/system-out.log", "b.xml//system-out.log", "b.xml/system-out.log"]


def test_a_report_in_an_archive_that_cannot_be_read_is_named() -> None:
    """The other reports are not imported either."""
    assert refusal_of(open_junit, tar({"a.xml": REPORT, "b.xml": b"<testsuite>"})).startswith("b.xml: ")
    assert refusal_of(open_junit, tar({"a.xml": REPORT, "b.xml": b"no XML"})).startswith("b.xml: ")


def test_limits_count_all_reports_of_an_archive() -> None:
    """Test cases and what is said about the run are counted together."""
    content = tar({"a.xml": REPORT, "b.xml": REPORT})
    assert "IBUTSU_IMPORT_MAX_CASES" in refusal_of(open_junit, content, max_cases=1)
    wordy = {f"{name}.xml": report(f'a="{"x" * 300}"') for name in "ab"}
    assert "upload fewer of them in one file" in refusal_of(open_junit, tar(wordy), max_artifact_bytes=500)
    many = zipped({f"{number}.xml": b"" for number in range(10_001)})
    assert refusal_of(open_junit, many) == (
        "The archive holds more than 10,000 XML files; upload fewer in one file."
    )


def test_paths_and_what_suites_say_are_limited_as_often_as_they_are_kept() -> None:
    """Here a path takes 5 bytes, a property 2, a name none, and the JSON around the last two 16."""
    content = report("", '<property name="p" value="v"/>')
    files = {"a.xml": content, "b.xml": content}
    most = LIMITS.model_copy(update={"max_copied_bytes": 46})
    assert len(read(open_junit, tar(files), limits=most)[1]) == 2
    message = refusal_of(open_junit, tar(files), max_copied_bytes=45)
    assert message.startswith("b.xml: The paths of reports and what suites say are kept with each case")
    assert message.endswith("or raise IBUTSU_IMPORT_MAX_COPIED_BYTES.")
    cases = {f"{'long' * 100}.xml": b"<testsuites>" + b"<testcase/>" * 10 + b"</testsuites>"}
    assert (
        len(read(open_junit, tar(cases), limits=LIMITS.model_copy(update={"max_copied_bytes": 4040}))[1])
        == 10
    )
    assert "IBUTSU_IMPORT_MAX_COPIED_BYTES" in refusal_of(open_junit, tar(cases), max_copied_bytes=4039)


def test_a_report_may_be_larger_than_an_artifact() -> None:
    """In an archive of pytest-ibutsu a file of that name may not."""
    large = REPORT + b"\n" * 300
    limits = ImportSettings.hermetic(max_artifact_bytes=300)
    assert len(read(open_junit, tar({"a.xml": large}), limits=limits)[1]) == 1
    content = archive({f"{RUN}/run.json": {}, f"{RUN}/a.xml": large})
    assert "IBUTSU_IMPORT_MAX_ARTIFACT_BYTES" in refusal_of(open_archive, content, max_artifact_bytes=300)


@pytest.mark.parametrize("opener", [open_junit, open_archive])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "The file is empty"),
        (gzipped(b""), "The file is empty"),
        (b"\x28\xb5\x2f\xfd0000", "The file is compressed with Zstandard"),
        (b"7z\xbc\xaf\x27\x1c0000", "The file is a 7-Zip archive"),
        (b"Rar!\x1a\x07\x0000", "The file is a RAR archive"),
        (b"%PDF-1.7", "The file is a PDF document"),
        (b' {"result": "passed"}', "The file is JSON"),
        (b"plain text", "The file is neither XML nor a tar or zip archive"),
        (bz2.compress(b"plain text"), "The file is neither XML nor a tar or zip archive"),
    ],
)
def test_what_cannot_be_imported_is_named_with_the_remedy(
    opener: OpenReader, content: bytes, what: str
) -> None:
    """The message says what the file is, and what to upload instead."""
    remedy = "upload JUnit XML, or an archive of pytest-ibutsu as .tar.gz."
    assert refusal_of(opener, content) == f"{what}; {remedy}"


@pytest.mark.parametrize("compress", COMPRESSIONS)
def test_a_report_that_was_sent_as_an_archive_says_so(compress: Callable[[bytes], bytes]) -> None:
    """The name of a file decides which importer gets it."""
    message = "The file is a report, not an archive; upload it with a name that ends in .xml."
    assert refusal_of(open_archive, compress(REPORT)) == message


def test_an_archive_that_was_sent_as_a_report_says_so() -> None:
    """One of reports would have been taken."""
    message = (
        "The file is an archive of pytest-ibutsu, not a JUnit report; "
        "upload it with a name that ends in .tar.gz."
    )
    assert refusal_of(open_junit, one_run()) == message
    assert refusal_of(open_junit, archive({f"{RUN}/{RESULT}/result.json": b"{"})) == message


@pytest.mark.parametrize(
    "files", [{}, {"notes.txt": b"n"}, {f"{RUN}/logs/run.json": b"{}"}, {f"{RUN}/a/result.json": b"{}"}]
)
def test_an_archive_without_reports_says_so(files: dict[str, bytes]) -> None:
    """Documents of pytest-ibutsu count only in their place."""
    message = "The archive holds neither a run of pytest-ibutsu nor a JUnit report whose name ends in .xml."
    assert refusal_of(open_junit, tar(files)) == message


def test_a_report_among_the_artifacts_of_a_run_is_an_artifact() -> None:
    """The archive is one of pytest-ibutsu."""
    run, results = read(open_archive, archive({f"{RUN}/run.json": {}, f"{RUN}/junit.xml": REPORT}))
    assert ([file.filename for file in run.artifacts], results) == (["junit.xml"], [])


def test_a_zip_archive_of_pytest_ibutsu_is_one_too() -> None:
    """Whoever packs by hand may pack so."""
    documents = {f"{RUN}/{OTHER_RESULT}/result.json": b'{"result": "passed"}'}
    run, (result,) = read(open_archive, zipped(documents))
    assert (run.id, result.id) == (RUN, OTHER_RESULT)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (zipped({"a.xml": REPORT})[:-10], "not a readable zip file: "),
        (zipped({"a.xml": REPORT}).replace(b"a.xml", b"b.xml", 1), "not a readable zip file: "),
        (zipped({"a.xml": REPORT}, zipfile.ZIP_BZIP2), "use plain deflate"),
        (zipped({"a.xml": REPORT}, zipfile.ZIP_LZMA), "use plain deflate"),
        (lzma.compress(tar({"a.xml": REPORT}))[:-20], "it ends before its last stream does"),
        (bz2.compress(tar({"a.xml": REPORT}))[:-5], "it ends before its last stream does"),
        (gzipped(REPORT)[:-5], "not a readable gzip file: "),
        (gzipped(REPORT) + b"junk", "not a readable gzip file: "),
        (bz2.compress(tar({"a.xml": REPORT})) + b"junk", "not a readable tar archive: "),
        (b"BZh9junk", "not a readable bzip2 file: "),
        (b"\xfd7zXZ\0junk", "not a readable xz file: "),
    ],
)
def test_a_damaged_packing_is_a_reject(content: bytes, fault: str) -> None:
    """The message names the packing."""
    assert fault in refusal_of(open_junit, content)


def test_an_encrypted_member_of_a_zip_archive_is_a_reject() -> None:
    """The flag stands in the directory at the end of the file."""
    packed = bytearray(zipped({"a.xml": REPORT}))
    packed[packed.rindex(b"PK\x01\x02") + 8] |= 1
    assert "is encrypted" in refusal_of(open_junit, bytes(packed))


def test_a_member_of_a_zip_archive_must_stay_in_it() -> None:
    """The same paths are refused as in a tar archive."""
    assert "which leads out of it" in refusal_of(open_junit, zipped({"../a.xml": REPORT}))


def test_xz_gets_no_more_memory_than_it_needs() -> None:
    """A header may ask for 4 GB."""
    content = lzma.compress(REPORT, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 200 * 1024**2}])
    assert "not a readable xz file: Memory usage limit exceeded" in refusal_of(open_junit, content)


@pytest.mark.parametrize("compress", COMPRESSIONS[1:])
@pytest.mark.parametrize("pack", [lambda content: content, lambda content: tar({"a.xml": content})])
def test_what_is_unpacked_is_limited(
    compress: Callable[[bytes], bytes], pack: Callable[[bytes], bytes]
) -> None:
    """A small file may unpack to a large one."""
    content = compress(pack(b"<a>" + b" " * 1_000_000))
    assert "IBUTSU_IMPORT_MAX_UNPACKED_BYTES" in refusal_of(open_junit, content, max_unpacked_bytes=900_000)


def test_what_a_zip_archive_unpacks_to_is_limited() -> None:
    """All members count together."""
    content = zipped({"a.xml": b" " * 600_000, "b.xml": b" " * 600_000})
    assert "IBUTSU_IMPORT_MAX_UNPACKED_BYTES" in refusal_of(open_junit, content, max_unpacked_bytes=900_000)
    assert "IBUTSU_IMPORT_MAX_MEMBERS" in refusal_of(open_junit, content, max_members=2)
    large = zipped({"a.log": b" " * 1000})
    assert "IBUTSU_IMPORT_MAX_ARTIFACT_BYTES" in refusal_of(open_junit, large, max_artifact_bytes=999)


def test_the_directory_of_a_zip_archive_is_limited() -> None:
    """It is read at once, before anything else."""
    packed = bytearray(zipped({"a.xml": REPORT}) + bytes(10_000_000))
    end = packed.rindex(b"PK\x05\x06")
    trailer = packed[end : end + 22]
    trailer[12:16] = (9_000_000).to_bytes(4, "little")
    assert "The directory of the zip file has more than" in refusal_of(open_junit, bytes(packed) + trailer)


@settings(deadline=None)
@given(st.data())
def test_any_damage_ends_in_records_or_a_reject(data: st.DataObject) -> None:
    """Bytes anywhere in a packed upload may be anything."""
    files = {"reports/a.xml": REPORT, "b.txt": b"b" * 100}
    packings = [zipped(files), *(compress(tar(files)) for compress in COMPRESSIONS)]
    content = bytearray(data.draw(st.sampled_from(packings)))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        junk = data.draw(st.binary(min_size=1, max_size=8))
        content[place : place + len(junk)] = junk
    try:
        _, results = read(open_junit, bytes(content))
    except ImportRejectedError:
        return
    assert len(results) == 1
