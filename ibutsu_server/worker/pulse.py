"""What the parts of a worker's main process know of each other's state."""

from __future__ import annotations

from time import monotonic
from typing import Final


class Pulse:
    """A mark that the transport sets whenever Redis has answered its question for messages.

    Redis answers at least once a second while a child process is free.
    """

    def __init__(self) -> None:
        self.last: float = monotonic()
        """Seconds of the monotonic clock."""
        self.may_consume = True
        """Whether the worker asks for messages at all; it does not once it is being stopped."""

    def beat(self) -> None:
        """Set the mark to now."""
        self.last = monotonic()


PULSE: Final = Pulse()
"""The mark of this process: kombu makes a new transport for each connection, and this outlives them."""
