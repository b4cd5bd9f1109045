"""The outages of the tests, and how long they last."""

from __future__ import annotations

from contextlib import contextmanager
from time import sleep
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.faults.servers import OwnValkey
    from tests.processes import Process

LASTING: Final = pytest.mark.lasting_fault


def durations(seconds: float) -> list[object]:
    """Return, as parameters of a test, an outage that ends once it is noticed, and one that lasts longer."""
    return [pytest.param(0, id="noticed"), pytest.param(seconds, id=f"{seconds:g}s", marks=LASTING)]


def last(seconds: float, worker: Process, notice: str = "is tried again in") -> None:
    """Return when the worker has noticed the outage, and no sooner than it has lasted."""
    worker.wait_for(notice)
    sleep(seconds)


@contextmanager
def gone(valkey: OwnValkey, fault: str) -> Iterator[None]:
    """Kill or freeze Redis until the block is left."""
    if fault == "killed":
        valkey.kill()
        yield
        valkey.start()
    else:
        valkey.freeze()
        yield
        valkey.thaw()
