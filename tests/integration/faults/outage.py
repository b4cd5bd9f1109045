"""How long the outages of the tests last."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.processes import Process

LASTING: Final = pytest.mark.lasting_fault


def durations(seconds: float) -> list[object]:
    """Return, as parameters of a test, an outage that ends once it is noticed, and one that lasts longer."""
    return [pytest.param(0, id="noticed"), pytest.param(seconds, id=f"{seconds:g}s", marks=LASTING)]


def last(seconds: float, worker: Process, notice: str = "is tried again in") -> None:
    """Return when the worker has noticed the outage, and no sooner than it has lasted."""
    worker.wait_for(notice)
    sleep(seconds)
