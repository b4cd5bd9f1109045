"""Hold tasks that fail, for tests of retries by a real worker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.tasks import shared_task

if TYPE_CHECKING:
    from celery import Task


@shared_task(bind=True, name="failing.twice")
def twice(self: Task[Any, Any]) -> str:
    """Fail two times, then work."""
    if self.request.retries < 2:
        message = "the network is away"
        raise RuntimeError(message)
    return f"worked after {self.request.retries} retries"


@shared_task(name="failing.always")
def always() -> None:
    """Fail whenever it is called."""
    message = "the network stays away"
    raise RuntimeError(message)


@shared_task(name="failing.bad_input")
def bad_input() -> None:
    """Fail for a reason that stays."""
    message = "the colour is no colour"
    raise InvalidInputError(message)


@shared_task(name="failing.wait_for_go")
def wait_for_go(name: str, pipe: str) -> str:
    """End when somebody writes to a named pipe; until then the task needs nothing and nobody."""
    Path(pipe).read_text()
    return name
