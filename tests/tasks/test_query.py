"""Show what a query answers, and what it refuses."""

from __future__ import annotations

import datetime as dt
import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import DBAPIError

from ibutsu_server.db import db
from ibutsu_server.db.models import Project, Result
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.settings import QuerySettings, ServerSettings
from ibutsu_server.tasks import query
from ibutsu_server.tasks.query import query_task
from tests.db.rows import make_result, make_run, stored

if TYPE_CHECKING:
    from celery import Celery
    from flask import Flask

pytestmark = pytest.mark.usefixtures("celery_app")

on_sqlite = pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)
PROJECT = "3d4a5f44-3d0c-4d5e-9a53-5f2f6c1f0a11"


@pytest.fixture
def rows(app: Flask) -> None:
    """Store a run with three results: alpha, beta and gamma, the newest."""
    run = make_run(3, summary={"tests": 3}, env="stage")
    stored(
        run,
        make_result(run, test_id="alpha", age=3, data={"tags": ["fast", "ui"]}),
        make_result(run, "failed", test_id="beta", age=2),
        make_result(run, "failed", test_id="gamma", age=1),
    )


def refusal_of(*filters: Any) -> str:
    """Return the message of a query that is refused because of its filters."""
    with pytest.raises(InvalidInputError) as caught:
        query_task(list(filters))
    return str(caught.value)


@pytest.mark.usefixtures("rows")
def test_rows_are_found_newest_first() -> None:
    """The answer holds the rows as the API gives them, and where the page stands."""
    answer = query_task(["result=failed", "test_id~a$"])
    assert set(answer) == {"results", "pagination"}
    assert [row["test_id"] for row in answer["results"]] == ["gamma", "beta"]
    assert answer["pagination"] == {"page": 1, "pageSize": 25, "totalItems": 2, "totalPages": 1}
    (row,) = query_task(["metadata.tags=ui"])["results"]
    assert row["metadata"] == {"tags": ["fast", "ui"]}


def test_times_in_the_answer_carry_their_zone(app: Flask) -> None:
    """They are in UTC and end with a ``Z``, with as many digits as they have."""
    noon = dt.datetime(2026, 3, 1, 14, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    run = make_run()
    run.start_time, run.created = noon, noon + dt.timedelta(microseconds=50)
    stored(run)
    (row,) = query_task(tablename="runs")["runs"]
    assert (row["start_time"], row["created"]) == ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000050Z")


@pytest.mark.usefixtures("rows")
def test_runs_are_found_in_their_own_table() -> None:
    """``tablename`` names the table, and the key of the answer."""
    answer = query_task(["summary.tests=3"], tablename="runs")
    assert [run["env"] for run in answer["runs"]] == ["stage"]
    assert query_task(["summary.tests>3"], tablename="runs")["runs"] == []


def test_the_task_answers_to_its_name(app: Flask, celery_app: Celery) -> None:
    """Other programs send it by its name with these arguments, as JSON."""
    task = celery_app.tasks["ibutsu_server.tasks.query.query_task"]
    arguments = {"filter_": None, "page": "1", "page_size": 2, "estimate": True, "tablename": "runs"}
    pagination = {"page": 1, "pageSize": 2, "totalItems": 0, "totalPages": 0}
    assert task(**arguments) == {"runs": [], "pagination": pagination}


@pytest.mark.usefixtures("rows")
def test_a_filter_that_cannot_be_used_means_no_rows() -> None:
    """The message names every bad filter with its remedy, however many good ones there are."""
    message = refusal_of("reslt=failed", "result=passed", "test_id~(", None)
    assert message.startswith(
        "3 of 4 filters cannot be used: (1) 'reslt=failed': 'reslt' is not a field of results; "
        "did you mean 'result'? (2) 'test_id~(': the regular expression cannot be used ("
    )
    assert message.endswith("(3) a value of the type NoneType is not a filter: write text")


@pytest.mark.parametrize(
    "filter_",
    [
        f"project_id=={PROJECT}",
        f"project_id={PROJECT};",
        "project_id=",
        "project_id",
        "mine",
        "",
        None,
        "project_id=mine",
        f"project_id=[{PROJECT}",
        f"project={PROJECT}",
        f"project_id*{PROJECT};mine",
        "project_id~(",
        "project_id~",
        'project_id%""',
    ],
)
@on_sqlite  # which one makes no difference
def test_a_filter_on_a_project_is_never_left_out(app: Flask, filter_: Any) -> None:
    """However it is misspelt, the rows of other projects are not given away."""
    assert "1 of 2 filters cannot be used: (1) " in refusal_of("result=passed", filter_)


def test_the_spellings_of_a_filter_on_a_project(app: Flask) -> None:
    """Quotes, a pattern, a part of the id and a comparison find the rows of the project and no others."""
    other = PROJECT.replace("3d4a", "2d4a")
    run = make_run()
    results = [make_result(run, project_id=project) for project in (PROJECT, other)]
    stored(Project(id=PROJECT, name="mine"), Project(id=other, name="other"), run, *results)
    for filter_ in (
        f'project_id="{PROJECT}"',
        f"project_id~^{PROJECT}",
        f"project_id%{PROJECT.upper()}",
        f"project_id>={PROJECT}",
        f"project_id*{PROJECT};",
    ):
        assert [row["project_id"] for row in query_task([filter_])["results"]] == [PROJECT], filter_


@pytest.mark.usefixtures("rows")
def test_a_message_is_one_line_whatever_the_filter_holds() -> None:
    """A line break in a filter forges no line of the log."""
    assert "\n" not in refusal_of("duration=1\nERROR all is lost")


@on_sqlite  # which one makes no difference
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"tablename": "users"}, "tablename must be results or runs, not 'users'"),
        ({"tablename": ["runs"]}, "tablename must be results or runs"),
        ({"page": 0}, "page must be 1 to 1,000,000,000, not 0"),
        ({"page": "two"}, "page must be a whole number"),
        ({"page_size": 0}, "page_size must be 1 to 50,000, not 0"),
        ({"page_size": 50_001}, "page_size must be 1 to 50,000, not 50001"),
        ({"estimate": "no"}, "estimate must be true or false, not 'no'"),
        ({"filter_": "result=failed"}, "filter_ must be a list of at most 1,000 filters"),
        ({"filter_": ["result=failed"] * 1_001}, "filter_ must be a list of at most 1,000 filters"),
    ],
)
def test_arguments_that_cannot_be_used_are_bad_input(
    app: Flask, arguments: dict[str, Any], problem: str
) -> None:
    """The message names the argument and what it must be."""
    with pytest.raises(InvalidInputError, match=problem):
        query_task(**arguments)


def test_a_query_cannot_take_for_ever(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The query is ended, the message says what to do, and the next query is answered."""
    run = make_run()
    stored(run, *(make_result(run, data={"tags": [*map(str, range(100)), "z"]}) for _ in range(100)))
    monkeypatch.setattr(query, "STATEMENT_SECONDS", 0.001)
    message = refusal_of(*["metadata.tags%z"] * 100)
    assert message.startswith("The query was ended after 0.001 seconds: add a filter that leaves fewer rows")
    monkeypatch.undo()
    assert len(query_task(page_size=1)["results"]) == 1


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_a_character_that_the_database_cannot_write_is_bad_input(app: Flask) -> None:
    """A database in LATIN1 has no snowman."""

    def write_latin(connection: Any, *rest: Any) -> None:
        connection.execute("SET client_encoding TO 'LATIN1'")

    db.event.listen(db.engine, "checkout", write_latin)
    assert "can't encode character '\\u2603'" in refusal_of("test_id=\N{SNOWMAN}")


def test_an_error_of_the_database_is_not_bad_input(app: Flask) -> None:
    """A table that is missing is an error of the installation, and passes as it is."""
    db.session.execute(db.text("ALTER TABLE results RENAME TO elsewhere"))
    db.session.commit()
    with pytest.raises(DBAPIError, match="results"):
        query_task()


def test_many_filters_with_many_values_are_answered(app: Flask) -> None:
    """A thousand filters are no more than the databases take, nor are lists of thousands of values."""
    assert query_task([f"test_id!{number}" for number in range(1_000)])["results"] == []
    values = ";".join(map(str, range(10_000)))
    fields = ("test_id", "duration", "metadata.x", "metadata.tags")
    assert query_task([f"{field}*{values}" for field in fields])["results"] == []
    moments = ";".join(f"{number}" for number in range(2_000))
    assert query_task([f"start_time*{moments}"])["results"] == []


@on_sqlite
def test_more_values_than_sqlite_takes_are_bad_input(app: Flask) -> None:
    """The message repeats what the database says."""
    values = ";".join(map(str, range(17_000)))
    message = refusal_of(*[f"test_id*{values}"] * 20)
    assert message == (
        "The database refused a value of the filters (too many SQL variables): write simpler or fewer ones."
    )


def test_the_longest_text_can_be_searched_for(app: Flask) -> None:
    """It is found in a text that is longer still."""
    run = make_run()
    stored(run, make_result(run, data={"x": "a" + "x" * 99_980 + "b"}))
    assert len(query_task([f"metadata.x%{'X' * 99_980}"])["results"]) == 1
    assert query_task([f"metadata.x%{'X' * 99_981}"])["results"] == []


def limit_answers(app: Flask, max_bytes: int) -> None:
    """Set how many bytes an answer may have."""
    ServerSettings.of_app(app, QuerySettings.hermetic(max_answer_bytes=max_bytes))


def test_an_answer_that_is_too_large_names_a_page_size_that_fits(app: Flask) -> None:
    """No page of that size is too large, where the rows are of one size."""
    run = make_run()
    stored(run, *(make_result(run, data={"x": "\u00e9" * 1_000}) for _ in range(250)))
    size = len(json.dumps(query_task(page_size=250)["results"]))
    limit_answers(app, size)
    assert len(query_task(page_size=250)["results"]) == 250
    limit_answers(app, size // 2)
    with pytest.raises(
        InvalidInputError, match=r"larger than IBUTSU_QUERY_MAX_ANSWER_BYTES \(.* bytes\)"
    ) as caught:
        query_task(page_size=250)
    fitting = int(str(caught.value).rpartition("page_size of at most ")[2].rstrip("."))
    assert 100 < fitting < 125
    for page in (1, 2, 3):
        assert query_task(page=page, page_size=fitting)["results"]


def test_a_row_that_is_too_large_alone_is_named(app: Flask) -> None:
    """No page size helps there; the setting does."""
    stored(make_run())
    limit_answers(app, 10)
    with pytest.raises(
        InvalidInputError, match=r"The first row of the page alone is larger than .* raise that limit"
    ):
        query_task(tablename="runs")


def test_rows_that_are_too_large_together_are_not_read_together(app: Flask) -> None:
    """The memory of the process does not grow with the size of the page."""
    run = make_run()
    stored(run)
    row = {"run_id": run.id, "data": {"x": "x" * 10_000}}
    db.session.execute(db.insert(Result), [row for _ in range(3_000)])
    db.session.commit()
    limit_answers(app, 1_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInputError, match="page_size"):
            query_task(page_size=50_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000
