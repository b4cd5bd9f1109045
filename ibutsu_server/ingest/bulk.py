"""Write many rows at once, in the transaction of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

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


def insert_rows(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert ``rows``, each with a value per column: ``COPY`` on PostgreSQL, else one ``executemany``."""
    if not rows:
        return
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
