"""Create the tables of an Ibutsu database, and compare those of another version with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from sqlalchemy import inspect, text
from sqlalchemy.schema import AddConstraint, CreateColumn, CreateIndex, CreateTable
from sqlalchemy.types import NullType

from ibutsu_server.db import models  # noqa: F401 - its tables are what is created
from ibutsu_server.db.base import Base, db

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Column, Connection, Index, Table
    from sqlalchemy.engine.interfaces import ReflectedForeignKeyConstraint, ReflectedIndex
    from sqlalchemy.schema import ExecutableDDLElement
    from sqlalchemy.types import TypeEngine

_INIT_LOCK = 0x1B075
"""Key of the PostgreSQL advisory lock that lets one process at a time create the tables."""


def create_schema() -> list[str]:
    """Create all tables and indexes in a database that has none of them; return the tables' names.

    A database with any Ibutsu table in it, of whatever version, stays as it is: see :func:`check_schema`.
    """
    tables = Base.metadata.tables
    with db.engine.begin() as connection:
        _exclude_others(connection)
        if tables.keys() & set(inspect(connection).get_table_names()):
            return []
        Base.metadata.create_all(connection)
    return sorted(tables)


def _exclude_others(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _INIT_LOCK})
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


class Finding(NamedTuple):
    """Say of a table, a column or an index that it is as it should be, or how to make it so."""

    subject: str
    """What was looked at: ``table runs``, ``column runs.env``, ``index ix_runs_env``."""

    fault: str | None = None
    """What is wrong, if anything is: ``is missing``, ``is VARCHAR(64)``."""

    statement: str = ""
    """SQL that mends the fault; where there is none, a comment in SQL that says so."""

    def __str__(self) -> str:
        return f"{self.subject} {self.fault}: {self.statement}" if self.fault else f"{self.subject} ok"


class _ForeignKey(NamedTuple):
    """Be a foreign key as the database has it, with what takes it away and brings it back."""

    subject: str
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
        return cls(f"foreign key {found['name']}", joined, removal, addition)


def check_schema() -> list[Finding]:
    """Compare the tables, columns, types and indexes of the database with ours; change nothing."""
    with db.engine.connect() as connection:
        return list(_Check(connection).findings())


class _Check:
    """Look at every table of a database; its findings are in the order in which they are to be mended."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inspector = inspect(connection)
        self._is_postgresql = connection.dialect.name == "postgresql"
        self._broken = self._find_broken()

    def findings(self) -> Iterator[Finding]:
        existing = set(self._inspector.get_table_names())
        tables = Base.metadata.sorted_tables
        missing = [table for table in tables if table.name not in existing]
        keys = list(self._keys_in_the_way(existing))
        for key in keys:
            yield Finding(key.subject, "joins columns whose type changes", key.removal)
        for table in tables:
            if table in missing:
                yield Finding(f"table {table.name}", "is missing", self._sql(CreateTable(table)))
            else:
                yield Finding(f"table {table.name}")
                yield from self._columns(table)
            yield from self._indexes(table, exists=table not in missing)
        yield from self._late_keys(missing)
        for key in keys:
            yield Finding(f"{key.subject} again", "is to come back", key.addition)

    def _keys_in_the_way(self, existing: set[str]) -> Iterator[_ForeignKey]:
        """Yield the foreign keys that stop PostgreSQL from changing the type of one of their columns."""
        tables = [table for table in Base.metadata.sorted_tables if table.name in existing]
        changing = {
            (table.name, column["name"])
            for table in tables if self._is_postgresql
            for column in self._inspector.get_columns(table.name)
            if column["name"] in table.c
            and self._type(column["type"]) != self._type(table.c[column["name"]].type)
        }  # fmt: skip
        for table in tables if changing else ():
            for found in self._inspector.get_foreign_keys(table.name):
                key = _ForeignKey.of(table.name, found)
                if changing & key.joined:
                    yield key

    def _columns(self, table: Table) -> Iterator[Finding]:
        present = {column["name"]: column["type"] for column in self._inspector.get_columns(table.name)}
        for column in table.columns:
            subject = f"column {table.name}.{column.name}"
            if column.name not in present:
                yield Finding(subject, "is missing", self._add(table, column))
                continue
            wanted, found = self._type(column.type), self._type(present[column.name])
            if wanted == found:
                yield Finding(subject)
            else:
                yield Finding(subject, f"is {found}", self._change(table, column, wanted, found))

    def _add(self, table: Table, column: Column[Any]) -> str:
        if column.server_default is not None and not self._is_postgresql:
            return "-- SQLite cannot add a column whose default is the present moment."
        keys = "".join(f" REFERENCES {key.column.table.name} (id)" for key in column.foreign_keys)
        written = self._sql(CreateColumn(column))[:-1]
        if column.server_default is None:  # rows that are there have no value for it
            written = written.removesuffix(" NOT NULL")
        return f"ALTER TABLE {table.name} ADD COLUMN {written}{keys};"

    def _change(self, table: Table, column: Column[Any], wanted: str, found: str) -> str:
        if not self._is_postgresql:
            return f"-- SQLite cannot change the type of a column; it should be {wanted}."
        value = f"{column.name}::{wanted}"
        if found == "TIMESTAMP WITH TIME ZONE":
            value = f"{column.name} AT TIME ZONE 'UTC'"
        return f"ALTER TABLE {table.name} ALTER COLUMN {column.name} TYPE {wanted} USING {value};"

    def _indexes(self, table: Table, *, exists: bool) -> Iterator[Finding]:
        present = self._inspector.get_indexes(table.name) if exists else []
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            if not index.columns and not self._is_postgresql:
                continue  # it is on an expression over JSON
            subject = f"index {index.name}"
            serving = [str(found["name"]) for found in present if _serves(found, index)]
            if not serving:
                if index.name in {found["name"] for found in present}:
                    yield Finding(
                        f"name {index.name}", "is that of another index", f"DROP INDEX {index.name};"
                    )
                yield Finding(subject, "is missing", self._create(index, is_in_use=exists))
            elif self._broken.issuperset(serving):
                yield Finding(subject, "is not valid", f"REINDEX INDEX CONCURRENTLY {serving[0]};")
            else:
                yield Finding(subject)

    def _create(self, index: Index, *, is_in_use: bool) -> str:
        statement = self._sql(CreateIndex(index))
        if is_in_use and self._is_postgresql:  # nobody who writes to the table has to wait
            statement = statement.replace(" INDEX ", " INDEX CONCURRENTLY ", 1)
        return statement

    def _find_broken(self) -> set[str]:
        """Return the indexes that ``CREATE INDEX CONCURRENTLY`` did not finish: no query uses them."""
        if not self._is_postgresql:
            return set()
        query = (
            "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
            "WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace"
        )
        return set(self._connection.scalars(text(query)))

    def _late_keys(self, missing: list[Table]) -> Iterator[Finding]:
        """Yield the foreign keys of missing tables that refer to each other in a circle."""
        for table in missing if self._is_postgresql else ():
            for key in table.foreign_key_constraints:
                if key.use_alter:
                    yield Finding(f"foreign key {key.name}", "is missing", self._sql(AddConstraint(key)))

    def _type(self, type_: TypeEngine[Any]) -> str:
        is_known = not isinstance(type_, NullType)
        return type_.compile(self._connection.dialect) if is_known else "of a type of its own"

    def _sql(self, element: ExecutableDDLElement | CreateColumn) -> str:
        statement = str(element.compile(dialect=self._connection.dialect))
        return re.sub(r"\s+", " ", statement).strip() + ";"


def _serves(found: ReflectedIndex, wanted: Index) -> bool:
    """Tell whether an index, whatever its name, answers what the wanted one is for."""
    options: Mapping[str, Any] = found.get("dialect_options", {})
    if options.get("postgresql_where") is not None or (wanted.unique and not found["unique"]):
        return False
    method = wanted.dialect_options["postgresql"]["using"] or "btree"
    if options.get("postgresql_using", "btree") != method:
        return False
    if wanted.columns:
        columns = [column.name for column in wanted.columns]
        return found["column_names"][: len(columns)] == columns
    expression = _normal(str(wanted.expressions[0]))
    return [expression] == [_normal(each) for each in found.get("expressions", [])]


def _normal(expression: str) -> str:
    """Return an SQL expression as PostgreSQL and people write it alike: no casts, brackets, spaces."""
    return re.sub(r"::\w+(\[\])?|[\s()]", "", expression)
