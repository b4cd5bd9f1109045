"""Measure run updates, the search for aborted runs, prunes and deep pages against the naive ways.

Each contestant works in a process of its own on the same real PostgreSQL with all indexes, the default
settings, and a real Valkey.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import tempfile
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import _lifecycle_measures as measures
from _chart import write_chart
from _lifecycle_measures import measure
from _lifecycle_rows import application, fill, servers
from query import SIZE, compare_pages, fill_wide, query

if TYPE_CHECKING:
    from _lifecycle_measures import Measure

OLD = 400
"""Days: older than every retention."""

RESULTS_OF_RUN = 10
PAGES = 100
"""Rows for each page before the one that is asked for."""


def show(name: str, own: Measure, naive: Measure | None = None) -> None:
    """Print the figures of a task, and how many times the rate of the naive way it reaches."""
    print(
        f"  {name:28} {own.seconds:9.4f} s {own.statements:7,} statements {own.megabytes:+8.1f} MB above idle"
    )
    if naive is not None:
        show("the naive way", naive)
        print(f"  {'times the rate':28} {naive.seconds / own.seconds:9.1f}")


def compare_updates(targets: tuple[str, str], results: int) -> None:
    """Update one large run."""
    print(f"update_run, a run of {results:,} results beside as many older ones:")
    run_id = fill(runs=2, results_of_run=results)
    update = measure(partial(measures.update_run, run_id), targets, goes=5)
    show("update_run", update, measure(partial(measures.update_run_naively, run_id), targets, goes=3))


def compare_syncs(targets: tuple[str, str], runs: int) -> None:
    """Look for aborted runs where there is none."""
    print(f"sync_aborted_runs, {runs:,} recent runs of {RESULTS_OF_RUN} results, all in step:")
    fill(runs=runs, results_of_run=RESULTS_OF_RUN)
    naive = measure(measures.sync_naively, targets)
    show("sync_aborted_runs", measure(measures.sync_aborted_runs, targets, goes=3), naive)


def prune_beside_an_import(targets: tuple[str, str], artifacts: int) -> None:
    """Prune while another process imports, and tell what its statements took, and what they take alone."""
    print(f"prune_old_files, {artifacts:,} artifacts, while another process imports:")
    fill(runs=artifacts // 100, results_of_run=100, days=OLD, artifacts=True)
    context = get_context("spawn")
    with context.Manager() as manager, context.Pool(1) as pool:
        stop = manager.Event()
        importing = pool.apply_async(measures.import_until, (stop, targets))
        prune = measure(partial(measures.prune, "artifacts"), targets)
        stop.set()
        beside = importing.get()
        stop.clear()
        importing = pool.apply_async(measures.import_until, (stop, targets))
        importing.wait(10)
        stop.set()
        alone = importing.get()
    show("prune_old_files", prune)
    print(f"  {'artifacts per second':28} {artifacts / prune.seconds:9,.0f}")
    settled = prune.megabytes_by_batch[len(prune.megabytes_by_batch) // 10 :]
    print(f"  {'memory, from batch to batch':28} {min(settled):9.1f} to {max(settled):.1f} MB")
    for name, seconds in (("beside the prune", beside), ("alone", alone)):
        p99 = statistics.quantiles(seconds, n=100)[98]
        print(
            f"  import statements {name:16} {len(seconds):7,}: p99 {p99 * 1000:.1f} ms, "
            f"longest {max(seconds) * 1000:.1f} ms"
        )


def grow(targets: tuple[str, str], sizes: list[int]) -> list[dict[str, float]]:
    """Measure each cost for each number of rows."""
    rows = []
    for size in sizes:
        run_id = fill(runs=1, results_of_run=size)
        update = measure(partial(measures.update_run, run_id), targets, goes=3)
        fill(runs=size // RESULTS_OF_RUN, results_of_run=RESULTS_OF_RUN)
        sync = measure(measures.sync_aborted_runs, targets, goes=3)
        fill(runs=size // 100, results_of_run=100, days=OLD, artifacts=True)
        files = measure(partial(measures.prune, "artifacts"), targets)
        fill(runs=size // 100, results_of_run=100, days=OLD)
        runs = measure(partial(measures.prune, "runs"), targets)
        fill_wide(size)
        deep = partial(query, page=size // PAGES, size=SIZE, estimate=True)
        page = measure(deep, targets, goes=3)
        seconds = {"update_run": update, "sync_aborted_runs": sync}
        seconds |= {"prune_old_files": files, "prune_old_runs": runs, "query_task": page}
        rows.append({"rows": size, **{name: found.seconds for name, found in seconds.items()}})
        print("  ".join(f"{name} {value:,.4g}" for name, value in rows[-1].items()))
    return rows


def write_docs(directory: Path, rows: list[dict[str, float]]) -> None:
    """Write the table and the plot of the documentation."""
    names = list(rows[0])
    with (directory / "lifecycle.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            writer.writerow([f"{row['rows']:,}", *(f"{row[name]:.3f}" for name in names[1:])])
    write_chart(directory / "lifecycle.svg", rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--uri", help="a PostgreSQL database whose tables are DROPPED; without it a server is started"
    )
    parser.add_argument("--results", type=int, default=100_000, help="of the run to update (%(default)s)")
    parser.add_argument("--runs", type=int, default=20_000, help="recent runs (%(default)s)")
    parser.add_argument("--artifacts", type=int, default=1_000_000, help="to prune (%(default)s)")
    parser.add_argument("--pages", type=int, default=1_000_000, help="results to page through (%(default)s)")
    parser.add_argument(
        "--growth", type=int, nargs="*", default=[10_000, 100_000, 1_000_000], help="rows (%(default)s)"
    )
    parser.add_argument("--docs", type=Path, help="folder that gets the table and the plot of the growth")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        servers(options.uri, Path(directory)) as targets,
        application(*targets).app_context(),
    ):
        compare_updates(targets, options.results)
        compare_syncs(targets, options.runs)
        prune_beside_an_import(targets, options.artifacts)
        compare_pages(targets, options.pages, options.pages // PAGES, SIZE)
        if options.growth:
            print("seconds by number of rows:")
            rows = grow(targets, options.growth)
            if options.docs:
                write_docs(options.docs, rows)


if __name__ == "__main__":
    main()
