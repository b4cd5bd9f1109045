"""Wait for a condition that no event reports."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

WAIT_SECONDS: Final = 120
_PAUSE: Final = 0.1


def wait_until(condition: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    """Return when ``condition`` holds; fail where it does not in time."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, f"{condition} did not hold within {seconds:g} seconds"
        sleep(_PAUSE)
