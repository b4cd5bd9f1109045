"""Hold tasks that fail, wait or lock, for tests of a real worker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ibutsu_server.db import db
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.tasks import lock, shared_task
from ibutsu_server.util.redis_lock import is_locked

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


@shared_task(name="failing.under_lock")
def under_lock(name: str) -> bool:
    """Take the lock called ``name`` and say whether it is held."""
    with lock(name):
        return is_locked(name)


@shared_task(name="failing.too_long", soft_time_limit=1)
def too_long(pipe: str) -> None:
    """Wait longer than the task may: in PostgreSQL for a statement, else for a pipe nobody writes to."""
    if db.engine.dialect.name == "postgresql":
        db.session.execute(db.text("SELECT pg_sleep(600)"))
    Path(pipe).read_text()
