"""Show what the prunes delete and keep, and how users are seeded."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import DatabaseError

from ibutsu_server.db import Base, db
from ibutsu_server.db.forecast import forecast
from ibutsu_server.db.models import Artifact, ImportFile, Project, Result, Run, User
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


@pytest.mark.parametrize("months", ["three", "-3", -3, 3.5, True, None, "9" * 5000])
def test_a_retention_that_is_no_number_is_bad_input(app: Flask, months: Any) -> None:
    """The message names the argument, the value and what it must be."""
    with pytest.raises(InvalidInputError, match="months must be a whole number, or digits, not "):
        prune_old_files(months)


def test_old_import_files_go_and_the_sentence_counts_them(app: Flask) -> None:
    """Files of old imports are deleted; the imports themselves stay."""
    stored(make_import(age=8), make_import(age=9), make_import(age=6))
    assert prune_old_import_files() == "Deleted 2 import files older than 7 days."
    assert number_of(ImportFile) == 1
    assert prune_old_import_files(0) == "Deleted 0 import files: 0 days is below the floor of 1 day."


def test_clearing_the_content_of_an_import_is_idempotent(app: Flask) -> None:
    """The bytes go once; the second time there is none, which is no error."""
    import_id = stored(make_import(b"<testsuite/>"))
    assert clear_import_file_content(import_id) == f"Cleared the file content of import {import_id}."
    assert db.session.scalar(db.select(ImportFile.content)) is None
    assert clear_import_file_content(import_id) == f"There is no file content of import {import_id}."


def test_seeding_makes_what_is_missing_once(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """Projects, owners and users are made and counted in the log; a second time nothing is."""
    caplog.set_level("INFO")
    seeds = {
        "shop": {"owner": "ann@example.com", "users": ["Bob@example.com"]},
        "lab": {"users": ["bob@example.com"]},
    }
    for _ in range(2):
        assert seed_users(seeds) is None
    assert caplog.messages == [
        "Made 2 projects and 2 users, and added 2 memberships.",
        "Made 0 projects and 0 users, and added 0 memberships.",
    ]
    shop = db.session.scalars(db.select(Project).where(Project.name == "shop")).one()
    assert shop.owner is not None
    assert (shop.owner.email, [user.email for user in shop.users]) == ("ann@example.com", ["Bob@example.com"])
    assert number_of(User) == 2


def test_seeding_at_once_makes_nothing_twice(app: Flask, celery_app: Celery) -> None:
    """Workers that seed the same project make one project and one user."""
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
        ({"shop": {"owners": "a@b.c"}}, "'shop' must have a dictionary with no keys but owner and users"),
        ({"shop": {"users": "a@b.c"}}, "users of project 'shop' must be a list"),
        ({"shop": {"owner": "ann"}}, "'shop' names 'ann', which is no e-mail address"),
    ],
)
def test_seeds_of_another_shape_are_bad_input_and_make_nothing(app: Flask, seeds: Any, problem: str) -> None:
    """The message names the project and what is wrong; nothing is made."""
    with pytest.raises(InvalidInputError, match=problem):
        seed_users({"good": {}, **seeds} if isinstance(seeds, dict) else seeds)
    assert number_of(Project) == 0
