"""Show that prunes work in short transactions, side by side with others, and lose and leave nothing."""

from __future__ import annotations

from collections import Counter
from itertools import count
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from ibutsu_server.db import Base, db
from ibutsu_server.db.forecast import forecast
from ibutsu_server.db.models import Artifact, Result, Run
from ibutsu_server.db.pruning import Prune
from ibutsu_server.db.retention import Cutoffs
from ibutsu_server.settings import PruneSettings
from ibutsu_server.tasks.db import prune_old_files, prune_old_results, prune_old_runs
from tests.db.rows import days_ago, make_file, make_result, make_run, stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

SMALL = PruneSettings.hermetic(batch_size=2)


def ids_of(model: type[Base]) -> set[str]:
    """Give the ids of the rows of a table."""
    return set(db.session.scalars(db.select(model.id)))


def counts() -> tuple[int, ...]:
    """Count runs, results and artifacts."""
    return tuple(len(ids_of(model)) for model in (Run, Result, Artifact))


def test_a_prune_that_is_cut_off_is_continued_by_the_next(app: Flask) -> None:
    """Each go deletes some, and in the end all is gone, each row counted once."""
    for _ in range(2):
        run = make_run(400)
        results = [make_result(run, age=400) for _ in range(5)]
        stored(run, *results, make_file(run, 400), *(make_file(result, 400) for result in results))
    deleted: Counter[str] = Counter()
    goes = 0
    is_cut_off = True
    while is_cut_off:
        clock = map(float, count())
        go = Prune(PruneSettings.hermetic(batch_size=2, time_budget=6), clock=clock.__next__)
        go.runs(days_ago(360))
        assert sum(go.deleted.values()) > 0
        deleted.update(go.deleted)
        is_cut_off = go.is_cut_off
        goes += 1
    assert goes > 2
    assert deleted == {"runs": 2, "results": 10, "artifacts": 12}
    assert counts() == (0, 0, 0)


def test_no_transaction_deletes_more_than_a_batch(app: Flask) -> None:
    """However many files a result has, they go in transactions of the size that was set."""
    run = make_run(400)
    result = make_result(run, age=400)
    stored(run, result, *(make_file(result, 400) for _ in range(5)))
    sizes: list[int] = []
    in_transaction = 0

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        nonlocal in_transaction
        in_transaction += cursor.rowcount if statement.startswith("DELETE") else 0

    def close(connection: Any) -> None:
        nonlocal in_transaction
        sizes.append(in_transaction)
        in_transaction = 0

    db.event.listen(db.engine, "after_cursor_execute", note)
    db.event.listen(db.engine, "commit", close)
    Prune(SMALL).runs(days_ago(360))
    assert counts() == (0, 0, 0)
    assert max(sizes) == 2


@pytest.mark.parametrize("size", [1, 2, 3, 30_000])
def test_rows_of_one_time_all_go(app: Flask, size: int) -> None:
    """More rows of the same time than a batch holds are no obstacle, and no endless loop when they stay."""
    moment = days_ago(400)
    run = make_run(400)
    results = [make_result(run) for _ in range(7)]
    for result in results:
        result.start_time = moment
    young = [make_file(result, 1) for result in results[:5]]
    stored(run, *results, *young)
    Prune(PruneSettings.hermetic(batch_size=size)).results(days_ago(180))
    assert ids_of(Result) == {result.id for result in results[:5]}


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_a_prune_waits_for_nobody(app: Flask) -> None:
    """A row that another transaction uses is left to the next prune, and no foreign key stops this one."""
    run, other = make_run(400), make_run(400)
    used, unused = make_result(run, age=400), make_result(run, age=400)
    stored(run, other, used, unused)
    with db.engine.connect() as importing:
        importing.execute(db.insert(Artifact).values(result_id=used.id, upload_date=days_ago(400)))
        Prune(SMALL).runs(days_ago(360))
        assert ids_of(Result) == {used.id}
        assert ids_of(Run) == {run.id}
        db.session.rollback()
        importing.commit()
    Prune(SMALL).runs(days_ago(360))
    assert counts() == (0, 0, 0)


ADD_A_FILE_ONCE = """
    CREATE SEQUENCE times;
    CREATE FUNCTION add_a_file() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('times') <= {times} THEN
            INSERT INTO artifacts (id, result_id) VALUES (gen_random_uuid(), OLD.id);
        END IF;
        RETURN OLD;
    END $$;
    CREATE TRIGGER add_a_file BEFORE DELETE ON results FOR EACH ROW EXECUTE FUNCTION add_a_file()
"""


def store_a_result_that_gets_a_file(times: int) -> None:
    """Store an old result to which a file is added when it is about to be deleted, so many times."""
    run = make_run(400)
    stored(run, make_result(run, age=400))
    db.session.execute(db.text(ADD_A_FILE_ONCE.format(times=times)))
    db.session.commit()


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_a_file_that_comes_at_the_last_moment_does_not_end_a_prune(app: Flask) -> None:
    """The foreign key stops the batch, which is tried again."""
    store_a_result_that_gets_a_file(1)
    Prune(SMALL).results(days_ago(360))
    assert counts() == (1, 0, 0)


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_a_foreign_key_that_always_stops_a_prune_is_an_error(app: Flask) -> None:
    """Perhaps another program has a table that refers to results: somebody has to know."""
    store_a_result_that_gets_a_file(9)
    with pytest.raises(IntegrityError, match="artifacts_result_id_fkey"):
        Prune(SMALL).results(days_ago(360))


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_two_prunes_at_once_share_the_work(app: Flask) -> None:
    """Neither fails nor waits; each row counts once, and what both left to the other goes next time."""
    run = make_run(400)
    results = [make_result(run, age=400) for _ in range(60)]
    stored(run, *results, *(make_file(result, 400) for result in results))
    goes = [Prune(SMALL) for _ in range(2)]
    together = Barrier(len(goes))

    def prune(go: Prune) -> None:
        together.wait()
        with app.app_context():
            go.runs(days_ago(360))
            go.results(days_ago(360))

    threads = [Thread(target=prune, args=(go,)) for go in goes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    goes.append(Prune(SMALL))
    goes[-1].runs(days_ago(360))
    deleted = sum((Counter(go.deleted) for go in goes), Counter())
    assert deleted == {"runs": 1, "results": 60, "artifacts": 60}
    assert counts() == (0, 0, 0)


PRUNES: dict[str, Callable[[int], None]] = {
    "files": prune_old_files,
    "results": prune_old_results,
    "runs": prune_old_runs,
}
FLOORS = {"files": 2, "results": 4, "runs": 10}

ages = st.integers(0, 480)


class Node(NamedTuple):
    """Be a row of the model of a database: its age in days, and the rows that hang on it."""

    age: int
    files: list[int]
    results: list[Node]


def nodes(results: st.SearchStrategy[list[Node]]) -> st.SearchStrategy[Node]:
    """Give rows of any age, with files of any age."""
    return st.builds(Node, ages, st.lists(ages, max_size=2), results)


databases = st.lists(nodes(st.lists(nodes(st.just([])), max_size=3)), max_size=4)
prunes = st.lists(st.tuples(st.sampled_from(sorted(PRUNES)), st.integers(1, 14)), max_size=5)


def is_old(age: int, months: int) -> bool:
    """Tell whether a row made ``age`` days before the test is past so many months."""
    return age >= months * 30


def pruned(runs: list[Node], kind: str, months: int) -> list[Node]:
    """Say what is left of a database: the same rules over lists instead of tables."""
    if months < FLOORS[kind]:
        return runs

    def keep_files(node: Node) -> Node:
        files = [age for age in node.files if not is_old(age, months)]
        return node._replace(files=files, results=[keep_files(result) for result in node.results])

    def is_free(node: Node, floor: str) -> bool:
        young_file = any(not is_old(age, FLOORS["files"]) for age in node.files)
        return is_old(node.age, FLOORS[floor]) and not young_file

    def result_stays(result: Node) -> bool:
        return not (is_old(result.age, months) and is_free(result, "results"))

    if kind == "files":
        return [keep_files(run) for run in runs]
    if kind == "results":
        return [run._replace(results=[each for each in run.results if result_stays(each)]) for run in runs]
    return [
        run
        for run in runs
        if not (
            is_old(run.age, months)
            and is_free(run, "runs")
            and all(is_free(result, "results") for result in run.results)
        )
    ]


def store(runs: list[Node]) -> None:
    """Make the rows of a model in the database."""
    for node in runs:
        run = make_run(node.age)
        rows: list[Base] = [run, *(make_file(run, age) for age in node.files)]
        for child in node.results:
            result = make_result(run, age=child.age)
            rows += [result, *(make_file(result, age) for age in child.files)]
        stored(*rows)


def ages_of(runs: list[Node]) -> tuple[list[int], ...]:
    """Give the ages of the runs, results and files of a model."""
    results = [result for run in runs for result in run.results]
    files = [age for node in (*runs, *results) for age in node.files]
    return tuple(sorted(found) for found in ([n.age for n in runs], [n.age for n in results], files))


def ages_in_database() -> tuple[list[int], ...]:
    """Give the ages of the runs, results and files in the database."""
    columns = (Run.start_time, Result.start_time, Artifact.upload_date)
    now = days_ago(0)
    moments = [db.session.scalars(db.select(column)) for column in columns]
    return tuple(sorted((now - moment).days for moment in found) for found in moments)


@pytest.fixture
def emptied(app: Flask) -> Callable[[], None]:
    """Give what empties the tables between two examples; prunes work in batches of two rows."""
    app.extensions["ibutsu_server"] = app.extensions["ibutsu_server"].model_copy(update={"prune": SMALL})

    def empty() -> None:
        for model in (Artifact, Result, Run):
            db.session.execute(db.delete(model))
        db.session.commit()

    return empty


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=databases, kept=st.tuples(*(st.none() | st.integers(floor, 14) for floor in FLOORS.values())))
def test_any_forecast_is_what_the_prune_deletes(
    emptied: Callable[[], None], runs: list[Node], kept: tuple[int | None, ...]
) -> None:
    """Whatever is pruned, and for however many months it is kept: each row that goes is counted once."""
    emptied()
    store(runs)
    files, results, of_runs = (None if number is None else days_ago(number * 30) for number in kept)
    cutoffs = Cutoffs(files, results, of_runs, imports=None)
    counted: Counter[str] = Counter()
    for doomed in forecast(cutoffs):
        counted[doomed.table] += doomed.rows
    go = Prune(SMALL)
    go.everything(cutoffs)
    assert counted == +Counter(go.deleted)


@pytest.mark.usefixtures("celery_app")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=databases, sequence=prunes)
def test_any_prunes_leave_what_is_young_and_nothing_old(
    emptied: Callable[[], None], runs: list[Node], sequence: list[tuple[str, int]]
) -> None:
    """After any sequence of prunes over any rows exactly those are left that the rules leave."""
    emptied()
    store(runs)
    for kind, months in sequence:
        PRUNES[kind](months)
        runs = pruned(runs, kind, months)
    assert ages_in_database() == ages_of(runs)
