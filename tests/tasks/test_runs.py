"""Show how the summaries of runs keep step with their results."""

from __future__ import annotations

import datetime as dt
import json
from threading import Barrier, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from kombu.exceptions import SerializerNotInstalled
from sqlalchemy import event

from ibutsu_server.app import create_app
from ibutsu_server.celery_utils import create_flask_celery_app
from ibutsu_server.constants import LOCK_EXPIRE
from ibutsu_server.db import db
from ibutsu_server.db.models import Project, Result, Run
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.settings import FlaskCelerySettings
from ibutsu_server.tasks.db import prune_old_results
from ibutsu_server.tasks.results import add_result_start_time
from ibutsu_server.tasks.runs import sync_aborted_runs, update_run
from ibutsu_server.util.redis_lock import get_redis_client, lock
from tests.db.rows import make_result, make_run, stored, without_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from celery import Celery
    from flask import Flask

HOUR = 1 / 24


pytestmark = pytest.mark.usefixtures("celery_app")


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    """Collect the statements that are sent to the database."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield sent
    event.remove(db.engine, "before_cursor_execute", note)


def the_run(run_id: str) -> Run:
    """Read a run as the database has it now."""
    db.session.rollback()
    return db.session.get_one(Run, run_id, populate_existing=True)


def summary_of(run_id: str) -> dict[str, int]:
    """Read the summary of a run."""
    return the_run(run_id).summary or {}


def queued(app: Flask) -> int:
    """Give the number of messages that wait for a worker."""
    return int(get_redis_client(app).llen("celery"))


def until(is_so: Callable[[], bool]) -> None:
    """Wait for an event that nobody announces."""
    deadline = monotonic() + 30
    while not is_so():
        assert monotonic() < deadline, "it did not happen in 30 seconds"


def is_somebody_blocked() -> bool:
    """Tell whether a connection of this database waits for a row that another one has locked."""
    activity = db.table("pg_stat_activity", db.column("wait_event_type"), db.column("datname"))
    blocked = db.select(db.func.count()).where(
        activity.c.wait_event_type == "Lock", activity.c.datname == db.func.current_database()
    )
    with db.engine.connect() as connection:
        return bool(connection.scalar(blocked))


def test_update_run_counts_every_state(app: Flask) -> None:
    """The summary counts the results by state; the duration is the sum of theirs."""
    run = make_run()
    states = ["passed", "passed", "failed", "error", "skipped", "xfailed", "xpassed", "manual"]
    run_id = stored(run, *(make_result(run, state, duration=0.5) for state in states))
    update_run(run_id)
    assert summary_of(run_id) == {
        "errors": 1,
        "failures": 1,
        "skips": 1,
        "xfailures": 1,
        "xpasses": 1,
        "tests": 8,
        "collected": 8,
        "passes": 3,
        "not_run": 0,
        "pass_percent": 37,
    }
    assert the_run(run_id).duration == 4.0


def test_update_run_keeps_what_was_collected(app: Flask) -> None:
    """Tests that were found but did not run count as not run."""
    run = make_run(summary={"collected": 10})
    run_id = stored(run, make_result(run))
    update_run(run_id)
    summary = summary_of(run_id)
    assert (summary["tests"], summary["collected"], summary["not_run"]) == (1, 10, 9)


def test_what_was_collected_is_never_less_than_what_ran(app: Flask) -> None:
    """A run that said nothing of it has collected each result that arrived so far."""
    run = make_run()
    run_id = stored(run, make_result(run))
    update_run(run_id)
    stored(make_result(run_id))
    update_run(run_id)
    summary = summary_of(run_id)
    assert (summary["tests"], summary["collected"], summary["not_run"]) == (2, 2, 0)


def test_update_run_fills_what_the_run_lacks(app: Flask) -> None:
    """Project, jenkins and tags come from the first result by start time."""
    project_id = stored(Project(name="shop", title="shop"))
    run = make_run(data={"tags": ["own"]})
    known = {"jenkins": {"job_name": "nightly"}, "tags": ["first"], "other": 1}
    first = make_result(run, age=2, data=known)
    first.project_id = project_id
    later = make_result(run, age=1, data={"jenkins": {}})
    run_id = stored(run, later, first)
    update_run(run_id)
    filled = the_run(run_id)
    assert filled.project_id == project_id
    assert filled.data == {"tags": ["own"], "jenkins": {"job_name": "nightly"}}


@pytest.mark.parametrize("column", ["env", "component", "source"])
@pytest.mark.parametrize(
    ("own", "of_results", "filled"),
    [
        (None, ["stage", "stage"], "stage"),
        (None, [None, "stage", "", "stage"], "stage"),
        ("", ["stage"], "stage"),
        (None, ["stage", "Stage"], None),
        (None, ["stage", "production", "stage"], None),
        (None, [None, ""], None),
        ("own", ["stage", "stage"], "own"),
    ],
)
def test_update_run_fills_a_column_on_which_the_results_agree(
    app: Flask, column: str, own: str | None, of_results: list[str | None], filled: str | None
) -> None:
    """All results that have a value have the same one, and the run has none."""
    columns: list[dict[str, Any]] = [{column: value} for value in of_results]
    run = make_run()
    setattr(run, column, own)
    run_id = stored(run, *(make_result(run, **each) for each in columns))
    update_run(run_id)
    assert getattr(the_run(run_id), column) == filled


COUNTED = {"tests": 3, "collected": 5, "passes": 3, "not_run": 2, "pass_percent": 100}


@pytest.mark.parametrize("pruned", [1, 2, 3])
def test_update_run_of_a_pruned_run_keeps_its_summary(app: Flask, pruned: int) -> None:
    """What was counted before the results went is still true; what the run lacks is filled from the rest."""
    run = make_run(130, data={})
    ages = [200] * pruned + [130] * (3 - pruned)
    run_id = stored(run, *(make_result(run, age=age, duration=2.0, env="stage") for age in ages))
    update_run(run_id)
    before = summary_of(run_id)
    db.session.execute(db.update(Run).values(env=None))
    db.session.commit()
    prune_old_results(6)
    update_run(run_id)
    assert (summary_of(run_id), before["tests"]) == (before, 3)
    assert the_run(run_id).duration == 6.0
    assert the_run(run_id).env == ("stage" if pruned < 3 else None)


def test_a_young_run_whose_results_are_all_gone_keeps_its_summary(app: Flask) -> None:
    """Results may be older than their run; the percentage says that they were counted once."""
    run_id = stored(make_run(1, summary=COUNTED, duration=6.0))
    update_run(run_id)
    assert (summary_of(run_id), the_run(run_id).duration) == (COUNTED, 6.0)


def test_what_a_client_announced_is_not_kept(app: Flask) -> None:
    """A run that was cut off before any result arrived has no tests, whatever its client expected."""
    run_id = stored(make_run(1, summary={"tests": 3, "collected": 5}))
    update_run(run_id)
    assert (summary_of(run_id)["tests"], summary_of(run_id)["not_run"]) == (0, 5)


def test_a_young_run_that_lost_some_results_is_counted_anew(app: Flask) -> None:
    """The prune cannot have taken them: a person did."""
    run = make_run(119, summary=COUNTED)
    run_id = stored(run, make_result(run, age=119))
    update_run(run_id)
    assert (summary_of(run_id)["tests"], summary_of(run_id)["not_run"]) == (1, 4)


def test_an_old_run_with_more_results_is_counted_anew(app: Flask) -> None:
    """Only a number that became smaller says that results are gone."""
    run = make_run(400, summary=COUNTED)
    run_id = stored(run, *(make_result(run, "failed", age=400) for _ in range(3)))
    update_run(run_id)
    assert summary_of(run_id)["failures"] == 3


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_update_run_gives_a_run_the_start_of_its_first_result(app: Flask) -> None:
    """A run of an older database may have no start of its own."""
    run = make_run()
    first = make_result(run, age=2)
    run_id = stored(run, make_result(run, age=1), first)
    without_moment(Run.start_time, run)
    update_run(run_id)
    assert the_run(run_id).start_time == first.start_time


@pytest.mark.parametrize("odd", [[1], "text", 7, None])
def test_update_run_mends_a_run_of_any_shape(app: Flask, odd: Any) -> None:
    """A summary or metadata that is no object counts as nothing known."""
    run = make_run(summary=odd, data=odd)
    run_id = stored(run, make_result(run, data=odd), make_result(run, data={"tags": ["a"]}, age=1))
    update_run(run_id)
    assert summary_of(run_id)["tests"] == 2
    assert the_run(run_id).data == {"tags": ["a"]}


def test_update_run_of_an_empty_run_counts_nothing(app: Flask) -> None:
    """A run without results has a summary of zeros."""
    run_id = stored(make_run())
    update_run(run_id)
    assert set(summary_of(run_id).values()) == {0}


def test_update_run_asks_no_more_for_more_results(app: Flask, statements: list[str]) -> None:
    """The number of statements does not depend on the number of results."""
    counts = []
    for number in (1, 50):
        run = make_run()
        run_id = stored(run, *(make_result(run) for _ in range(number)))
        statements.clear()
        update_run(run_id)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= (4 if db.engine.dialect.name == "sqlite" else 3)


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_update_run_reads_the_first_result_alone(app: Flask) -> None:
    """The newest of many runs, whose results all start at once, is not found by way of the older ones."""
    runs = [make_run(age) for age in range(40)]
    for run in runs:
        results = [{"run_id": run.id, "start_time": run.start_time} for _ in range(100)]
        stored(run)
        db.session.execute(db.insert(Result), results)
        db.session.commit()
    db.session.execute(db.text("ANALYZE results"))
    db.session.commit()
    entries = db.text("SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'results'")
    flush = db.select(db.func.pg_stat_force_next_flush())
    read = []
    for _ in range(2):
        db.session.execute(flush)
        db.session.commit()
        read.append(db.session.scalar(entries))
        db.session.commit()
        update_run(runs[0].id)
    assert read[1] - read[0] < 2 * 100 + 10


def test_updates_at_once_end_in_the_right_summary(app: Flask, celery_app: Celery) -> None:
    """Many workers that add a result and update its run lose none of them."""
    run_id = stored(make_run())
    workers = 5
    together = Barrier(workers)

    def add_and_update() -> None:
        together.wait()
        with app.app_context():
            stored(make_result(run_id))
            db.session.remove()
        celery_app.tasks[update_run.name](run_id)

    threads = [Thread(target=add_and_update) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert summary_of(run_id)["tests"] == workers


def test_update_run_works_while_another_holds_the_lock(app: Flask) -> None:
    """A lock that is not freed in time does not stop a direct call: the database keeps order."""
    run = make_run()
    run_id = stored(run, make_result(run))
    with lock(f"update-run-lock-{run_id}", app=app):
        update_run(run_id)
    assert summary_of(run_id)["tests"] == 1


def test_update_run_leaves_the_work_to_one_who_waits(
    app: Flask, celery_app: Celery, statements: list[str]
) -> None:
    """A worker that has yet to begin counts for all who come meanwhile; when it dies, its mark does too."""
    run = make_run()
    run_id = stored(run, make_result(run))
    mark = f"update-run-waiting-{run_id}"
    get_redis_client().set(mark, "1")
    statements.clear()
    update_run(run_id)
    assert statements == []
    get_redis_client().delete(mark)
    with lock(f"update-run-lock-{run_id}", app=app):
        updating = Thread(target=celery_app.tasks[update_run.name], args=(run_id,))
        updating.start()
        until(lambda: bool(get_redis_client().exists(mark)))
        assert 0 < get_redis_client().pttl(mark) <= 2 * LOCK_EXPIRE * 1000
    updating.join()
    assert summary_of(run_id)["tests"] == 1


def test_update_run_needs_no_redis(app: Flask, database_uri: str, caplog: pytest.LogCaptureFixture) -> None:
    """Where Redis is away the summary is right all the same, and the log says that there was no lock."""
    run = make_run()
    run_id = stored(run, make_result(run))
    away = create_app(
        FlaskCelerySettings.hermetic(broker_url="redis://localhost:1/0", sqlalchemy_database_uri=database_uri)
    )
    caplog.set_level("INFO")
    create_flask_celery_app(away).tasks[update_run.name](run_id)
    with away.app_context():
        db.engine.dispose()
    assert summary_of(run_id)["tests"] == 1
    assert f"Run {run_id} is updated without its lock" in caplog.text


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_update_run_counts_what_arrives_while_it_waits(app: Flask, celery_app: Celery) -> None:
    """An update that waits for another one's transaction counts the results that were added meanwhile."""
    run_id = stored(make_run(env=""))
    with db.engine.connect() as other:
        other.execute(db.select(Run.id).where(Run.id == run_id).with_for_update(key_share=True))
        updating = Thread(target=celery_app.tasks[update_run.name], args=(run_id,))
        updating.start()
        until(is_somebody_blocked)
        stored(make_result(run_id, age=1, env="stage"))
    updating.join()
    assert summary_of(run_id)["tests"] == 1
    assert the_run(run_id).env == "stage"


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_update_run_does_not_wait_for_an_import(app: Flask) -> None:
    """A transaction that adds results to the run and is not at its end stops nobody from counting."""
    run_id = stored(make_run())
    with db.engine.connect() as importing:
        importing.execute(db.insert(Result).values(run_id=run_id, result="passed"))
        update_run(run_id)
        assert summary_of(run_id)["tests"] == 0
        importing.commit()
    update_run(run_id)
    assert summary_of(run_id)["tests"] == 1


def test_update_run_of_a_run_that_is_gone_is_logged(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """A run that has been pruned meanwhile is no error."""
    gone = str(uuid4())
    update_run(gone)
    assert f"There is no run {gone} to update" in caplog.text


def test_an_id_that_is_none_is_bad_input(app: Flask) -> None:
    """The message names the argument and its value."""
    with pytest.raises(InvalidInputError, match="run_id must be the text of a UUID, not 'first'"):
        update_run("first")


def test_sync_queues_each_aborted_run_once(app: Flask) -> None:
    """Recent runs whose summary is out of step are queued, and not again while they wait."""
    behind, never_counted = make_run(HOUR, summary={"tests": 1}), make_run(HOUR)
    in_step = make_run(HOUR, summary={"tests": 1})
    too_old = make_run(4 * HOUR, summary={"tests": 7})
    results = [make_result(run) for run in (behind, behind, in_step)]
    stored(behind, never_counted, in_step, too_old, *results)
    sync_aborted_runs()
    assert queued(app) == 2
    sync_aborted_runs()
    assert queued(app) == 2
    update_run(behind.id)  # by another message
    stored(make_result(behind))
    sync_aborted_runs()
    assert queued(app) == 2


def test_sync_queues_a_run_again_when_its_update_has_begun(app: Flask) -> None:
    """What arrives after that may not be counted."""
    run_id = stored(make_run(HOUR))
    sync_aborted_runs()
    message: Any = get_redis_client(app).lpop("celery")
    update_run.apply(args=(run_id,), task_id=json.loads(message)["headers"]["id"])
    stored(make_result(run_id))
    sync_aborted_runs()
    assert queued(app) == 1


@pytest.mark.parametrize("summary", [{}, {"tests": "many"}, {"tests": None}, {"tests": [1]}, {"tests": 1.0}])
def test_sync_mends_a_summary_of_any_shape(app: Flask, celery_app: Celery, summary: dict[str, Any]) -> None:
    """A summary that nobody can read as a number is out of step, and stops no other run."""
    run = make_run(HOUR, summary=summary)
    stored(run, make_result(run))
    celery_app.tasks[sync_aborted_runs.name]()
    assert queued(app) == 1


def test_sync_forgets_what_it_could_not_send(app: Flask, celery_app: Celery) -> None:
    """A message that the broker refused is sent by the next sync."""
    stored(make_run(HOUR))
    celery_app.tasks[update_run.name].serializer = "nonsense"
    with pytest.raises(SerializerNotInstalled):
        celery_app.tasks[sync_aborted_runs.name]()
    create_flask_celery_app(app).tasks[sync_aborted_runs.name]()
    assert queued(app) == 1


def test_sync_asks_once_for_all_runs(app: Flask, statements: list[str]) -> None:
    """One statement finds the runs, however many there are."""
    stored(*(make_run(HOUR, summary={"tests": 0}) for _ in range(20)))
    statements.clear()
    sync_aborted_runs()
    assert len(statements) == 1


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_results_without_a_start_time_get_the_runs(app: Flask) -> None:
    """Results of an older database may lack it; others keep theirs, however often the task runs."""
    run = make_run(5)
    own, lacking = make_result(run, age=3), make_result(run)
    run_id = stored(run, own, lacking)
    without_moment(Result.start_time, lacking)
    for _ in range(2):
        add_result_start_time(run_id)
        started = dict(db.session.execute(db.select(Result.id, Result.start_time)).all())
        assert started == {own.id: own.start_time, lacking.id: run.start_time}


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_a_start_time_in_old_metadata_comes_first(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """It is seconds or text; a placeholder or anything else is not a time, and then the run's counts."""
    caplog.set_level("INFO")
    written = {
        1591267200.25: dt.datetime(2020, 6, 4, 10, 40, 0, 250_000, tzinfo=dt.UTC),
        "1591267200": dt.datetime(2020, 6, 4, 10, 40, tzinfo=dt.UTC),
        "2020-06-04T12:40:00+02:00": dt.datetime(2020, 6, 4, 10, 40, tzinfo=dt.UTC),
        "1990-01-01": dt.datetime(1990, 1, 1, tzinfo=dt.UTC),
        "1989-12-31": None,
        "2999-01-01": None,
        0: None,
        "soon": None,
        True: None,
    }
    run = make_run(5)
    results = [make_result(run, data={"starttime": value}) for value in written]
    results += [
        make_result(run, data=data) for data in (None, {}, {"starttime": None}, {"starttime": {"a": 1}})
    ]
    run_id = stored(run, *results)
    without_moment(Result.start_time, *results)
    add_result_start_time(run_id)
    started = dict(db.session.execute(db.select(Result.id, Result.start_time)).all())
    expected = [time and time.replace(tzinfo=None) for time in written.values()] + [None] * 4
    assert [started[result.id] for result in results] == [time or run.start_time for time in expected]
    assert f"13 results of run {run_id} got a start time" in caplog.messages


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_a_run_without_a_start_time_has_none_to_give(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """Its results stay as they are, and are not counted."""
    caplog.set_level("INFO")
    run = make_run()
    result = make_result(run)
    run_id = stored(run, result)
    without_moment(Run.start_time, run)
    without_moment(Result.start_time, result)
    add_result_start_time(run_id)
    assert f"0 results of run {run_id} got a start time" in caplog.messages
