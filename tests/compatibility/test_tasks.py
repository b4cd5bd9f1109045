"""Show that tasks which the API and beat send by name answer and act as they did."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from tests.compatibility.fake_api_server import FakeApiServer

START = dt.datetime(2026, 5, 1, 12, 30)  # noqa: DTZ001 - the columns have no zone


def add_run(api: FakeApiServer, **columns: Any) -> str:
    """Write a run, and return its id."""
    return api.add("runs", **{"start_time": START, "created": START, "summary": {}, "data": {}, **columns})


def add_result(api: FakeApiServer, run_id: str, **columns: Any) -> str:
    """Write a result, and return its id."""
    plain = {"result": "passed", "test_id": "test_cart", "start_time": START, "data": {}}
    return api.add("results", run_id=run_id, **{**plain, **columns})


def test_times_of_a_query_carry_their_zone(api: FakeApiServer) -> None:
    """Clients get ``...Z``, as from the API itself."""
    project = api.add_project()
    run_id = add_run(api, project_id=project["id"])
    answer = api.call("query.query_task", [f"project_id={project['id']}"], tablename="runs")
    (run,) = answer["runs"]
    assert run["id"] == run_id
    assert run["start_time"].startswith("2026-05-01T12:30:00")
    assert run["start_time"].endswith("Z")
    assert run["created"].endswith("Z")


def test_update_run_copies_what_all_results_agree_on(api: FakeApiServer) -> None:
    """``env`` is the same everywhere and is copied; ``component`` is not."""
    run_id = add_run(api)
    add_result(api, run_id, env="prod", component="till")
    add_result(api, run_id, env="prod", component="cart")
    api.call("runs.update_run", run_id)
    (run,) = api.rows("runs", id=run_id)
    assert (run["env"], run["component"]) == ("prod", None)
    assert run["summary"]["tests"] == 2


def test_seed_users_makes_what_is_missing(api: FakeApiServer) -> None:
    """An unknown project is skipped and its users are not made; a named owner replaces the old one."""
    project = api.add_project()
    stranger, first, second = (f"{uuid4()}@example.com" for _ in range(3))
    api.call("db.seed_users", {"nobody-made-this": {"users": [stranger]}, project["name"]: {"owner": first}})
    assert api.rows("users", email=stranger) == []
    api.call("db.seed_users", {project["name"]: {"owner": second}})
    (owner,) = api.rows("users", email=second)
    (changed,) = api.rows("projects", id=project["id"])
    assert changed["owner_id"] == owner["id"]
    assert api.call("db.seed_users", None) is None


def test_old_imports_go_with_their_files_once_they_have_ended(api: FakeApiServer) -> None:
    """A pending one stays, and negative days delete nothing."""
    old = dt.datetime.now(dt.UTC).replace(tzinfo=None) - dt.timedelta(days=30)
    plain = {"filename": "old.xml", "format": "", "data": {}, "created": old}
    ended = api.add("imports", status="done", **plain)
    pending = api.add("imports", status="pending", **plain)
    for import_id in (ended, pending):
        api.add("import_files", import_id=import_id, content=b"<testsuite/>")
    api.call("db.prune_old_import_files", -1)
    assert len(api.rows("imports", id=ended)) == 1
    api.call("db.prune_old_import_files", 7)
    assert (api.rows("imports", id=ended), api.rows("import_files", import_id=ended)) == ([], [])
    assert len(api.rows("import_files", import_id=pending)) == 1


def test_start_times_come_from_old_metadata(api: FakeApiServer) -> None:
    """``starttime`` of an older client fills the column, in seconds since 1970."""
    run_id = add_run(api)
    result_id = add_result(api, run_id, data={"starttime": 1777638600})
    api.call("results.add_result_start_time", run_id)
    (result,) = api.rows("results", id=result_id)
    assert result["start_time"] is not None
