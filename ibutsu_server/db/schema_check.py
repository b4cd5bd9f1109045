"""Compare the tables of a database, which another version or program may have made, with ours."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from sqlalchemy import inspect, text
from sqlalchemy.schema import AddConstraint, CreateColumn, CreateIndex, CreateTable
from sqlalchemy.types import NullType

from ibutsu_server.db import models  # noqa: F401 - its tables are what is looked for
from ibutsu_server.db.base import Base, db
from ibutsu_server.db.index_match import serves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Column, Connection, Index, Table
    from sqlalchemy.engine.interfaces import ReflectedForeignKeyConstraint
    from sqlalchemy.schema import ExecutableDDLElement
    from sqlalchemy.types import TypeEngine


class Finding(NamedTuple):
    """A table, a column, an index or a key that was looked at, and how it can be made as it should be."""

    subject: str
    """What was looked at: ``table runs``, ``column runs.env``, ``index ix_runs_env``."""

    fault: str | None = None
    """What is wrong, if anything is: ``is missing``, ``is VARCHAR(64)``."""

    statement: str = ""
    """SQL that adds what is missing. What cannot be done without changing what is there, and may be in use by
    another program, is a comment."""

    def __str__(self) -> str:
        return f"{self.subject} {self.fault}: {self.statement}" if self.fault else f"{self.subject} ok"


def check_schema() -> list[Finding]:
    """Compare the tables, columns, types and indexes of the database with ours; change nothing.

    The statements are in the order in which they have to be executed. They only add, and block nobody who
    reads or writes: no table, column or index that is there is dropped, renamed or altered by them.
    """
    with db.engine.connect() as connection:
        return list(_Check(connection).findings())


class _ForeignKey(NamedTuple):
    """A foreign key as the database has it, with what takes it away and brings it back."""

    name: str
    joined: frozenset[tuple[str, str]]
    """Table and name of each column, at both ends."""
    removal: str
    addition: str

    @classmethod
    def of(cls, table: str, found: ReflectedForeignKeyConstraint) -> Self:
        own, others, other = found["constrained_columns"], found["referred_columns"], found["referred_table"]
        joined = frozenset({*((table, name) for name in own), *((other, name) for name in others)})
        on_delete = found.get("options", {}).get("ondelete")
        addition = (
            f"ALTER TABLE {table} ADD CONSTRAINT {found['name']} FOREIGN KEY ({', '.join(own)}) "
            f"REFERENCES {other} ({', '.join(others)}){f' ON DELETE {on_delete}' if on_delete else ''};"
        )
        removal = f"ALTER TABLE {table} DROP CONSTRAINT {found['name']};"
        return cls(str(found["name"]), joined, removal, addition)


class _Check:
    """The comparison of one database with our tables."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inspector = inspect(connection)
        self._is_postgresql = connection.dialect.name == "postgresql"
        names = set(self._inspector.get_table_names())
        tables = Base.metadata.sorted_tables
        self._present = [table for table in tables if table.name in names]
        self._missing = [table for table in tables if table.name not in names]

    def findings(self) -> Iterator[Finding]:
        for table in self._missing:
            yield Finding(f"table {table.name}", "is missing", self._sql(CreateTable(table)))
        yield from self._late_keys()
        other_types: list[tuple[Column[Any], str]] = []
        for table in self._present:
            yield Finding(f"table {table.name}")
            found = {
                each["name"]: self._type(each["type"]) for each in self._inspector.get_columns(table.name)
            }
            for column in table.columns:
                subject = f"column {table.name}.{column.name}"
                if column.name not in found:
                    yield Finding(subject, "is missing", self._add(table, column))
                elif found[column.name] == self._type(column.type):
                    yield Finding(subject)
                else:
                    other_types.append((column, found[column.name]))
        yield from self._indexes()
        yield from self._changes(other_types)

    def _late_keys(self) -> Iterator[Finding]:
        """Yield the foreign keys of missing tables that refer to each other in a circle."""
        for table in self._missing if self._is_postgresql else ():
            for key in table.foreign_key_constraints:
                if key.use_alter:
                    yield Finding(f"foreign key {key.name}", "is missing", self._sql(AddConstraint(key)))

    def _add(self, table: Table, column: Column[Any]) -> str:
        if column.server_default is not None and not self._is_postgresql:
            return "-- SQLite cannot add a column whose default is the current time."
        keys = "".join(f" REFERENCES {key.column.table.name} (id)" for key in column.foreign_keys)
        written = self._sql(CreateColumn(column))[:-1]
        if column.server_default is None:  # rows that are there have no value for it
            written = written.removesuffix(" NOT NULL")
        return f"ALTER TABLE {table.name} ADD COLUMN {written}{keys};"

    def _indexes(self) -> Iterator[Finding]:
        present = {table.name: self._inspector.get_indexes(table.name) for table in self._present}
        taken = {str(index["name"]) for indexes in present.values() for index in indexes}
        broken = self._find_broken()
        for table in (*self._present, *self._missing):
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                if not index.columns and not self._is_postgresql:
                    continue  # it is on an expression over JSON
                serving = [str(each["name"]) for each in present.get(table.name, ()) if serves(each, index)]
                if not serving:
                    yield self._missing_index(index, taken)
                elif broken.issuperset(serving):
                    remedy = f"REINDEX INDEX CONCURRENTLY {serving[0]};"
                    yield Finding(f"index {index.name}", "is not valid", remedy)
                else:
                    yield Finding(f"index {index.name}")

    def _missing_index(self, index: Index, taken: set[str]) -> Finding:
        """Add an index; where another program has one of that name it keeps it, and ours gets a number."""
        statement = self._sql(CreateIndex(index))
        if self._is_postgresql:  # nobody who writes to the table has to wait
            statement = statement.replace(" INDEX ", " INDEX CONCURRENTLY ", 1)
        if index.name not in taken:
            return Finding(f"index {index.name}", "is missing", statement)
        free = next(name for number in count(2) if (name := f"{index.name}_{number}") not in taken)
        return Finding(
            f"index {index.name}",
            "is missing, and another index has its name",
            statement.replace(f" {index.name} ", f" {free} ", 1),
        )

    def _find_broken(self) -> set[str]:
        """Return the indexes that ``CREATE INDEX CONCURRENTLY`` did not finish: no query uses them."""
        if not self._is_postgresql:
            return set()
        query = (
            "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
            "WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace"
        )
        return set(self._connection.scalars(text(query)))

    def _changes(self, other_types: list[tuple[Column[Any], str]]) -> Iterator[Finding]:
        """Yield the columns of another type, and around them the foreign keys that forbid to change it."""
        changing = {(column.table.name, column.name) for column, _ in other_types}
        keys = [key for key in self._foreign_keys() if changing & key.joined] if self._is_postgresql else []
        for key in keys:
            yield Finding(f"foreign key {key.name}", "joins columns of another type", f"-- {key.removal}")
        for column, found in other_types:
            subject = f"column {column.table.name}.{column.name}"
            yield Finding(subject, f"is {found}", self._change(column, found))
        for key in keys:
            yield Finding(f"foreign key {key.name} again", "has to come back", f"-- {key.addition}")

    def _foreign_keys(self) -> Iterator[_ForeignKey]:
        for table in self._present:
            for found in self._inspector.get_foreign_keys(table.name):
                yield _ForeignKey.of(table.name, found)

    def _change(self, column: Column[Any], found: str) -> str:
        table, wanted = column.table.name, self._type(column.type)
        if not self._is_postgresql:
            return f"-- SQLite cannot change the type of a column; it should be {wanted}."
        value = f"{column.name}::{wanted}"
        if found == "TIMESTAMP WITH TIME ZONE":
            value = f"{column.name} AT TIME ZONE 'UTC'"
        return f"-- ALTER TABLE {table} ALTER COLUMN {column.name} TYPE {wanted} USING {value};"

    def _type(self, type_: TypeEngine[Any]) -> str:
        is_known = not isinstance(type_, NullType)
        return type_.compile(self._connection.dialect) if is_known else "of a type of its own"

    def _sql(self, element: ExecutableDDLElement | CreateColumn) -> str:
        """Return the statement on one line, so that each line of the output is one."""
        statement = str(element.compile(dialect=self._connection.dialect))
        return " ".join(statement.split()) + ";"
