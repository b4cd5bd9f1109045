"""Show what the prunes delete and keep, and how users are seeded."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy.exc import DatabaseError

from ibutsu_server.db import Base, db
from ibutsu_server.db.forecast import forecast
from ibutsu_server.db.models import Artifact, Import, ImportFile, Project, Result, Run, User
from ibutsu_server.db.retention import Cutoffs
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.tasks.db import (
    clear_import_file_content,
    prune_old_files,
    prune_old_import_files,
    prune_old_results,
    prune_old_runs,
    seed_users,
)
from tests.db.rows import make_file, make_import, make_result, make_run, stored, without_moment

if TYPE_CHECKING:
    from celery import Celery
    from flask import Flask

pytestmark = pytest.mark.usefixtures("celery_app")


def number_of(model: type[Base]) -> int:
    """Count the rows of a table."""
    return db.session.scalar(db.select(db.func.count()).select_from(model)) or 0


def counts() -> tuple[int, int, int]:
    """Count runs, results and artifacts."""
    return number_of(Run), number_of(Result), number_of(Artifact)


def test_old_files_go_and_their_owners_stay(app: Flask) -> None:
    """Files older than the retention are deleted, whatever they belong to."""
    run = make_run(100)
    result = make_result(run, age=100)
    stored(run, result, make_file(run, 91), make_file(result, 91), make_file(result, 89))
    prune_old_files(3)
    assert counts() == (1, 1, 1)


def test_old_results_go_with_their_files(app: Flask) -> None:
    """No foreign key stops the prune of results: their files go first."""
    run = make_run(200)
    old, young = make_result(run, age=181), make_result(run, age=179)
    stored(run, old, young, make_file(old, 181), make_file(young, 179), make_file(run, 181))
    prune_old_results(6)
    assert counts() == (1, 1, 2)


def test_old_runs_go_with_everything_that_hangs_on_them(app: Flask) -> None:
    """Runs go with their results, and with the files of both."""
    old, young = make_run(361), make_run(359)
    of_old, of_young = make_result(old, age=361), make_result(young, age=359)
    files = [make_file(owner, 361) for owner in (old, young, of_old, of_young)]
    stored(old, young, of_old, of_young, *files)
    prune_old_runs(12)
    assert counts() == (1, 1, 2)


def test_what_is_young_keeps_what_it_hangs_on(app: Flask) -> None:
    """An old run with a young result, and an old result with a young file, stay."""
    run, other = make_run(400), make_run(400)
    old = make_result(other, age=400)
    stored(run, make_result(run, age=1), other, old, make_file(old, 1))
    prune_old_runs(12)
    prune_old_results(6)
    assert counts() == (2, 2, 1)


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_rows_without_a_moment_go_with_what_they_hang_on(app: Flask) -> None:
    """Older databases have such rows: they keep no run alive, and are not deleted for themselves."""
    old, young = make_run(400), make_run(1)
    result, other = make_result(old), make_result(young)
    file = make_file(result)
    stored(old, young, result, other, file)
    without_moment(Result.start_time, result, other)
    without_moment(Artifact.upload_date, file)
    told = forecast(Cutoffs.of_plan(app.extensions["ibutsu_server"].beat))
    assert [(doomed.table, doomed.rows) for doomed in told] == [("artifacts", 1), ("results", 1), ("runs", 1)]
    assert {doomed.month for doomed in told[:2]} == {"unknown"}
    prune_old_files(3)
    prune_old_results(5)
    assert counts() == (2, 2, 1)
    prune_old_runs(12)
    assert counts() == (1, 1, 0)


def test_a_prune_says_in_the_log_what_went(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """The numbers by table, and the age."""
    caplog.set_level("INFO")
    run = make_run(400)
    stored(run, make_result(run, age=400), make_result(run, age=400))
    prune_old_runs(12)
    assert "Deleted 2 results, 1 runs older than 360 days" in caplog.messages


def test_an_error_of_the_database_is_an_error_of_the_prune(app: Flask) -> None:
    """It is raised, and so retried and seen."""
    db.session.execute(db.text("ALTER TABLE artifacts RENAME TO elsewhere"))
    db.session.commit()
    with pytest.raises(DatabaseError, match="artifacts"):
        prune_old_files(3)


@pytest.mark.parametrize(
    ("prune", "floor"), [(prune_old_files, 2), (prune_old_results, 4), (prune_old_runs, 10)]
)
def test_below_the_floor_nothing_is_deleted(
    app: Flask, prune: Any, floor: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A retention below the floor deletes nothing, and the log says so."""
    run = make_run(1000)
    result = make_result(run, age=1000)
    stored(run, result, make_file(result, 1000))
    prune(floor - 1)
    assert counts() == (1, 1, 1)
    assert f"{floor - 1} months is below the floor of {floor}" in caplog.text
    prune(str(floor))
    assert counts() != (1, 1, 1)


def test_a_retention_beyond_the_calendar_is_bad_input(app: Flask) -> None:
    """A number of months that no date lies behind is told as such, not tried again."""
    with pytest.raises(InvalidInputError, match="reach back further than the calendar does"):
        prune_old_files(10**9)


@pytest.mark.parametrize("months", ["three", 3.5, True, None, "9" * 5000, "--3", ""])
def test_a_retention_that_is_not_a_number_is_bad_input(app: Flask, months: Any) -> None:
    """The message names the argument, the value and what it must be."""
    with pytest.raises(InvalidInputError, match="months must be a whole number, or digits, not "):
        prune_old_files(months)


@pytest.mark.parametrize("months", [-3, "-3"])
def test_a_negative_retention_is_bad_input(app: Flask, months: Any) -> None:
    """It would mean rows of the future."""
    with pytest.raises(InvalidInputError, match="months must not be negative, and is -3"):
        prune_old_files(months)


def test_old_imports_go_with_their_files_and_the_sentence_counts_them(app: Flask) -> None:
    """An import that ended is deleted when it is old, whether its content is still stored or not."""
    stored(
        make_import(age=8, status="done"),
        make_import(None, age=9, status="error"),
        make_import(age=6, status="done"),
    )
    assert prune_old_import_files() == "Deleted 2 import files older than 7 days."
    assert (number_of(Import), number_of(ImportFile)) == (1, 1)


@pytest.mark.parametrize("status", ["pending", "running", "", None])
def test_an_import_that_has_not_ended_is_never_pruned(app: Flask, status: str | None) -> None:
    """However old it is, its file is still needed."""
    stored(make_import(age=800, status=status))
    assert prune_old_import_files("1") == "Deleted 0 import files older than 1 days."
    assert db.session.scalar(db.select(ImportFile.content)) == b"<testsuite/>"


@pytest.mark.parametrize("days", [0, -1, "-1", -(10**8)])
def test_below_the_floor_no_import_is_deleted(app: Flask, days: int | str) -> None:
    """Neither today's imports go nor, for a negative number, those of the future."""
    stored(make_import(age=8, status="done"), make_import(age=-8, status="done"))
    assert prune_old_import_files(days) == f"Deleted 0 import files: {days} days is below the floor of 1 day."
    assert number_of(Import) == 2


def test_clearing_the_content_of_an_import_is_idempotent(app: Flask) -> None:
    """The bytes go once; the second time there are none, which is not an error."""
    import_id = stored(make_import(b"<testsuite/>", status="done"))
    assert clear_import_file_content(import_id) == f"Cleared the file content of import {import_id}."
    assert db.session.scalar(db.select(ImportFile.content)) is None
    assert clear_import_file_content(import_id) == f"There is no file content of import {import_id}."


def test_an_import_that_is_gone_has_no_content_to_clear(app: Flask) -> None:
    """It may have been pruned."""
    gone = str(uuid4())
    assert clear_import_file_content(gone) == f"There is no file content of import {gone}."


@pytest.mark.parametrize("status", ["pending", "running", ""])
def test_clearing_an_import_that_has_not_ended_is_refused(app: Flask, status: str) -> None:
    """Its content stays, and the message says when it can be cleared."""
    import_id = stored(make_import(status=status))
    with pytest.raises(
        InvalidInputError, match=f"import {import_id} has not ended .* the status is done or error"
    ):
        clear_import_file_content(import_id)
    assert db.session.scalar(db.select(ImportFile.content)) == b"<testsuite/>"


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_clearing_an_import_that_a_worker_has_locked_is_refused(app: Flask) -> None:
    """Whoever tries an import again locks it first; the clear does not wait for that."""
    import_id = stored(make_import(status="error"))
    with db.engine.connect() as worker:
        worker.execute(db.select(Import.id).with_for_update(key_share=True))
        with pytest.raises(InvalidInputError, match="has not ended"):
            clear_import_file_content(import_id)


def the_project(name: str) -> tuple[str | None, list[str]]:
    """Return the e-mail addresses of the owner and the users of a project."""
    project = db.session.scalars(db.select(Project).where(Project.name == name)).one()
    return project.owner and project.owner.email, sorted(user.email for user in project.users)


def test_seeding_makes_what_is_missing_once(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """Users are made, become owners and members, and are counted in the log; a second time nothing is."""
    caplog.set_level("INFO")
    stored(Project(name="shop"), Project(name="lab"))
    seeds = {
        "shop": {"owner": "ann@example.com", "users": ["Bob@example.com", " bob@example.com "]},
        "lab": {"users": ["bob@example.com"]},
    }
    for _ in range(2):
        assert seed_users(seeds) is None
    assert caplog.messages == [
        "Made 2 users, added 2 memberships and changed the owners of 1 projects.",
        "Made 0 users, added 0 memberships and changed the owners of 0 projects.",
    ]
    assert the_project("shop") == ("ann@example.com", ["Bob@example.com"])
    assert the_project("lab") == (None, ["Bob@example.com"])
    assert number_of(User) == 2


def test_a_named_owner_replaces_the_old_one(app: Flask) -> None:
    """A project that names none keeps its owner."""
    stored(Project(name="shop", owner=User(email="ann@example.com")))
    seed_users({"shop": {"users": []}})
    assert the_project("shop") == ("ann@example.com", [])
    seed_users({"shop": {"owner": "bob@example.com"}})
    assert the_project("shop") == ("bob@example.com", [])


def test_an_unknown_project_is_skipped_and_its_users_are_not_made(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning names it; the other projects get their users."""
    stored(Project(name="shop"), Project(name="twin"), Project(name="twin"))
    seed_users(
        {
            "nope": {"owner": "ann@example.com", "users": ["ann@example.com"]},
            "twin": {"owner": "ann@example.com"},
            "shop": {"owner": "bob@example.com"},
        }
    )
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "The project 'nope' does not exist: no users are made for it",
        "The project 'twin' is not the only one of that name: no users are made for it",
    ]
    assert db.session.scalars(db.select(User.email)).all() == ["bob@example.com"]
    assert number_of(Project) == 3


@pytest.mark.parametrize(
    "nothing", [None, {}, {"shop": None}, {"shop": {}}, {"shop": {"owner": None, "users": None}}]
)
def test_none_is_nothing_to_do(app: Flask, nothing: Any) -> None:
    """In each place it leaves all as it is."""
    stored(Project(name="shop", owner=User(email="ann@example.com")))
    seed_users(nothing)
    assert the_project("shop") == ("ann@example.com", [])


def test_seeding_at_once_makes_nothing_twice(app: Flask, celery_app: Celery) -> None:
    """Workers that seed the same project make one user."""
    stored(Project(name="shop"))
    together = Barrier(4)

    def work() -> None:
        together.wait()
        celery_app.tasks[seed_users.name]({"shop": {"owner": "ann@example.com"}})

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (number_of(Project), number_of(User)) == (1, 1)


@pytest.mark.parametrize(
    ("seeds", "problem"),
    [
        (["shop"], "projects must be a dictionary"),
        ("shop", "projects must be a dictionary"),
        ({"shop": {"owners": "a@b.c"}}, "'shop' must have a dictionary with no keys but owner and users"),
        ({"shop": ["a@b.c"]}, "'shop' must have a dictionary with no keys but owner and users"),
        ({"shop": {"users": "a@b.c"}}, "users of project 'shop' must be a list"),
        ({"shop": {"owner": "ann"}}, "'shop' names 'ann', which is not an e-mail address"),
        ({"shop": {"owner": ""}}, "'shop' names '', which is not an e-mail address"),
        ({"shop": {"owner": "@"}}, "'shop' names '@', which is not an e-mail address"),
        ({"shop": {"owner": "ann@"}}, "which is not an e-mail address"),
        ({"shop": {"owner": "a@b@c"}}, "which is not an e-mail address"),
        ({"shop": {"owner": "a b@c"}}, "which is not an e-mail address"),
        ({"shop": {"owner": "a\0@c"}}, "names 'a\\\\x00@c', which is not an e-mail address"),
        ({"shop": {"owner": "a\ud800@c"}}, "which is not an e-mail address"),
        ({"shop": {"users": ["a" * 253 + "@c"]}}, "which is not an e-mail address"),
        ({"shop": {"users": [7]}}, "'shop' names 7, which is not an e-mail address"),
        ({1: {}}, "A project is named by text without NUL, not by 1"),
        ({"a\0b": {}}, "A project is named by text without NUL, not by 'a"),
        ({"\ud800": {}}, "A project is named by text without NUL"),
    ],
)
def test_seeds_of_another_shape_are_bad_input_and_make_nothing(app: Flask, seeds: Any, problem: str) -> None:
    """The message names the project and what is wrong; nothing is made."""
    stored(Project(name="good"))
    good = {"good": {"owner": "ann@example.com"}}
    with pytest.raises(InvalidInputError, match=problem):
        seed_users({**good, **seeds} if isinstance(seeds, dict) else seeds)
    assert number_of(User) == 0
