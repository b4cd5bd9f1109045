"""Send the events of a worker, and never wait for Redis to take them: they only inform."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from celery.events import EventDispatcher

LONGEST_BUFFER: Final = 1000
"""Events that are kept for the next connection; of more, the newest."""


class SteadyDispatcher(EventDispatcher):
    """A dispatcher that tries once to send an event, and keeps it for the next connection.

    Celery 5.7.0 sends the heartbeats of a worker until Redis takes them. Its main process does nothing else
    meanwhile, not even end on SIGTERM.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._outbound_buffer: deque[Any] = deque(self._outbound_buffer, LONGEST_BUFFER)

    def send(self, *args: Any, **kwargs: Any) -> Any:
        """Send an event, once."""
        return super().send(*args, **{**kwargs, "retry": False})
