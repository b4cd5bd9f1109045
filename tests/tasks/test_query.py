"""Show what a query answers, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.tasks import query
from ibutsu_server.tasks.query import query_task
from tests.db.rows import make_result, make_run, stored

if TYPE_CHECKING:
    from celery import Celery
    from flask import Flask

pytestmark = pytest.mark.usefixtures("celery_app")


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


@pytest.mark.usefixtures("rows")
def test_rows_are_found_newest_first() -> None:
    """The answer holds the rows as the API gives them, where the page stands, and no warnings."""
    answer = query_task(["result=failed", "test_id~a$"])
    assert set(answer) == {"results", "pagination"}
    assert [row["test_id"] for row in answer["results"]] == ["gamma", "beta"]
    assert answer["pagination"] == {"page": 1, "pageSize": 25, "totalItems": 2, "totalPages": 1}
    (row,) = query_task(["metadata.tags=ui"])["results"]
    assert row["metadata"] == {"tags": ["fast", "ui"]}


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
def test_filters_that_cannot_be_used_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """The answer and the log say which filters were left out and why; the others count."""
    answer = query_task(["reslt=failed", "result=passed", "test_id~("])
    assert [row["test_id"] for row in answer["results"]] == ["alpha"]
    first, second = answer["warnings"]
    assert first == "'reslt=failed': 'reslt' is no field of results; did you mean 'result'?"
    assert second.startswith("'test_id~(': the regular expression is not valid (")
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert first in caplog.text


@pytest.mark.usefixtures("rows")
def test_a_line_break_in_a_filter_forges_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A message is one line, whatever the filter holds."""
    (told,) = query_task(["duration=1\nERROR all is lost"])["warnings"]
    assert "\n" not in told
    assert [record.getMessage().count("\n") for record in caplog.records] == [0]


@pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)  # which one makes no difference
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"tablename": "users"}, "tablename must be results or runs, not 'users'"),
        ({"tablename": ["runs"]}, "tablename must be results or runs"),
        ({"page": 0}, "page must be 1 to 1,000,000,000, not 0"),
        ({"page": "two"}, "page must be a whole number"),
        ({"page_size": 0}, "page_size must be 1 to 10,000, not 0"),
        ({"page_size": 100_000}, "page_size must be 1 to 10,000, not 100000"),
        ({"estimate": "no"}, "estimate must be true or false, not 'no'"),
        ({"filter_": "result=failed"}, "filter_ must be a list of at most 30 filters"),
        ({"filter_": ["result=failed"] * 31}, "filter_ must be a list of at most 30 filters"),
    ],
)
def test_arguments_that_cannot_be_used_are_bad_input(
    app: Flask, arguments: dict[str, Any], problem: str
) -> None:
    """The message names the argument and what it must be."""
    with pytest.raises(InvalidInputError, match=problem):
        query_task(**arguments)


def test_a_regular_expression_cannot_take_for_ever(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The query is ended, the message says what to do, and the next query is answered."""
    run = make_run()
    stored(run, make_result(run, test_id="a" * 5_001 + "b"))
    monkeypatch.setattr(query, "STATEMENT_SECONDS", 0.1)
    with pytest.raises(InvalidInputError, match=r"ended after 0\.1 seconds: .* make the regular expression"):
        query_task([r"test_id~^(a*)(a*)(a*)\3\2\1b$"])
    assert len(query_task()["results"]) == 1


def test_the_largest_lists_are_answered(app: Flask) -> None:
    """As many filters with as many values as there may be are no more than the databases can bind."""
    values = ";".join(map(str, range(1_000)))
    answer = query_task(
        [f"{field}*{values}" for field in ("test_id", "duration", "metadata.x") for _ in range(10)]
    )
    assert answer["results"] == []
    assert "warnings" not in answer
