"""Show that uploads of existing clients end as they did, in rows that the API and the front end read."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.ingest.archives import archive

if TYPE_CHECKING:
    from tests.compatibility.fake_api_server import FakeApiServer

REPORT = b"""\
<testsuites>
  <testsuite name="checkout" timestamp="2026-05-01T12:00:00">
    <testcase classname="shop.test_cart.TestCart" name="test_total" time="1.5"/>
    <testcase classname="shop.test_cart.TestCart" name="test_empty" time="0.5"/>
  </testsuite>
</testsuites>
"""


def run_of(api: FakeApiServer, import_: dict[str, Any]) -> dict[str, Any]:
    """Return the one run of an import that is done."""
    assert import_["status"] == "done", import_["data"]
    (run,) = api.rows("runs", id=import_["data"]["run_id"][0])
    return run


def packed(run: dict[str, Any], *results: dict[str, Any]) -> bytes:
    """Pack an archive as pytest-ibutsu writes it."""
    documents = {f"{run['id']}/{result['id']}/result.json": result for result in results}
    return archive({f"{run['id']}/run.json": run, **documents})


def a_result(**fields: Any) -> dict[str, Any]:
    """Return what a result.json says at least."""
    return {"id": str(uuid4()), "test_id": "test_cart", "result": "passed", "duration": 2.5, **fields}


def test_the_form_fills_the_columns_of_run_and_results(api: FakeApiServer) -> None:
    """``source``, ``env`` and ``component`` of the form win, also where the file says nothing."""
    project = api.add_project()
    form = {"env": "prod", "component": "till", "build": "7"}
    run = run_of(
        api, api.upload("report.xml", REPORT, project_id=project["id"], source="nightly", metadata=form)
    )
    results = api.rows("results", run_id=run["id"])
    assert len(results) == 2
    for row in (run, *results):
        assert (row["source"], row["env"], row["component"]) == ("nightly", "prod", "till")
        assert row["project_id"] == project["id"]
        assert row["data"]["build"] == "7"


def test_the_form_wins_over_an_archive(api: FakeApiServer) -> None:
    """What run.json and result.json say of the three columns gives way; other metadata of a result stays."""
    project = api.add_project()
    run = {"id": str(uuid4()), "env": "stage", "component": "cart", "metadata": {"build": "1"}}
    result = a_result(env="stage", component="cart", source="archive", metadata={"build": "2"})
    form = {"env": "prod", "component": "till", "build": "7"}
    stored = run_of(
        api,
        api.upload(
            "run.tar.gz", packed(run, result), project_id=project["id"], source="nightly", metadata=form
        ),
    )
    (row,) = api.rows("results", run_id=run["id"])
    for each in (stored, row):
        assert (each["source"], each["env"], each["component"]) == ("nightly", "prod", "till")
    assert (stored["data"]["build"], row["data"]["build"]) == ("7", "2")


def test_an_archive_that_names_its_project_adds_a_run_there(api: FakeApiServer) -> None:
    """pytest-ibutsu writes ``metadata.project``; the form names none."""
    project = api.add_project()
    run = {"id": str(uuid4()), "metadata": {"project": project["name"]}}
    stored = run_of(api, api.upload("run.tar.gz", packed(run, a_result())))
    assert stored["project_id"] == project["id"]


def test_an_archive_of_another_project_is_imported_into_the_authorised_one(api: FakeApiServer) -> None:
    """The project that the API has authorised decides; the other name is kept."""
    other, authorised = api.add_project(), api.add_project()
    run = {"id": str(uuid4()), "metadata": {"project": other["name"]}}
    stored = run_of(api, api.upload("run.tar.gz", packed(run, a_result()), project_id=authorised["id"]))
    assert stored["project_id"] == authorised["id"]
    assert stored["data"]["original_project"] == other["name"]


def test_an_unknown_project_in_the_form_is_no_project(api: FakeApiServer) -> None:
    """The import is done, and its run has no project."""
    run = run_of(api, api.upload("report.xml", REPORT, metadata={"project": "nobody-made-this"}))
    assert run["project_id"] is None


def test_a_result_without_a_file_has_a_path_and_the_suite_as_source(api: FakeApiServer) -> None:
    """The front end's tree of a run is made of ``metadata.fspath``."""
    project = api.add_project()
    run = run_of(api, api.upload("report.xml", REPORT, project_id=project["id"]))
    for result in api.rows("results", run_id=run["id"]):
        assert result["data"]["fspath"] == "shop/test_cart"
        assert result["source"] == "checkout"


def test_the_times_of_a_run_come_from_its_archive(api: FakeApiServer) -> None:
    """``created`` and ``start_time`` are those of run.json; the duration is the sum over the results."""
    project = api.add_project()
    run = {
        "id": str(uuid4()),
        "created": "2026-05-01T12:00:00Z",
        "start_time": "2026-05-01T12:30:00Z",
        "duration": 999,
    }
    stored = run_of(
        api,
        api.upload("run.tar.gz", packed(run, a_result(), a_result(duration=1.0)), project_id=project["id"]),
    )
    assert stored["created"] == dt.datetime(2026, 5, 1, 12)  # noqa: DTZ001 - the columns have no zone
    assert stored["start_time"] == dt.datetime(2026, 5, 1, 12, 30)  # noqa: DTZ001 - the same
    assert stored["duration"] == pytest.approx(3.5)
    api.call("runs.update_run", run["id"])
    (updated,) = api.rows("runs", id=run["id"])
    assert updated["duration"] == pytest.approx(3.5)
    assert updated["summary"] == stored["summary"]


@pytest.mark.parametrize(
    ("word", "state"),
    [("warning", "passed"), ("ok", "passed"), ("success", "passed"), ("failure", "failed")],
)
def test_words_of_other_tools_for_a_state_are_read(api: FakeApiServer, word: str, state: str) -> None:
    """The word itself is kept in the metadata."""
    run = {"id": str(uuid4())}
    project = api.add_project()
    run_of(api, api.upload("run.tar.gz", packed(run, a_result(result=word)), project_id=project["id"]))
    (row,) = api.rows("results", run_id=run["id"])
    assert (row["result"], row["data"]["original_result"]) == (state, word)


def test_a_word_that_is_no_state_is_rejected_by_name(api: FakeApiServer) -> None:
    """Nothing of such an archive is stored."""
    run = {"id": str(uuid4())}
    import_ = api.upload("run.tar.gz", packed(run, a_result(result="splendid")))
    assert import_["status"] == "error"
    assert "splendid" in import_["data"]["error"]
    assert api.rows("runs", id=run["id"]) == []


def test_user_properties_are_kept_once(api: FakeApiServer) -> None:
    """They are lifted into the metadata."""
    run = {"id": str(uuid4())}
    project = api.add_project()
    result = a_result(metadata={"user_properties": {"browser": "firefox"}})
    run_of(api, api.upload("run.tar.gz", packed(run, result), project_id=project["id"]))
    (row,) = api.rows("results", run_id=run["id"])
    assert row["data"]["browser"] == "firefox"
    assert "user_properties" not in row["data"]
