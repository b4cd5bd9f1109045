"""Insert many rows at once, in the transaction of a connection and beside the thread that makes them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from io import BytesIO
from json import JSONEncoder
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

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

# Shorter than what ``json.dumps`` writes, and made in less time.
_encode_json: Final = JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


class _UuidTextDumper(Dumper):
    """Send the text of a UUID as the sixteen bytes of PostgreSQL's binary format."""

    format = Format.BINARY
    oid = types["uuid"].oid

    def dump(self, obj: str) -> bytes:
        return _uuid_bytes(obj)


# The run's id comes with every result, and a result's with each of its artifacts.
@lru_cache(maxsize=4096)
def _uuid_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("-", ""))


class _JsonbDumper(Dumper):
    """Send an object as PostgreSQL's binary format of ``jsonb``: a version, then JSON text."""

    format = Format.BINARY
    oid = types["jsonb"].oid

    def dump(self, obj: dict[str, Any]) -> bytes:
        return b"\1" + _encode_json(obj).encode() if obj else b"\1{}"


Insertion = Callable[[], object]
"""Inserts the rows of one batch when it is called."""


class Batch(NamedTuple):
    """Be rows of one table, each with a value per column."""

    table: Table
    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]


class BulkInserter:
    """Insert batches in a thread of its own: the database works on one while the next is made.

    After :meth:`begin` the connection must not be used otherwise until :meth:`wait` has returned or the
    context has ended.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bulk-inserter")
        self._running: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._thread.shutdown()

    def prepare(self, *batches: Batch) -> list[Insertion]:
        """Make an insertion of each batch that has rows; those before may still be going on."""
        prepare = _copy if self._connection.dialect.name == "postgresql" else _executemany
        return [prepare(self._connection, batch) for batch in batches if batch.rows]

    def begin(self, insertions: Sequence[Insertion]) -> None:
        """Begin to insert in this order, when those before are done; raise what they raised."""
        self.wait()
        self._running = self._thread.submit(_call_all, insertions)

    def wait(self) -> None:
        """Wait for what was begun, and raise what it raised."""
        running, self._running = self._running, None
        if running is not None:
            running.result()


def _call_all(insertions: Sequence[Insertion]) -> None:
    for insertion in insertions:
        insertion()


def _executemany(connection: Connection, batch: Batch) -> Insertion:
    rows = [dict(zip(batch.columns, row, strict=True)) for row in batch.rows]
    return lambda: connection.execute(insert(batch.table), rows)


def _copy(connection: Connection, batch: Batch) -> Insertion:
    """Copy in the binary format: it sends the content of files as it is, the text format twice as long."""
    type_names = [str(batch.table.c[column].type.compile(connection.dialect)) for column in batch.columns]
    driver: Any = connection.connection.driver_connection
    cursor = driver.cursor()
    cursor.adapters.register_dumper(str, _UuidTextDumper)
    cursor.adapters.register_dumper(dict, _JsonbDumper)
    data = BytesIO()
    with Copy(cursor, binary=True, writer=FileWriter(data)) as rendered:
        rendered.set_types([_DRIVER_NAMES.get(name, name.lower()) for name in type_names])
        for row in batch.rows:
            rendered.write_row(row)
    names = sql.SQL(", ").join(map(sql.Identifier, batch.columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(batch.table.name), names
    )

    def send() -> None:
        with driver.cursor().copy(statement) as copy:
            copy.write(data.getbuffer())

    return send
