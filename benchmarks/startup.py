"""Compare what the monitor's app costs to build with a bare Celery app: CPU seconds of whole processes.

The two lines run alternately in one go; the ratio is taken pair by pair, and its median counts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

LIMIT = 2.3
BROKER = "redis://localhost:6379/0"
OURS = "from ibutsu_server import flower_app; flower_app.conf.broker_url"
BARE = f"from celery import Celery; Celery('bare', broker={BROKER!r}).conf.broker_url"


def cpu_seconds(statement: str) -> float:
    """Run a statement in a fresh interpreter and return its user and system time."""
    process = subprocess.Popen(
        [sys.executable, "-c", statement], env={**os.environ, "CELERY_BROKER_URL": BROKER}
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"failed: {statement}")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure, print, and exit with 1 when the ratio is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15, help="pairs of processes to run (default: 15)")
    parser.add_argument("--json", action="store_true", help="print a JSON object instead of text")
    options = parser.parse_args()
    for statement in (OURS, BARE):
        cpu_seconds(statement)  # fills the caches of byte code and files
    pairs = [(cpu_seconds(OURS), cpu_seconds(BARE)) for _ in range(options.pairs)]
    ours, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(mine / other for mine, other in pairs)
    if options.json:
        print(json.dumps({"ours": ours, "bare": bare, "ratio": ratio, "limit": LIMIT, "pairs": pairs}))
    else:
        print(f"flower_app  {ours:.3f} s CPU (median of {len(pairs)})\nbare Celery {bare:.3f} s CPU")
        print(f"ratio       {ratio:.2f} (median of the pairs; limit {LIMIT})")
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
