"""Show what the filters find, and how pages are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from ibutsu_server.db import db
from ibutsu_server.db.filters import compile_filter, parse_filter
from ibutsu_server.db.models import Result
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.tasks.query import query_task
from tests.db.rows import days_ago, make_result, make_run, stored

if TYPE_CHECKING:
    from flask import Flask

pytestmark = pytest.mark.usefixtures("celery_app")

HOSTILE = (
    "test_id='; DROP TABLE results; --",
    "metadata.a'b=1",
    "metadata.jenkins.job_name=' OR 1=1 --",
    "metadata.tags='] OR 1=1",
    "result*a;b') OR ('1'='1",
    "id=11111111-1111-4111-8111-111111111111' OR '1'='1",
    "summary.tests=1 OR 1=1",
    "test_id%%' OR ''='",
    "test_id=\0",
)


@pytest.fixture
def rows(app: Flask) -> None:
    """Store a run with three results: alpha, beta and gamma."""
    run = make_run(3, summary={"tests": 3, "failures": 1, "pass_percent": 66}, env="stage")
    alpha = {"tags": ["fast", "ui"], "jenkins": {"job_name": "nightly", "build_number": "7"}}
    beta = {"tags": ["slow"], "note": "50%_off"}
    stored(
        run,
        make_result(run, test_id="alpha", duration=1.5, age=3, data=alpha),
        make_result(run, "failed", test_id="beta", duration=2.5, age=2, data=beta),
        make_result(run, test_id="gamma", component="Cart", age=1),
    )


def found(*filters: str, **arguments: Any) -> list[str]:
    """Give the test ids of the results that a query finds, sorted; it must not warn."""
    answer = query_task(list(filters), **arguments)
    assert "warnings" not in answer
    return sorted(row["test_id"] for row in answer["results"])


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ("result=failed", ["beta"]),
        ("result!failed", ["alpha", "gamma"]),
        ("result*failed;error", ["beta"]),
        ("test_id~^(al|be)", ["alpha", "beta"]),
        ("test_id%AMM", ["gamma"]),
        ("component%cart", ["gamma"]),
        ("component@y", ["gamma"]),
        ("component@n", ["alpha", "beta"]),
        ("duration>1.5", ["beta"]),
        ("duration)1.5", ["alpha", "beta"]),
        ("duration>=1.5", ["alpha", "beta"]),
        ("duration<2.5", ["alpha"]),
        ("duration(2.5", ["alpha", "beta"]),
        ("duration<=2.5", ["alpha", "beta"]),
        ("duration*1.5;9", ["alpha"]),
        ("metadata.jenkins.job_name=nightly", ["alpha"]),
        ("data.jenkins.build_number=7", ["alpha"]),
        ("metadata.jenkins@1", ["alpha"]),
        ("metadata.note%0%_O", ["beta"]),
        ("metadata.tags=fast", ["alpha"]),
        ("metadata.tags*slow;ui", ["alpha", "beta"]),
        ("metadata.tags@t", ["alpha", "beta"]),
        ("metadata.tags%SLO", ["beta"]),
    ],
)
def test_every_operator_finds_what_it_says(filter_: str, expected: list[str]) -> None:
    """Each operator of the language finds the same rows on both databases."""
    assert found(filter_) == expected


@pytest.mark.usefixtures("rows")
def test_filters_are_all_met() -> None:
    """Several filters narrow each other down."""
    assert found("duration>1", "result=passed") == ["alpha"]


@pytest.mark.usefixtures("rows")
def test_moments_compare_as_iso_text_and_as_seconds() -> None:
    """A start time is written in ISO 8601, with an offset or in UTC, or as seconds since 1970."""
    moment = days_ago(2.5)
    assert found(f"start_time>{moment.isoformat()}") == ["beta", "gamma"]
    assert found(f"start_time<{moment.isoformat()}+00:00") == ["alpha"]
    assert found("start_time>0", "start_time<946684800") == []


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    "filter_", ["summary.pass_percent)66", "summary.failures=1", "env=stage", "summary.tests*2;3"]
)
def test_runs_are_found_by_their_summary(filter_: str) -> None:
    """The counts of a summary compare as numbers."""
    answer = query_task([filter_], tablename="runs")
    assert len(answer["runs"]) == 1
    assert query_task(["summary.pass_percent>66"], tablename="runs")["runs"] == []


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("filter_", "warning"),
    [
        ("reslt=failed", "'reslt' is no field of results: did you mean 'result'?"),
        ("summary.tests=3", "'summary.tests' is no field of results"),
        ("result", "'result' is no filter: write a field, one of = ! > < >= <= ~ * % @, and a value"),
        ("duration>long", "duration>long: the field holds numbers, and the value is none"),
        ("start_time>soon", "start_time>soon: the value is no moment"),
        ("run_id=7", "run_id=7: the value is no UUID"),
        ("test_id~(", "test_id~(: the regular expression is not valid"),
        ("metadata.tags>a", "metadata.tags>a: the field is a list"),
    ],
)
def test_a_filter_that_cannot_be_used_is_told(
    filter_: str, warning: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer and the log say which filter was left out and why; the other filters count."""
    answer = query_task([filter_, "result=failed"])
    assert [row["test_id"] for row in answer["results"]] == ["beta"]
    assert answer["warnings"][0].startswith(warning)
    assert warning in caplog.text


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("filter_", HOSTILE)
def test_hostile_filters_find_nothing_and_change_nothing(filter_: str) -> None:
    """What looks like SQL is a value, or no field at all."""
    answer = query_task([filter_])
    assert answer.get("warnings") or answer["results"] == []
    assert query_task()["pagination"]["totalItems"] == 3


@pytest.mark.usefixtures("rows")
def test_pages_are_counted_and_newest_first() -> None:
    """A page tells where it stands; the rows are dictionaries as the API gives them."""
    answer = query_task(page=2, page_size=2)
    assert answer["pagination"] == {"page": 2, "pageSize": 2, "totalItems": 3, "totalPages": 2}
    (row,) = answer["results"]
    assert row["test_id"] == "alpha"
    assert row["metadata"]["tags"] == ["fast", "ui"]
    assert query_task(page=9)["results"] == []


@pytest.mark.usefixtures("rows")
def test_an_estimate_costs_no_count() -> None:
    """The planner's estimate is good after an analysis; SQLite counts."""
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text("ANALYZE results"))
        db.session.commit()
    assert query_task(estimate=True)["pagination"]["totalItems"] == 3


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"tablename": "users"}, "tablename must be results or runs, not 'users'"),
        ({"page": 0}, "page must be 1 to"),
        ({"page_size": 100_000}, "page_size 1 to 10,000"),
        ({"page": "two"}, "page must be a whole number"),
        ({"filter_": "result=failed"}, "filter_ must be a list"),
    ],
)
def test_arguments_that_cannot_be_used_are_bad_input(
    app: Flask, arguments: dict[str, Any], problem: str
) -> None:
    """The message names the argument and what it must be."""
    with pytest.raises(InvalidInputError, match=problem):
        query_task(**arguments)


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("filter_", "index"),
    [
        ("metadata.tags=smoke", "ix_results_tags"),
        ("metadata.jenkins.job_name=nightly", "ix_results_jenkins_job_name"),
        ("metadata.jenkins.build_number=7", "ix_results_jenkins_build_number"),
    ],
)
def test_json_paths_use_their_indexes(app: Flask, filter_: str, index: str) -> None:
    """PostgreSQL finds rows by the documented JSON paths through an index."""
    query = db.select(Result.id).where(compile_filter(parse_filter(filter_), Result))
    compiled = query.compile(db.engine, compile_kwargs={"render_postcompile": True})
    connection = db.session.connection()
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    plan = connection.exec_driver_sql(f"EXPLAIN {compiled}", compiled.params).scalars().all()
    assert index in "\n".join(plan)
