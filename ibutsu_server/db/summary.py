"""Compute the summary of a run from the number of its results in each state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

COUNTED_STATES: Final = {
    "errors": "error",
    "failures": "failed",
    "skips": "skipped",
    "xfailures": "xfailed",
    "xpasses": "xpassed",
}
"""Key of the summary and the state it counts; every other state is a pass."""


def summarise(states: Mapping[str, int], *, collected: int | None = None) -> dict[str, int]:
    """Give the ``summary`` column of a run; ``states`` holds the number of results by state.

    ``collected`` is the number of tests that were found, where somebody said so: some may not have run.
    """
    tests = sum(states.values())
    counts = {key: states.get(state, 0) for key, state in COUNTED_STATES.items()}
    passes = tests - sum(counts.values())
    found = tests if collected is None else collected
    return {
        **counts,
        "tests": tests,
        "collected": found,
        "passes": passes,
        "not_run": max(found - tests, 0),
        "pass_percent": passes * 100 // tests if tests else 0,
    }
