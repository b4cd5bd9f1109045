"""Fetch one page of rows, and say how many there are in all."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from sqlalchemy import ClauseElement, Executable, and_, func, literal_column, select, true
from sqlalchemy.ext.compiler import compiles

from ibutsu_server.db.base import db
from ibutsu_server.exceptions import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select
    from sqlalchemy.sql.compiler import SQLCompiler

    from ibutsu_server.db.conditions import Model
    from ibutsu_server.db.types import Condition


_GROUPED: Final = 100
"""Conditions in one pair of brackets."""

_ROWS_AT_ONCE: Final = 100
"""Rows that are read before their bytes are counted."""

_SAFETY: Final = 0.9
"""Share of the rows that fitted which a message promises to fit: those of other pages may be a bit longer."""


@dataclass(frozen=True)
class PageQuery:
    """A query for the rows that meet all conditions, newest first, one page at a time."""

    model: Model
    conditions: Sequence[Condition]
    number: int
    """Of the page; the first is 1."""
    size: int
    """Rows of a full page."""

    @property
    def execution_options(self) -> dict[str, Any]:
        """Return the options of its statements: one of many conditions is too large to be kept compiled."""
        return {"compiled_cache": None} if len(self.conditions) > _GROUPED else {}

    @property
    def offset(self) -> int:
        """Return the number of rows before the page."""
        return (self.number - 1) * self.size

    def ids(self) -> Select[str]:
        """Select the ids of all rows that meet the conditions, in groups: SQLite limits the depth of one."""
        starts = range(0, len(self.conditions), _GROUPED)
        groups = [and_(true(), *self.conditions[start : start + _GROUPED]).self_group() for start in starts]
        return select(self.model.id).where(*groups)

    def rows(self) -> Select[Any]:
        """Select the rows of the page.

        Their ids are found first, from the index of the order: the rows before the page are not read.
        """
        order = (self.model.start_time.desc(), self.model.id.desc())
        page = self.ids().order_by(*order).limit(self.size).offset(self.offset).subquery()
        return select(self.model).join(page, page.c.id == self.model.id).order_by(*order)


@dataclass(frozen=True)
class Page:
    """Some of the rows that a query finds."""

    query: PageQuery
    rows: list[dict[str, Any]]
    total: int

    @classmethod
    def fetch(cls, query: PageQuery, *, estimate: bool, max_bytes: int) -> Self:
        """Fetch the page of a query, whose rows come to at most so many bytes of JSON.

        With ``estimate`` PostgreSQL's planner says how many rows there are in all; SQLite counts.

        Raises:
            InvalidInputError: the rows are larger; the message says which page size fits.
        """
        rows = _read(query, max_bytes)
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


def _read(query: PageQuery, max_bytes: int) -> list[dict[str, Any]]:
    """Read the rows in portions, so that those which are too large never are in memory together."""
    options = query.execution_options
    if query.size > _ROWS_AT_ONCE:
        options["yield_per"] = _ROWS_AT_ONCE
    rows: list[dict[str, Any]] = []
    left = max_bytes
    with closing(db.session.scalars(query.rows(), execution_options=options)) as found:
        for row in found:
            wired = row.to_dict()
            left -= len(json.dumps(wired))
            if left < 0:
                raise InvalidInputError(_too_large(len(rows), max_bytes))
            rows.append(wired)
    return rows


def _too_large(fitting: int, max_bytes: int) -> str:
    limit = f"IBUTSU_QUERY_MAX_ANSWER_BYTES ({max_bytes:,} bytes)"
    if not fitting:
        return f"The first row of the page alone is larger than {limit}: raise that limit."
    size = max(int(fitting * _SAFETY), 1)
    return f"The rows of the page are larger than {limit}: ask for a page_size of at most {size}."


def _count(query: PageQuery) -> int:
    count = select(func.count()).select_from(query.ids().subquery())
    return db.session.scalar(count, execution_options=query.execution_options) or 0


def _estimate(query: PageQuery) -> int:
    one: Select[Any] = query.ids().with_only_columns(literal_column("1"), maintain_column_froms=True)
    plan: Any = db.session.scalar(Explain(one))
    return int(plan[0]["Plan"]["Plan Rows"])


class Explain(Executable, ClauseElement):
    """A question to the planner of PostgreSQL: what it expects of a query."""

    inherit_cache = False

    def __init__(self, query: Select[Any]) -> None:
        self.query = query


@compiles(Explain)
def _render_explain(element: Explain, compiler: SQLCompiler, **options: Any) -> str:
    del options
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.query)}"
