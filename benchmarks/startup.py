"""Compare what our starts cost with bare Celery: CPU seconds of whole processes.

The two lines of a comparison run alternately in one go; the ratio is taken pair by pair, and its median is
printed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from typing import NamedTuple

BROKER = "redis://localhost:6379/0"
ENVIRONMENT = {"CELERY_BROKER_URL": BROKER, "SQLALCHEMY_DATABASE_URI": "sqlite://"}
CELERY_HELP = ("-m", "celery", "--help")


class Comparison(NamedTuple):
    """One of our starts, what it is compared with, and the ratio that it may cost at most."""

    name: str
    ours: tuple[str, ...]
    other_name: str
    other: tuple[str, ...]
    limit: float


COMPARISONS = (
    Comparison(
        "flower_app",
        ("-c", "from ibutsu_server import flower_app; flower_app.conf.broker_url"),
        "bare Celery",
        ("-c", f"from celery import Celery; Celery('bare', broker={BROKER!r}).conf.broker_url"),
        2.0,
    ),
    Comparison("ibutsu --help", ("-m", "ibutsu_server", "--help"), "celery --help", CELERY_HELP, 0.5),
    Comparison(
        "ibutsu config check", ("-m", "ibutsu_server", "config", "check"), "celery --help", CELERY_HELP, 1.0
    ),
)


def cpu_seconds(arguments: tuple[str, ...]) -> float:
    """Run a fresh interpreter and return its user and system time."""
    process = subprocess.Popen(
        [sys.executable, *arguments], env={**os.environ, **ENVIRONMENT}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"failed: {arguments}")
    return usage.ru_utime + usage.ru_stime


def measure(comparison: Comparison, pairs: int) -> dict[str, object]:
    """Return the medians of both lines and of their ratio."""
    for arguments in (comparison.ours, comparison.other):
        cpu_seconds(arguments)  # fills the caches of byte code and files
    taken = [(cpu_seconds(comparison.ours), cpu_seconds(comparison.other)) for _ in range(pairs)]
    ours, other = (statistics.median(column) for column in zip(*taken, strict=True))
    ratio = statistics.median(mine / their for mine, their in taken)
    return {"name": comparison.name, "ours": ours, "other": other, "ratio": ratio, "limit": comparison.limit}


def main() -> None:
    """Measure, print, and exit with 1 when a ratio is over its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15, help="pairs of processes to run (default: 15)")
    parser.add_argument("--json", action="store_true", help="print a JSON array instead of text")
    options = parser.parse_args()
    figures = []
    for comparison in COMPARISONS:
        figure = measure(comparison, options.pairs)
        figures.append(figure)
        if not options.json:
            print(
                f"{comparison.name:<20} {figure['ours']:.3f} s CPU, {comparison.other_name} "
                f"{figure['other']:.3f} s: ratio {figure['ratio']:.2f} (limit {comparison.limit})"
            )
    if options.json:
        print(json.dumps(figures))
    sys.exit(any(figure["ratio"] > figure["limit"] for figure in figures))  # type: ignore[operator]  # floats


if __name__ == "__main__":
    main()
