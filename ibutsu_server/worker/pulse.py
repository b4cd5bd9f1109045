"""The point in time at which this process last got an answer to its question for messages."""

from __future__ import annotations

from time import monotonic
from typing import Final


class Pulse:
    """A mark that the transport sets whenever Redis has answered a BRPOP, with a message or without one."""

    def __init__(self) -> None:
        self.last: float = monotonic()
        """Seconds of the monotonic clock."""

    def beat(self) -> None:
        """Set the mark to now."""
        self.last = monotonic()


PULSE: Final = Pulse()
"""The mark of this process: kombu makes a new transport for each connection, and this outlives them."""
