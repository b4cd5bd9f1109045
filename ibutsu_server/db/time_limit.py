"""End statements that take too long: a regular expression can take for ever."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from psycopg.errors import QueryCanceled
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from ibutsu_server.db.base import db
from ibutsu_server.exceptions import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let each statement of the block take so many seconds, on SQLite all of them together.

    On PostgreSQL the limit stays until the transaction ends. SQLite runs regular expressions in this
    process, where only the main thread can be interrupted: there is no limit in another one.

    Raises:
        InvalidInputError: a statement took longer; the transaction can only be rolled back.
    """
    begin = _limit_statements if db.engine.dialect.name == "postgresql" else _limit_process
    try:
        with begin(seconds):
            yield
    except (OperationalError, TimeoutError) as error:
        if isinstance(error, OperationalError) and not _is_interruption(error):
            raise
        message = (
            f"the query was ended after {seconds:g} seconds: add a filter that leaves fewer rows, "
            "make the regular expression simpler, or ask for an estimate of the total"
        )
        raise InvalidInputError(message) from error


@contextmanager
def _limit_statements(seconds: float) -> Iterator[None]:
    limit = func.set_config("statement_timeout", f"{seconds * 1000:.0f}ms", True)
    db.session.execute(select(limit))
    yield


@contextmanager
def _limit_process(seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise TimeoutError


def _is_interruption(error: OperationalError) -> bool:
    """Tell whether the limit ended the statement; SQLite does not say what a function of ours raised."""
    return isinstance(error.orig, QueryCanceled) or "user-defined function raised" in str(error.orig)
