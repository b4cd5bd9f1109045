"""End statements that take too long."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

from psycopg.errors import QueryCanceled
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from ibutsu_server.db.base import db
from ibutsu_server.exceptions import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_INTERRUPT_AGAIN: Final = 0.05
"""Seconds between two interrupts: the one that comes between two statements ends none of them."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let each statement of the block take so many seconds, on SQLite all of them together.

    On PostgreSQL the limit stays until the transaction ends.

    Raises:
        InvalidInputError: a statement took longer; the transaction can only be rolled back.
    """
    limit = _limit_on_postgresql if db.engine.dialect.name == "postgresql" else _limit_on_sqlite
    try:
        with limit(seconds):
            yield
    except OperationalError as error:
        if not (isinstance(error.orig, QueryCanceled) or str(error.orig) == "interrupted"):
            raise
        message = (
            f"The query was ended after {seconds:g} seconds: add a filter that leaves fewer rows, "
            "make the regular expression simpler, or ask for an estimate of the total."
        )
        raise InvalidInputError(message) from error


@contextmanager
def _limit_on_postgresql(seconds: float) -> Iterator[None]:
    limit = func.set_config("statement_timeout", f"{seconds * 1000:.0f}ms", True)
    db.session.execute(select(limit))
    yield


@contextmanager
def _limit_on_sqlite(seconds: float) -> Iterator[None]:
    connection: Any = db.session.connection().connection.driver_connection
    is_over = Event()

    def interrupt() -> None:
        wait = seconds
        while not is_over.wait(wait):
            connection.interrupt()
            wait = _INTERRUPT_AGAIN

    timer = Thread(target=interrupt, daemon=True)
    timer.start()
    try:
        yield
    finally:
        is_over.set()
        timer.join()
