"""Show which errors count as an outage of the infrastructure, and which are the task's own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import kombu.exceptions
import psycopg
import pytest
import redis.exceptions
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.orm import Session

from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.util.outages import is_held_lock, is_outage, reason_of
from tests.servers import free_port

if TYPE_CHECKING:
    from pathlib import Path


def error_of(code: str) -> psycopg.Error:
    """Return the error that PostgreSQL reports under a SQLSTATE."""
    return psycopg.errors.lookup(code)("told by the server")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (psycopg.OperationalError("connection refused"), True),
        (psycopg.InterfaceError("the connection is closed"), True),
        (psycopg.InterfaceError("no result available"), False),
        *((error_of(code), True) for code in ("08006", "53300", "57P01", "57P03", "25006", "55P03", "58030")),
        *((error_of(code), False) for code in ("57014", "42P01", "22P02", "23505", "54000", "25P02")),
        (redis.exceptions.ConnectionError("refused"), True),
        (redis.exceptions.TimeoutError("slow"), True),
        (redis.exceptions.ReadOnlyError("You can't write against a read only replica."), True),
        (redis.exceptions.AuthenticationError("invalid password"), True),
        (redis.exceptions.ResponseError("OOM command not allowed when used memory > 'maxmemory'."), True),
        (redis.exceptions.ResponseError("WRONGTYPE Operation against a key"), False),
        (redis.exceptions.LockError("Somebody else held the lock"), False),
        (kombu.exceptions.OperationalError("refused"), True),
        (ConnectionResetError("by peer"), True),
        (FileNotFoundError("gone"), False),
        (InvalidInputError("no id"), False),
        (None, False),
    ],
)
def test_errors_of_the_servers_are_outages(error: BaseException | None, expected: bool) -> None:
    """A server that is away or refuses connections or writes is an outage; its other answers are not."""
    assert is_outage(error) is expected
    assert is_outage(DBAPIError("SELECT 1", {}, error)) is expected if error else True


def test_a_refused_connection_is_an_outage() -> None:
    """SQLAlchemy's error is read like the driver's own."""
    engine = create_engine(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none")
    with pytest.raises(DBAPIError) as caught, engine.connect():
        pass
    assert is_outage(caught.value)
    assert not is_held_lock(caught.value)
    assert "\n" not in reason_of(caught.value)


def test_what_follows_from_a_lost_connection_is_the_same_outage(postgres_uri: str) -> None:
    """A session that lost its connection and is used on says so with an error of its own."""
    engine = create_engine(make_url(postgres_uri).set(drivername="postgresql+psycopg"))
    with Session(engine) as session, engine.connect() as other:
        pid = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        with pytest.raises(DBAPIError) as lost:
            session.execute(text("SELECT 1"))
        with pytest.raises(PendingRollbackError) as after:
            session.execute(text("SELECT 1"))
        session.invalidate()
    engine.dispose()
    assert is_outage(lost.value)
    assert is_outage(after.value)


def test_a_lock_that_somebody_else_holds_is_known_from_a_server_that_is_away() -> None:
    """Other work can go on meanwhile."""
    assert is_held_lock(error_of("55P03"))
    assert is_held_lock(DBAPIError("SELECT 1", {}, error_of("40P01")))
    assert not is_held_lock(error_of("57P01"))
    assert not is_held_lock(ConnectionResetError())


def test_sqlite_is_read_by_its_result_codes(tmp_path: Path) -> None:
    """A database that is being written to, or cannot be opened, is an outage; a missing table is not."""
    with (
        closing(sqlite3.connect(tmp_path / "a.db")) as first,
        closing(sqlite3.connect(tmp_path / "a.db", timeout=0)) as second,
    ):
        first.execute("BEGIN IMMEDIATE")
        locked = raised_by(second, "BEGIN IMMEDIATE")
        missing = raised_by(first, "SELECT * FROM nowhere")
    with pytest.raises(sqlite3.OperationalError) as closed:
        sqlite3.connect(tmp_path / "no folder" / "a.db")
    assert [is_outage(error) for error in (locked, missing, closed.value)] == [True, False, True]
    assert [is_held_lock(error) for error in (locked, missing, closed.value)] == [True, False, False]


def raised_by(connection: sqlite3.Connection, statement: str) -> sqlite3.Error:
    """Return the error of a statement."""
    with pytest.raises(sqlite3.OperationalError) as caught:
        connection.execute(statement)
    return caught.value
