"""Prepare the connections to a SQLite database, so that it does what this package asks of PostgreSQL."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ibutsu_server.constants import SQLITE_BUSY_TIMEOUT

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

_CACHED_PATTERNS: Final = 64


def prepare_connection(connection: DBAPIConnection, record: object) -> None:
    """Enforce foreign keys, wait while another process writes, and match regular expressions by RE2."""
    del record
    driver: Any = connection
    driver.create_function("regexp", 2, _matches, deterministic=True)
    _execute(connection, "PRAGMA foreign_keys = ON")
    _execute(connection, f"PRAGMA busy_timeout = {SQLITE_BUSY_TIMEOUT * 1000}")


def log_writes_ahead(connection: DBAPIConnection, record: object) -> None:
    """Let readers and a writer of several processes work side by side."""
    del record
    _execute(connection, "PRAGMA journal_mode = WAL")


@lru_cache(_CACHED_PATTERNS)
def compile_pattern(pattern: str) -> Any:
    """Return a regular expression of RE2, which is linear in the text: nothing can interrupt Python's own.

    Raises:
        ValueError: RE2 does not accept the pattern; the message says why.
    """
    import re2  # workers over PostgreSQL do without it

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.dot_nl = True  # as in PostgreSQL
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(error.args[0].decode()) from None


def _matches(pattern: str, text: str | None) -> bool | None:
    return None if text is None else compile_pattern(pattern).search(text) is not None


def _execute(connection: DBAPIConnection, statement: str) -> None:
    cursor = connection.cursor()
    cursor.execute(statement)
    cursor.close()
