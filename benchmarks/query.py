"""Measure query_task on a deep page, by filters, and by filters that mean harm, against the naive ways.

Each contestant works in a process of its own on the same real PostgreSQL with all indexes and the default
settings. The results hold what pytest-ibutsu writes of a test, about 1.3 kB; runs overlap in time.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

from _lifecycle_measures import measure
from _lifecycle_rows import application, servers

RUN_RESULTS = 1_000
SIZE = 25
"""Rows of a page."""
GOES = 5
HARM = 32_000
"""Characters of a filter that means harm."""

RUNS = """
INSERT INTO runs (id, created, start_time, component, env, source, summary, data)
SELECT gen_random_uuid(), moment, moment, 'cart', 'stage', 'nightly', '{}',
       jsonb_build_object('tags', jsonb_build_array('nightly', 'build-' || n),
                          'jenkins', jsonb_build_object('job_name', 'nightly', 'build_number', n::text))
FROM (SELECT n, timezone('utc', now()) - n * interval '1 s' AS moment
      FROM generate_series(1, :number) AS n) AS moments
"""
RESULTS = """
INSERT INTO results (id, run_id, test_id, result, start_time, duration, component, env, source, params, data)
SELECT gen_random_uuid(), runs.id, 'tests.test_cart.TestCart.test_total_' || n,
       (ARRAY['passed', 'passed', 'passed', 'passed', 'passed', 'passed', 'failed', 'skipped'])[1 + n % 8],
       runs.start_time + n * interval '1 ms', 0.25, 'cart', 'stage', 'nightly', '{"currency": "EUR"}',
       runs.data || jsonb_build_object(
           'line', n,
           'fspath', 'tests/cart/test_cart.py',
           'node_id', 'tests/cart/test_cart.py::TestCart::test_total_' || n,
           'durations', jsonb_build_object('setup', random(), 'call', random(), 'teardown', random()),
           'statuses', jsonb '{"setup": ["passed", false], "call": ["passed", false]}',
           'markers', jsonb '[{"name": "parametrize", "args": ["currency", ["EUR", "USD"]], "kwargs": {}},
                              {"name": "tier", "args": [1], "kwargs": {}}]',
           'user_properties', jsonb '{"requirement": "CART-1", "component": "cart"}',
           'short_tb', repeat('tests/cart/test_cart.py:7: AssertionError; ', 7))
FROM runs, generate_series(1, :number) AS n
"""


def fill_wide(rows: int) -> None:
    """Make all tables anew, with so many results; each run has a build and a tag of its own."""
    from sqlalchemy import text

    from ibutsu_server.db import db
    from ibutsu_server.db.schema import create_schema

    db.drop_all()
    create_schema()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(RUNS), {"number": rows // RUN_RESULTS})
        connection.execute(text(RESULTS), {"number": RUN_RESULTS})
        connection.execute(text("VACUUM ANALYZE"))


def query(*filters: str, page: int = 1, size: int = 25, estimate: bool = False) -> None:
    """Ask the task."""
    from ibutsu_server.tasks.query import query_task

    query_task(list(filters), page, size, estimate)


def page_naively(page: int, size: int, *, count: bool) -> None:
    """Fetch a page by a plain OFFSET over full rows, after a count where one is asked for."""
    from sqlalchemy import func, select

    from ibutsu_server.db import db
    from ibutsu_server.db.models import Result

    if count:
        db.session.scalar(select(func.count()).select_from(Result))
    ordered = select(Result).order_by(Result.start_time.desc(), Result.id.desc())
    for row in db.session.scalars(ordered.limit(size).offset((page - 1) * size)):
        row.to_dict()
    db.session.rollback()


def show(name: str, seconds: float, naive: float | None = None) -> None:
    """Print the seconds of a way, and how many times the rate of the naive way it reaches."""
    ratio = "" if naive is None else f"{naive / seconds:8.1f} times the rate"
    print(f"  {name:44} {seconds * 1000:10.1f} ms {ratio}")


def compare_pages(targets: tuple[str, str], rows: int, page: int, size: int) -> None:
    """Fetch one deep page, with a total and without."""
    print(f"query_task, page {page:,} of {size} of {rows:,} results:")
    fill_wide(rows)
    for count in (False, True):
        naive = measure(partial(page_naively, page, size, count=count), targets, GOES).seconds
        own = measure(partial(query, page=page, size=size, estimate=not count), targets, GOES).seconds
        show(f"plain OFFSET over full rows, {'and a count' if count else 'no total'}", naive)
        show(f"query_task, the total is {'counted' if count else 'estimated'}", own, naive)


def compare_filters(targets: tuple[str, str]) -> None:
    """Find the results of one run by a path in JSON, without its index and with it."""
    print("the first page of what a filter finds, and how much that is:")
    naive = measure(partial(query, f"metadata.line={RUN_RESULTS}"), targets, GOES).seconds
    show(f"metadata.line={RUN_RESULTS}, which has no index", naive)
    for filter_ in ("metadata.jenkins.build_number=1", "metadata.tags=build-1"):
        show(filter_, measure(partial(query, filter_), targets, GOES).seconds, naive)


HOSTILE = {
    "a value with spaces inside": lambda size: f"result=x{' ' * size}y",
    "a path of many names": lambda size: f"metadata{'.a' * (size // 2)}=1",
    "a list of many values": lambda size: f"test_id*{';'.join(map(str, range(size // 6)))}",
    "a number of many digits": lambda size: f"duration>{'9' * size}",
    "a time with spaces behind it": lambda size: f"start_time>2026-03-01{' ' * size}x",
    "a part of a text": lambda size: f"metadata.fspath%{'x' * size}",
    "a regular expression that matches slowly": lambda size: f"test_id~{'(x+)+' * (size // 320)}y",
    "a regular expression of too much memory": lambda size: f"test_id~(a{{1,255}}){{1,{size // 248}}}",
}
"""What the filter is, and the filter by its size in characters."""


def query_with_harm(name: str, size: int) -> None:
    """Ask with a filter that is answered or refused."""
    from contextlib import suppress

    from ibutsu_server.exceptions import InvalidInputError

    with suppress(InvalidInputError):
        query(HOSTILE[name](size))


def compare_hostile(targets: tuple[str, str]) -> None:
    """Ask with filters of a size and of its double; what is linear takes at most twice the time."""
    print(f"filters that mean harm, of {HARM:,} characters and of {2 * HARM:,}:")
    for name in HOSTILE:
        seconds = [
            measure(partial(query_with_harm, name, size), targets, GOES).seconds for size in (HARM, 2 * HARM)
        ]
        print(
            f"  {name:44} {seconds[0] * 1000:10.1f} ms {seconds[1] * 1000:10.1f} ms "
            f"{seconds[1] / seconds[0]:6.1f} times"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--uri", help="a PostgreSQL database whose tables are DROPPED; without it a server is started"
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="results, whole thousands (%(default)s)")
    parser.add_argument("--page", type=int, default=10_000, help="the deep page (%(default)s)")
    parser.add_argument("--size", type=int, default=SIZE, help="rows of a page (%(default)s)")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        servers(options.uri, Path(directory)) as targets,
        application(*targets).app_context(),
    ):
        compare_pages(targets, options.rows, options.page, options.size)
        compare_filters(targets)
        compare_hostile(targets)


if __name__ == "__main__":
    main()
