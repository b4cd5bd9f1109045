"""Tell an outage of the infrastructure from an error of the task itself."""

from __future__ import annotations

import sqlite3
from typing import Final

import kombu.exceptions
import psycopg
import redis.exceptions
from sqlalchemy.exc import DBAPIError, PendingRollbackError

_POSTGRESQL_CLASSES: Final = (
    "08",  # connection exception
    "28",  # invalid authorization: the password is being changed
    "53",  # insufficient resources: too many connections, disk full
    "57P",  # operator intervention: shutdown, crash, starting up
    "58",  # system error
)
_POSTGRESQL_LOCKS: Final = frozenset(
    {
        "55P03",  # lock not available
        "40001",  # serialization failure
        "40P01",  # deadlock detected
    }
)
_POSTGRESQL_STATES: Final = _POSTGRESQL_LOCKS | {
    "25006",  # read-only transaction: a standby, or a primary that is being moved
    "25P03",  # idle-in-transaction session timeout
    "3D000",  # the database does not exist: it is being restored
}
"""Classes and single codes of SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html"""

_SQLITE_LOCKS: Final = ("SQLITE_BUSY", "SQLITE_LOCKED")
_SQLITE_CODES: Final = (
    *_SQLITE_LOCKS,
    *("SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_CANTOPEN", "SQLITE_PROTOCOL"),
)
"""Prefixes of result codes, https://sqlite.org/rescode.html"""

_CONNECTION_WAS_LOST: Final = "8s2b"
"""Code of SQLAlchemy's error, https://docs.sqlalchemy.org/en/21/errors.html#error-8s2b"""

_REDIS_ERRORS: Final = (
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.MasterDownError,
    redis.exceptions.NoPermissionError,
)
_REDIS_REFUSALS: Final = ("MISCONF", "LOADING", "READONLY", "OOM", "NOREPLICAS", "MASTERDOWN", "NOAUTH")
"""First words of answers of a Redis that is not ready for a command."""


def is_outage(error: BaseException | None) -> bool:
    """Return whether the broker or the database caused ``error``, so that the same work may succeed later."""
    if isinstance(error, PendingRollbackError):
        return error.code == _CONNECTION_WAS_LOST
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or is_outage(error.orig)
    if isinstance(error, psycopg.Error):
        return _is_outage_of_postgresql(error)
    if isinstance(error, sqlite3.Error):
        return _code_of(error).startswith(_SQLITE_CODES)
    if isinstance(error, redis.exceptions.ResponseError):
        return isinstance(error, _REDIS_ERRORS) or str(error).startswith(_REDIS_REFUSALS)
    return isinstance(error, (*_REDIS_ERRORS, kombu.exceptions.OperationalError, ConnectionError))


def is_held_lock(error: BaseException | None) -> bool:
    """Return whether somebody else held a lock that the work needs: other work can go on meanwhile."""
    if isinstance(error, DBAPIError):
        return is_held_lock(error.orig)
    if isinstance(error, psycopg.Error):
        return error.sqlstate in _POSTGRESQL_LOCKS
    return isinstance(error, sqlite3.Error) and _code_of(error).startswith(_SQLITE_LOCKS)


def reason_of(error: BaseException) -> str:
    """Return the first line of what the server or its driver said."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.partition("\n")[0] or type(error).__name__


def _is_outage_of_postgresql(error: psycopg.Error) -> bool:
    state = error.sqlstate
    if state is not None:
        return state in _POSTGRESQL_STATES or state.startswith(_POSTGRESQL_CLASSES)
    # An error of the connection has no code: it was refused, lost, or used after it was lost.
    return isinstance(error, psycopg.OperationalError) or "connection is closed" in str(error)


def _code_of(error: sqlite3.Error) -> str:
    return getattr(error, "sqlite_errorname", None) or ""
