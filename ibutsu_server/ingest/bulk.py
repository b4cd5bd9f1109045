"""Insert many rows at once, in the transaction of a connection and beside the thread that makes them."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from psycopg import sql
from psycopg.adapt import Dumper
from psycopg.postgres import types
from psycopg.pq import Format
from sqlalchemy import insert

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg
    from sqlalchemy import Connection, Table

_DRIVER_NAMES: Final = {"FLOAT": "float8", "TIMESTAMP WITHOUT TIME ZONE": "timestamp"}
"""Names of types in psycopg, where SQLAlchemy has others."""


class _UuidTextDumper(Dumper):
    """Send the text of a UUID as the sixteen bytes of PostgreSQL's binary format."""

    format = Format.BINARY
    oid = types["uuid"].oid

    def dump(self, obj: str) -> bytes:
        return bytes.fromhex(obj.replace("-", ""))


class Batch(NamedTuple):
    """Be rows of one table, each with a value per column."""

    table: Table
    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]


class BulkInserter:
    """Insert batches in a thread of its own: the database works on one while the next is made.

    Until :meth:`wait` has returned or the context has ended the connection must not be used otherwise.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bulk-inserter")
        self._running: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._thread.shutdown()

    def insert(self, *batches: Batch) -> None:
        """Begin to insert the batches in this order, when those before are done; raise what they raised."""
        self.wait()
        self._running = self._thread.submit(self._insert, batches)

    def wait(self) -> None:
        """Wait for what was begun, and raise what it raised."""
        running, self._running = self._running, None
        if running is not None:
            running.result()

    def _insert(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            if batch.rows:
                _insert(self._connection, *batch)


def _insert(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Use ``COPY`` on PostgreSQL, else one ``executemany``."""
    if connection.dialect.name == "postgresql":
        names = [str(table.c[column].type.compile(connection.dialect)) for column in columns]
        driver: Any = connection.connection.driver_connection
        _copy(driver, table.name, columns, [_DRIVER_NAMES.get(name, name.lower()) for name in names], rows)
    else:
        connection.execute(insert(table), [dict(zip(columns, row, strict=True)) for row in rows])


def _copy(
    connection: psycopg.Connection[Any],
    table: str,
    columns: Sequence[str],
    type_names: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Copy in the binary format: it sends the content of files as it is, the text format twice as long."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(sql.Identifier(table), names)
    with connection.cursor() as cursor:
        cursor.adapters.register_dumper(str, _UuidTextDumper)
        with cursor.copy(statement) as copy:
            copy.set_types(type_names)
            for row in rows:
                copy.write_row(row)
