"""Measure the prunes against plain DELETEs, and their forecast against a plain count.

Each contestant works in a process of its own on the same real PostgreSQL with all indexes and the default
settings. The plain DELETEs delete everything that is old in one transaction, children first, and block
everybody who uses it. The plain counts count what is old by table and month, without a look at what is young
and protects it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from functools import partial
from pathlib import Path

import _lifecycle_measures as measures
from _lifecycle_measures import measure
from _lifecycle_rows import application, fill, servers

OLD = 400
"""Days: older than every retention."""
GOES = 3
RESULTS_OF_RUN = 100

FILES_OF_RESULTS = (
    "DELETE FROM artifacts USING results WHERE results.id = result_id AND results.start_time < {now}"
)
PLAIN = {
    "artifacts": ("DELETE FROM artifacts WHERE upload_date < {now}",),
    "results": (FILES_OF_RESULTS, "DELETE FROM results WHERE start_time < {now}"),
    "runs": (
        "DELETE FROM artifacts USING results, runs WHERE results.id = result_id AND runs.id = results.run_id "
        "AND runs.start_time < {now}",
        "DELETE FROM results USING runs WHERE runs.id = run_id AND runs.start_time < {now}",
        "DELETE FROM artifacts USING runs WHERE runs.id = artifacts.run_id AND runs.start_time < {now}",
        "DELETE FROM runs WHERE start_time < {now}",
    ),
}
"""The statements for each kind of prune."""

RECENT_FILES = """
INSERT INTO artifacts (id, result_id, filename, data, upload_date, content)
SELECT gen_random_uuid(), id, 'traceback.log', '{"contentType": "text/plain"}', timezone('utc', now()), 'text'
FROM results LIMIT :number
"""
COUNT = """
SELECT count(*), date_trunc('month', {time})
FROM {table} WHERE {time} < {now} - interval '{days} days' GROUP BY 2
"""
COUNTED = (("artifacts", "upload_date", 90), ("results", "start_time", 150), ("runs", "start_time", 360))


def execute(*statements: str) -> None:
    """Execute the statements in one transaction."""
    from sqlalchemy import text

    from ibutsu_server.db import db

    for statement in statements:
        db.session.execute(text(statement.replace("{now}", "timezone('utc', now())")))
    db.session.commit()


def forecast() -> None:
    """Count what the default plan would delete."""
    from ibutsu_server.db import db
    from ibutsu_server.db.forecast import forecast
    from ibutsu_server.db.retention import Cutoffs
    from ibutsu_server.settings import BeatSettings

    forecast(Cutoffs.of_plan(BeatSettings.hermetic()))
    db.session.rollback()


def show(name: str, seconds: float, ratio: float) -> None:
    """Print what something took, and how many times the plain way that is."""
    print(f"  {name:48} {seconds:9.4f} s {ratio:6.2f} times the plain way")


def compare_prunes(targets: tuple[str, str], rows: int) -> None:
    """Delete so many old results with a file each, by each kind of prune; the median of the pairs counts."""
    print(f"{rows:,} results with a file each, all old:")
    for kind, statements in PLAIN.items():
        own, ratios = [], []
        for _ in range(GOES):
            seconds = []
            for work in (partial(execute, *statements), partial(measures.prune, kind)):
                fill(runs=rows // RESULTS_OF_RUN, results_of_run=RESULTS_OF_RUN, days=OLD, artifacts=True)
                seconds.append(measure(work, targets).seconds)
            own.append(seconds[1])
            ratios.append(seconds[1] / seconds[0])
        show(f"prune of {kind}", statistics.median(own), statistics.median(ratios))


def compare_forecasts(targets: tuple[str, str], rows: int) -> None:
    """Forecast where a tenth of the old results is protected by a young file."""
    from sqlalchemy import text

    from ibutsu_server.db import db

    print(f"{rows:,} old results, and {rows // 10:,} recent files:")
    fill(runs=rows // RESULTS_OF_RUN, results_of_run=RESULTS_OF_RUN, days=OLD)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(RECENT_FILES), {"number": rows // 10})
        connection.execute(text("VACUUM ANALYZE"))
    counts = [COUNT.format(table=table, time=time, days=days, now="{now}") for table, time, days in COUNTED]
    plain = measure(partial(execute, *counts), targets, goes=GOES).seconds
    own = measure(forecast, targets, goes=GOES).seconds
    show("forecast of all prunes", own, own / plain)


def main() -> None:
    """Measure and print, each for a number of rows and for its double."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--uri", help="a PostgreSQL database whose tables are DROPPED; without it a server is started"
    )
    parser.add_argument("--rows", type=int, default=20_000, help="results to prune (%(default)s)")
    parser.add_argument("--forecast", type=int, default=300_000, help="results to count (%(default)s)")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        servers(options.uri, Path(directory)) as targets,
        application(*targets).app_context(),
    ):
        for rows in (options.rows, 2 * options.rows):
            compare_prunes(targets, rows)
        for rows in (options.forecast, 2 * options.forecast):
            compare_forecasts(targets, rows)


if __name__ == "__main__":
    main()
