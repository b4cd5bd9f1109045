"""Fetch one page of rows, and tell how many there are in all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import ClauseElement, Executable, func, literal_column, select
from sqlalchemy.ext.compiler import compiles

from ibutsu_server.db.base import db

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select
    from sqlalchemy.sql.compiler import SQLCompiler

    from ibutsu_server.db.conditions import Model
    from ibutsu_server.db.fields import Condition


@dataclass(frozen=True)
class PageQuery:
    """Be a query for the rows that meet all conditions, newest first, one page at a time."""

    model: Model
    conditions: Sequence[Condition]
    number: int
    """Of the page; the first is 1."""
    size: int
    """Rows of a full page."""

    @property
    def offset(self) -> int:
        """Return the number of rows before the page."""
        return (self.number - 1) * self.size

    def ids(self) -> Select[str]:
        """Select the ids of all rows that meet the conditions."""
        return select(self.model.id).where(*self.conditions)

    def rows(self) -> Select[Any]:
        """Select the rows of the page.

        Their ids are found first, from the index of the order: the rows before the page are not read.
        """
        order = (self.model.start_time.desc(), self.model.id.desc())
        page = self.ids().order_by(*order).limit(self.size).offset(self.offset).subquery()
        return select(self.model).join(page, page.c.id == self.model.id).order_by(*order)


@dataclass(frozen=True)
class Page:
    """Be some of the rows that a query finds."""

    query: PageQuery
    rows: list[dict[str, Any]]
    total: int

    @classmethod
    def fetch(cls, query: PageQuery, *, estimate: bool) -> Self:
        """Fetch the page of a query.

        With ``estimate`` PostgreSQL's planner says how many rows there are in all; SQLite counts.
        """
        rows = [row.to_dict() for row in db.session.scalars(query.rows())]
        reached = query.offset + len(rows)
        is_last = len(rows) < query.size and (rows or query.number == 1)
        if is_last:  # then nothing is left to count
            return cls(query, rows, reached)
        if estimate and db.engine.dialect.name == "postgresql":
            return cls(query, rows, max(_estimate(query), reached if rows else 0))
        return cls(query, rows, _count(query))

    @property
    def pagination(self) -> dict[str, int]:
        """Return where the page stands, by the names of the wire."""
        pages = -(-self.total // self.query.size)
        return {
            "page": self.query.number,
            "pageSize": self.query.size,
            "totalItems": self.total,
            "totalPages": pages,
        }


def _count(query: PageQuery) -> int:
    return db.session.scalar(select(func.count()).select_from(query.ids().subquery())) or 0


def _estimate(query: PageQuery) -> int:
    one: Select[Any] = query.ids().with_only_columns(literal_column("1"), maintain_column_froms=True)
    plan: Any = db.session.scalar(Explain(one))
    return int(plan[0]["Plan"]["Plan Rows"])


class Explain(Executable, ClauseElement):
    """Ask the planner of PostgreSQL what it expects of a query."""

    inherit_cache = False

    def __init__(self, query: Select[Any]) -> None:
        self.query = query


@compiles(Explain)
def _render_explain(element: Explain, compiler: SQLCompiler, **options: Any) -> str:
    del options
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.query)}"
