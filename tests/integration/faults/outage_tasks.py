"""Tasks whose servers are away, for tests of a real worker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ibutsu_server.tasks import shared_task

if TYPE_CHECKING:
    from celery import Task


def call(path: str, outages: int) -> int:
    """Count this call in a file; the first ones meet an outage. Return the number of calls."""
    calls = Path(path).read_text().count(".") + 1
    Path(path).write_text("." * calls)
    if calls <= outages:
        message = "the server is away"
        raise ConnectionRefusedError(message)
    return calls


@shared_task(bind=True, name="outage.wait_in_place")
def wait_in_place(self: Task[Any, Any], path: str, outages: int) -> tuple[int, int]:
    """Meet outages; return the number of calls and the retries that were counted."""
    return call(path, outages), self.request.retries


# Celery makes an attribute of the task from any other argument; its types know only its own.
@shared_task(bind=True, name="outage.sent_again", outage_patience=0)  # type: ignore[call-overload,untyped-decorator]
def sent_again(self: Task[Any, Any], path: str, outages: int) -> tuple[int, int]:
    """Do the same in a new message each time."""
    return call(path, outages), self.request.retries


@shared_task(bind=True, name="outage.fail_once")
def fail_once(self: Task[Any, Any], pipe: str) -> str:
    """Fail when somebody has written to a named pipe; the second time, end."""
    if self.request.retries:
        return "tried again"
    Path(pipe).read_text()
    message = "an error of the task itself"
    raise RuntimeError(message)


@shared_task(name="outage.end_quietly", ignore_result=True)
def end_quietly(pipe: str) -> None:
    """End when somebody has written to a named pipe, and store no result."""
    Path(pipe).read_text()
