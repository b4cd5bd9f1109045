"""Show that a statement is ended when its time is up, on both databases and in any thread."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import text

from ibutsu_server.db import db
from ibutsu_server.db.time_limit import time_limit
from ibutsu_server.exceptions import InvalidInputError

if TYPE_CHECKING:
    from flask import Flask

COUNT: Final = text("""
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)
    SELECT count(*) FROM numbers
""")
MINUTES: Final = {"last": 1_000_000_000}
"""How far it counts where it shall take longer than anybody waits."""


def count_for_minutes(seconds: float) -> str:
    """Return what the statement is ended with."""
    with pytest.raises(InvalidInputError) as caught, time_limit(seconds):
        db.session.execute(COUNT, MINUTES)
    db.session.rollback()
    return str(caught.value)


def test_a_statement_is_ended_in_any_thread(app: Flask) -> None:
    """The message says how long it took, and the next statement works."""
    ended: list[Any] = []

    def work() -> None:
        with app.app_context():
            ended.append(count_for_minutes(0.1))
            ended.append(db.session.execute(COUNT, {"last": 2}).scalar_one())

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert ended[0].startswith("The query was ended after 0.1 seconds: add a filter")
    assert ended[1] == 2


@pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)
def test_time_that_is_up_between_two_statements_ends_the_second(app: Flask) -> None:
    """SQLite forgets an interrupt that comes while nothing is running."""

    def ask_twice() -> None:
        with time_limit(0.05):
            db.session.execute(COUNT, {"last": 2})
            Event().wait(0.1)
            db.session.execute(COUNT, MINUTES)

    with pytest.raises(InvalidInputError, match="ended after"):
        ask_twice()


def test_the_limit_ends_with_the_transaction(app: Flask) -> None:
    """What comes after the block may take as long as it likes."""
    with time_limit(0.05):
        db.session.execute(COUNT, {"last": 2})
    db.session.rollback()
    assert db.session.execute(COUNT, {"last": 1_000_000}).scalar_one() == 1_000_000


def test_another_error_passes_as_it_is(app: Flask) -> None:
    """Only the limit is an error of the query."""
    with pytest.raises(ZeroDivisionError), time_limit(1):
        _ = 1 // 0
