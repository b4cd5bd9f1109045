"""Show that pages hold every row once, and that PostgreSQL reads only the indexes on its way to one."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from ibutsu_server.db import db
from ibutsu_server.db.conditions import compile_filter
from ibutsu_server.db.filters import Filter
from ibutsu_server.db.models import Result, Run
from ibutsu_server.db.pages import Explain, Page, PageQuery
from tests.db.rows import make_run, stored

if TYPE_CHECKING:
    from flask import Flask

    from ibutsu_server.db.conditions import Model

on_postgresql = pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)

FILL = """
INSERT INTO {table} (id, start_time, component, data)
SELECT gen_random_uuid(), timezone('utc', now()) - n * interval '1 s', repeat('x', 200),
       jsonb_build_object(
           'tags', jsonb_build_array('tag-' || n % 500),
           'jenkins', jsonb_build_object('job_name', 'job-' || n % 500, 'build_number', n % 500))
FROM generate_series(1, 5000) AS n
"""
SUMMARIES = """
UPDATE runs SET summary = jsonb_build_object('pass_percent', data #> '{jenkins,build_number}')
"""


def fetch(number: int, size: int = 7, *, estimate: bool = False) -> Page:
    """Fetch a page of all results."""
    return Page.fetch(PageQuery(Result, [], number, size), estimate=estimate, max_bytes=10**6)


def store_results(number: int) -> None:
    """Store results of which five each started at the same moment."""
    start = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    moments = (start + dt.timedelta(seconds=n // 5) for n in range(number))
    stored(make_run(), *(Result(start_time=moment) for moment in moments))


def fill(model: Model) -> None:
    """Store so many rows that the planner of PostgreSQL prefers an index."""
    db.session.execute(text(FILL.format(table=model.__tablename__)))
    if model is Run:
        db.session.execute(text(SUMMARIES))
    db.session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def plan(query: PageQuery) -> str:
    """Give the plan of PostgreSQL for the statement that fetches a page, as JSON."""
    return json.dumps(db.session.scalar(Explain(query.rows())))


def test_pages_hold_every_row_once(app: Flask) -> None:
    """Rows of one moment have an order too, so none is on two pages and none is left out."""
    store_results(40)
    rows: list[dict[str, Any]] = [row for number in range(1, 7) for row in fetch(number).rows]
    assert len({row["id"] for row in rows}) == len(rows) == 40
    keys = [(row["start_time"], row["id"]) for row in rows]
    assert keys == sorted(keys, reverse=True)


@pytest.mark.parametrize("estimate", [False, True])
def test_where_a_page_stands(app: Flask, estimate: bool) -> None:
    """The total is that of all rows on each page, also behind the last one; an estimate knows the end too."""
    store_results(21)
    if estimate and db.engine.dialect.name == "postgresql":
        db.session.execute(text("ANALYZE results"))
    for number, size, rows, pages in (
        (1, 7, 7, 3),
        (3, 7, 7, 3),
        (3, 10, 1, 3),
        (1, 30, 21, 1),
        (9, 7, 0, 3),
    ):
        page = fetch(number, size, estimate=estimate)
        assert len(page.rows) == rows
        wanted = {"page": number, "pageSize": size, "totalItems": 21, "totalPages": pages}
        assert page.pagination == wanted


def test_nothing_has_no_pages(app: Flask) -> None:
    """Where nothing is found the first page is empty, and there is none."""
    page = fetch(1)
    assert page.rows == []
    assert page.pagination == {"page": 1, "pageSize": 7, "totalItems": 0, "totalPages": 0}


@on_postgresql
def test_an_estimate_is_the_planners(app: Flask) -> None:
    """What the statistics say is told without a count: here they are older than most rows."""
    store_results(20)
    db.session.execute(text("ANALYZE results"))
    estimated = fetch(1, estimate=True).total
    db.session.execute(text("DELETE FROM results WHERE id IN (SELECT id FROM results LIMIT 10)"))
    assert fetch(1).total == 10
    assert fetch(1, estimate=True).total == estimated == 20


@on_postgresql
def test_the_rows_before_a_page_are_not_read(app: Flask) -> None:
    """Their ids come from an index, in order: nothing is sorted, and full rows are read by their ids."""
    fill(Result)
    found = plan(PageQuery(Result, [], 100, 25))
    for node in ("Index Only Scan", "ix_results_start_time_id", "Backward", "results_pkey"):
        assert f'"{node}"' in found
    assert "Seq Scan" not in found


@on_postgresql
@pytest.mark.parametrize(
    ("model", "filters"),
    [
        (
            Result,
            {
                "metadata.tags=tag-7": "ix_results_tags",
                "metadata.tags*tag-7;tag-8": "ix_results_tags",
                "metadata.jenkins.job_name=job-7": "ix_results_jenkins_job_name",
                "metadata.jenkins.build_number=7": "ix_results_jenkins_build_number",
                "metadata.jenkins.build_number*7;8": "ix_results_jenkins_build_number",
            },
        ),
        (
            Run,
            {
                "metadata.tags=tag-7": "ix_runs_tags",
                "metadata.jenkins.job_name=job-7": "ix_runs_jenkins_job_name",
                "metadata.jenkins.build_number=7": "ix_runs_jenkins_build_number",
                "summary.pass_percent<5": "ix_runs_summary_pass_percent",
            },
        ),
    ],
)
def test_filters_on_json_use_their_indexes(app: Flask, model: Model, filters: dict[str, str]) -> None:
    """The planner chooses the index of the path by itself."""
    fill(model)
    for filter_, index in filters.items():
        assert index in plan(PageQuery(model, [compile_filter(Filter.parse(filter_), model)], 1, 25)), filter_
