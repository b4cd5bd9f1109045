"""Measure every regular expression of the package on texts that make a careless one backtrack.

Each pattern is applied to texts of N and of 2 N characters, in the ways in which its module applies it.
The slowest text is printed with the times for both: a linear pattern takes twice as long, a quadratic one
four times.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import process_time
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))  # the tests know how to find and to pump the patterns

from tests.patterns import Found, apply, modules, patterns_of, pumped

NOISE = 0.001
"""Seconds below which a ratio says nothing."""


def seconds(found: Found, text: Any, rounds: int = 1) -> float:
    """Return the time that a pattern takes for a text, the best of some rounds."""
    times = []
    for _ in range(rounds):
        start = process_time()
        apply(found, text)
        times.append(process_time() - start)
    return min(times)


def slowest(found: Found, number: int) -> tuple[float, float, Any]:
    """Return the times for N and 2 N characters of the text that takes longest, and that text."""
    texts = [*zip(pumped(found.pattern, number), pumped(found.pattern, 2 * number), strict=True)]
    candidates = sorted(texts, key=lambda pair: seconds(found, pair[1]))[-3:]
    measured = [(seconds(found, text, 5), seconds(found, double, 5), text) for text, double in candidates]
    return max(measured, key=lambda one: one[1] / max(one[0], NOISE))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "number", type=int, nargs="?", default=2_000, help="characters of a text (%(default)s)"
    )
    options = parser.parse_args()
    print(f"{'':56} {'ms':>8} {'ms at 2 N':>10} {'times':>6}")
    for found in [found for module in modules() for found in patterns_of(module)]:
        once, twice, text = slowest(found, options.number)
        name = found.name.removeprefix("ibutsu_server.")
        mark = f"  not linear: {text[:20]!r}...{text[-5:]!r}" if twice > NOISE and twice > 3 * once else ""
        print(f"{name:56} {once * 1000:8.2f} {twice * 1000:10.2f} {twice / once:6.1f}{mark}", flush=True)


if __name__ == "__main__":
    main()
