"""Show what is read from archives of pytest-ibutsu, and what is refused."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.opening import open_archive
from ibutsu_server.settings import ImportSettings
from tests.ingest.archives import OTHER_RESULT, RESULT, RUN, archive, one_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from ibutsu_server.ingest.records import ResultRecord, RunRecord

GENEROUS = ImportSettings.hermetic(max_unpacked_bytes=50_000_000)


def read(content: bytes, limits: ImportSettings = GENEROUS) -> tuple[RunRecord, list[ResultRecord]]:
    """Read an archive whole, with the artifacts of each record."""
    with open_archive("archive.tar.gz", io.BytesIO(content), limits) as reader:
        results = []
        for result in reader.results():
            result.artifacts = list(result.artifacts)
            results.append(result)
        reader.run.artifacts = list(reader.run.artifacts)
        return reader.run, results


def the_result(**result: Any) -> ResultRecord:
    """Read the one result of an archive."""
    _, (record,) = read(one_run(**result))
    return record


def test_members_are_placed_by_position() -> None:
    """Files beside a document belong to what it describes, with slashes and Unicode in their names."""
    run, results = read(
        archive(
            {
                f"./{RUN}/{RESULT}/pages/ü 1.html": b"<p>",
                f"./{RUN}/{RESULT}/my_result.json": b"{}",
                f"./{RUN}/{RESULT}/result.json": {"test_id": "t", "result": "passed"},
                f"./{RUN}/run.json": {"component": "cart"},
                f"./{RUN}/binary.bin": b"\x00\x01",
                f"./{RUN}/._run.json": b"of a Mac",
                f"./{RUN}/.DS_Store": b"of a Mac",
            }
        )
    )
    assert (run.id, run.component, [file.filename for file in run.artifacts]) == (RUN, "cart", ["binary.bin"])
    assert [file.filename for file in results[0].artifacts] == ["pages/ü 1.html", "my_result.json"]


def test_a_missing_run_is_made_from_its_results() -> None:
    """An archive without run.json has a run with the id of its directory."""
    run, results = read(archive({f"{RUN}/{RESULT}/result.json": {"result": "passed"}}))
    assert (run.id, run.metadata, len(results)) == (RUN, {}, 1)


def test_the_last_copy_of_a_member_wins() -> None:
    """A document that comes twice counts once, as it was packed last."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for state in (b'{"result": "failed"}', b'{"result": "passed"}'):
            member = tarfile.TarInfo(f"{RUN}/{RESULT}/result.json")
            member.size = len(state)
            tar.addfile(member, io.BytesIO(state))
    _, results = read(target.getvalue())
    assert [result.result for result in results] == ["passed"]


def test_what_has_no_column_goes_to_the_metadata() -> None:
    """Unknown keys are kept, and null metadata is empty."""
    assert the_result(colour="red").metadata == {"colour": "red", "run": RUN}
    assert the_result(metadata=None).metadata == {"run": RUN}


@pytest.mark.parametrize("write", [dict, lambda properties: [list(pair) for pair in properties.items()]])
def test_a_tests_own_properties_are_lifted_and_not_kept_twice(write: Callable[[Any], Any]) -> None:
    """Each becomes a key of the metadata, whether they come as an object or as a list of pairs."""
    properties = write({"ticket": 7, "run": "no", "owner": None})
    record = the_result(metadata={"user_properties": properties})
    assert record.metadata == {"ticket": 7, "run": RUN, "run_": "no", "owner": None}


def test_a_property_that_comes_twice_has_all_its_values() -> None:
    """What is not a pair stays where it was."""
    record = the_result(metadata={"user_properties": [["ticket", 7], ["ticket", 8], "lone", [1, 2]]})
    assert record.metadata == {"ticket": [7, 8], "user_properties": ["lone", [1, 2]], "run": RUN}
    assert the_result(metadata={"user_properties": "text"}).metadata["user_properties"] == "text"


def test_a_key_that_the_metadata_has_too_is_kept_beside_it() -> None:
    """Neither of two values of one name is lost, and the same value is not kept twice."""
    metadata = {"colour": "blue", "user_properties": {"ticket": 7, "shape": "round"}, "shape": "round"}
    record = the_result(metadata=metadata, colour="red", user_properties={"ticket": 8}, ticket=6)
    assert (record.metadata["colour"], record.metadata["colour_"]) == ("blue", "red")
    assert (record.metadata["ticket"], record.metadata["ticket_"]) == (6, 7)
    assert record.metadata["user_properties_"] == {"ticket": 8}
    assert "shape_" not in record.metadata


def test_more_values_of_one_name_than_anybody_writes_are_a_reject() -> None:
    """The time to find a free name for a value is bounded."""
    metadata = {"a" + "_" * number: number for number in range(10)}
    assert the_result(metadata=dict(list(metadata.items())[:9]), a="x").metadata["a_________"] == "x"
    with pytest.raises(ImportRejectedError, match="more than 10 different values called 'a'"):
        the_result(metadata=metadata, a="x")


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("warning", "passed"),
        ("ok", "passed"),
        ("success", "passed"),
        ("failure", "failed"),
        ("xfail", "xfailed"),
        ("xpass", "xpassed"),
        (" Passed", "passed"),
        ("XFAIL", "xfailed"),
    ],
)
def test_words_of_other_tools_for_a_state_are_read(word: str, state: str) -> None:
    """The word itself stays in the metadata."""
    record = the_result(result=word)
    assert (record.result, record.metadata["original_result"]) == (state, word)


@pytest.mark.parametrize("state", ["passed", "failed", "error", "skipped", "xfailed", "xpassed", "manual"])
def test_a_state_of_ours_is_not_kept_twice(state: str) -> None:
    """Only a word that was translated is kept beside the state."""
    record = the_result(result=state)
    assert (record.result, "original_result" in record.metadata) == (state, False)


def test_the_columns_of_a_result_come_from_its_document_then_its_own_properties() -> None:
    """A test's own property comes before the metadata that all tests of a run share."""
    shared = {"component": "web", "env": "stage", "source": "lab", "user_properties": {"component": "till"}}
    record = the_result(metadata=shared, env="prod")
    assert (record.component, record.env, record.source) == ("till", "prod", "lab")
    assert (record.metadata["component"], record.metadata["component_"]) == ("web", "till")


def test_a_run_has_the_times_of_its_document_but_no_duration_of_its_own() -> None:
    """When it was created is a column; a duration is kept, while the column is computed from the results."""
    run, _ = read(one_run({"created": "2026-03-01T09:00:00Z", "duration": 7.5, "metadata": {"env": "qa"}}))
    assert (str(run.created), str(run.start_time)) == ("2026-03-01 09:00:00", "2026-03-01 10:00:00")
    assert (run.duration, run.env, run.metadata) == (None, "qa", {"duration": 7.5, "env": "qa"})
    run, _ = read(one_run({"created": "once"}))
    assert (run.created, run.metadata) == (None, {"created": "once"})


def test_a_time_that_cannot_be_read_stays_in_the_metadata() -> None:
    """Words are no time, and are kept; nothing said is nothing kept."""
    record = the_result(start_time="yesterday", duration="long")
    assert (record.start_time, record.duration) == (None, None)
    assert (record.metadata["start_time"], record.metadata["duration"]) == ("yesterday", "long")
    assert the_result(start_time="", duration=None).metadata == {"run": RUN}
    spaces = "2026-03-01" + " " * 80_000 + "["
    assert the_result(start_time=spaces).metadata["start_time"] == spaces


def test_what_could_not_be_serialized_is_kept_as_far_as_it_is_known() -> None:
    """A document with an error in place of its content is marked in the metadata."""
    broken = {"error": "serialization_failed", "reason": "no JSON"}
    run, (result,) = read(archive({f"{RUN}/run.json": broken, f"{RUN}/{RESULT}/result.json": broken}))
    assert (run.metadata["error"], result.metadata["error"]) == ("serialization_failed",) * 2
    assert result.result == "error"


def test_parts_of_what_could_not_be_serialized_are_kept_as_they_are() -> None:
    """A text in place of metadata, or a state that is none, does not refuse a document that is broken."""
    broken = {"error": "serialization_failed", "metadata": "<object>", "params": "<object>", "result": "?"}
    run, (result,) = read(archive({f"{RUN}/run.json": broken, f"{RUN}/{RESULT}/result.json": broken}))
    assert (run.metadata["metadata"], result.metadata["metadata"]) == ("<object>", "<object>")
    assert (result.result, result.metadata["original_result"]) == ("error", "?")
    assert (result.params, result.metadata["params"]) == ({}, "<object>")
    known = {**broken, "metadata": {"a": 1}, "result": "failed"}
    _, (result,) = read(archive({f"{RUN}/{RESULT}/result.json": known}))
    assert (result.result, result.metadata["a"]) == ("failed", 1)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("shot.png", b"\x89PNG\r\n\x1a\n0000", "image/png"),
        ("noname", b"\x89PNG\r\n\x1a\n0000", "image/png"),
        ("out.log", b"said", "text/plain"),
        ("data.json", b"{}", "application/json"),
    ],
)
def test_a_file_has_the_type_of_its_name_and_content(name: str, content: bytes, expected: str) -> None:
    """Images, texts and JSON are told apart."""
    run, _ = read(archive({f"{RUN}/run.json": {}, f"{RUN}/{name}": content}))
    assert [file.content_type for file in run.artifacts] == [expected]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (archive({}), "no run"),
        (archive({"notes/run.json": {}}), "whose name is not the id of a run"),
        (archive({f"{RUN}/run.json": {}, f"{OTHER_RESULT}/run.json": {}}), "2 runs"),
        (archive({f"{RUN}/a.txt": b""}), "neither run.json nor any result.json"),
        (archive({f"{RUN}/run.json": b"[1]"}), "must hold a JSON object"),
        (archive({f"{RUN}/run.json": b"\xff{}"}), "not JSON in UTF-8"),
        (archive({f"{RUN}/run.json": b"[" * 5000}), "nest"),
        (archive({f"{RUN}/run.json": {"id": RESULT}}), "belongs to"),
        (one_run(result="great"), "has the result 'great'; it must be one of"),
        (one_run()[:100], "not a readable gzip file: Compressed file ended"),
        (b"<html>", "archive"),
    ],
)
def test_an_archive_that_can_never_be_read_is_refused(content: bytes, problem: str) -> None:
    """The message says what is wrong, in words for the person who packed it."""
    with pytest.raises(ImportRejectedError) as refused:
        read(content)
    assert problem in str(refused.value)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_devices_and_pipes_are_refused(kind: bytes) -> None:
    """Only plain files and directories are in an archive of results."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        member = tarfile.TarInfo(f"{RUN}/{RESULT}/trap")
        member.type, member.linkname = kind, "/etc/passwd"
        tar.addfile(member)
    with pytest.raises(ImportRejectedError, match="trap"):
        read(target.getvalue())


@pytest.mark.parametrize(
    ("limits", "variable"),
    [
        ({"max_unpacked_bytes": 5000}, "IBUTSU_IMPORT_MAX_UNPACKED_BYTES"),
        ({"max_members": 2}, "IBUTSU_IMPORT_MAX_MEMBERS"),
        ({"max_artifact_bytes": 5}, "IBUTSU_IMPORT_MAX_ARTIFACT_BYTES"),
    ],
)
def test_limits_are_counted_while_reading(limits: dict[str, Any], variable: str) -> None:
    """An archive over a limit is refused, and the message names the setting."""
    with pytest.raises(ImportRejectedError, match=variable):
        read(one_run(), ImportSettings.hermetic(**limits))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, len(one_run()) - 1))
def test_any_bytes_end_in_records_or_a_refusal(junk: bytes, position: int) -> None:
    """Junk, and an archive with junk in it, never end in another exception."""
    whole = one_run()
    for content in (junk, whole[:position] + junk, whole[:position] + junk + whole[position + len(junk) :]):
        try:
            _, results = read(content)
        except ImportRejectedError:
            continue
        assert len(results) <= 1
