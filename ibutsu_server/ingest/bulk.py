"""Insert many rows at once, in the transaction of a connection and beside the thread that makes them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from io import BytesIO
from json import JSONEncoder
from typing import TYPE_CHECKING, Any, Final, Self

import orjson
from psycopg import Copy, sql
from psycopg.adapt import Dumper
from psycopg.copy import FileWriter
from psycopg.postgres import types
from psycopg.pq import Format
from sqlalchemy import insert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Table

_DRIVER_NAMES: Final = {"FLOAT": "float8", "TIMESTAMP WITHOUT TIME ZONE": "timestamp"}
"""Names of types in psycopg, where SQLAlchemy has others."""

_CANCEL_SECONDS: Final = 5.0

_SWITCH_SECONDS: Final = 0.0005
"""Seconds after which a thread hands over the interpreter. The default, 5 ms, is what the thread that sends a
batch would wait after each of its pieces, as long as the next batch is made, and the database with it."""

_encode_any_json: Final = JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


class _UuidTextDumper(Dumper):
    """Send the text of a UUID as the sixteen bytes of PostgreSQL's binary format."""

    format = Format.BINARY
    oid = types["uuid"].oid

    def dump(self, obj: str) -> bytes:
        return bytes.fromhex(obj.replace("-", ""))


class _JsonbDumper(Dumper):
    """Send an object as PostgreSQL's binary format of ``jsonb``: a version, then JSON text."""

    format = Format.BINARY
    oid = types["jsonb"].oid

    def dump(self, obj: dict[str, Any]) -> bytes:
        return b"\1" + _json_bytes(obj) if obj else b"\1{}"


def _json_bytes(value: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # an integer of more than 64 bits, or more than 254 levels
        return _encode_any_json(value).encode()


Insertion = Callable[[], object]
"""Inserts the rows of one batch when it is called."""


class CopyBatch:
    """Gather rows of one table as ``COPY`` takes them.

    The format is the binary one: it sends the content of files as it is, the text format twice as long.
    """

    def __init__(self, connection: Connection, table: Table, columns: Sequence[str]) -> None:
        driver: Any = connection.connection.driver_connection
        self._driver = driver
        self._cursor = driver.cursor()
        self._cursor.adapters.register_dumper(str, _UuidTextDumper)
        self._cursor.adapters.register_dumper(dict, _JsonbDumper)
        names = (str(table.c[column].type.compile(connection.dialect)) for column in columns)
        self._types = [_DRIVER_NAMES.get(name, name.lower()) for name in names]
        self._statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
            sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        self._begin()

    def _begin(self) -> None:
        self.rows = 0
        self.size = 0
        """About how many bytes the rows take."""
        self._data = BytesIO()
        self._copy = Copy(self._cursor, binary=True, writer=FileWriter(self._data))
        self._copy.set_types(self._types)

    def add(self, row: Sequence[Any]) -> None:
        """Add a row: a value per column."""
        self._copy.write_row(row)
        self.rows += 1
        self.size = self._data.tell()

    def take(self) -> Insertion:
        """Return the insertion of the rows, and begin anew without any."""
        self._copy.finish(None)
        insertion = partial(self._send, self._data)
        self._begin()
        return insertion

    def _send(self, data: BytesIO) -> None:
        with self._driver.cursor().copy(self._statement) as copy:
            copy.write(data.getbuffer())


class ExecutemanyBatch:
    """Gather rows of one table for a statement that is executed with each of them."""

    def __init__(self, connection: Connection, table: Table, columns: Sequence[str]) -> None:
        self._connection = connection
        self._statement = insert(table)
        self._columns = columns
        self._begin()

    def _begin(self) -> None:
        self.size = 0
        self._rows: list[dict[str, Any]] = []

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def add(self, row: Sequence[Any]) -> None:
        """Add a row: a value per column."""
        self._rows.append(dict(zip(self._columns, row, strict=True)))
        self.size += _weight(row)

    def take(self) -> Insertion:
        """Return the insertion of the rows, and begin anew without any."""
        insertion = partial(self._connection.execute, self._statement, self._rows)
        self._begin()
        return insertion


Batch = CopyBatch | ExecutemanyBatch


class BulkInserter:
    """Insert batches in a thread of its own: the database works on one while the next is made.

    After :meth:`begin` the connection must not be used otherwise until :meth:`wait` has returned or the
    context has ended. The last batch needs no thread: see :meth:`insert`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._thread: ThreadPoolExecutor | None = None
        self._running: Future[None] | None = None
        self._switch_interval = sys.getswitchinterval()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *exception: object) -> None:
        if self._thread is None:
            return
        if kind is not None and self._running is not None and not self._running.done():
            self._cancel()
        self._thread.shutdown()
        sys.setswitchinterval(self._switch_interval)

    def _cancel(self) -> None:
        """End the statement of the thread, which may be waiting for a lock as long as it takes."""
        driver: Any = self._connection.connection.driver_connection
        if self._connection.dialect.name == "postgresql":
            driver.cancel_safe(timeout=_CANCEL_SECONDS)
        else:
            driver.interrupt()

    def batch_of(self, table: Table, columns: Sequence[str]) -> Batch:
        """Return an empty batch of rows of a table."""
        is_postgresql = self._connection.dialect.name == "postgresql"
        return (CopyBatch if is_postgresql else ExecutemanyBatch)(self._connection, table, columns)

    def begin(self, *batches: Batch) -> None:
        """Begin to insert batches in this order, when those before are done; raise what they raised."""
        insertions = [batch.take() for batch in batches if batch.rows]
        self.wait()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bulk-inserter")
            sys.setswitchinterval(_SWITCH_SECONDS)
        self._running = self._thread.submit(_call_all, insertions)

    def insert(self, *batches: Batch) -> None:
        """Insert batches in this order, after those before; raise what these raised."""
        insertions = [batch.take() for batch in batches if batch.rows]
        self.wait()
        _call_all(insertions)

    def wait(self) -> None:
        """Wait for what was begun, and raise what it raised."""
        if self._running is not None:
            self._running.result()
            self._running = None


def _call_all(insertions: Sequence[Insertion]) -> None:
    for insertion in insertions:
        insertion()


def _weight(value: Any) -> int:
    """Return about how many bytes a value takes: those of its texts."""
    if isinstance(value, (str, bytes)):
        return len(value)
    if isinstance(value, Mapping):
        return _weight(value.keys()) + _weight(value.values())
    return sum(map(_weight, value)) if isinstance(value, Iterable) else 0
