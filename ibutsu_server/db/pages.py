"""Fetch one page of rows and count them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ClauseElement, Executable, func, literal_column, select
from sqlalchemy.ext.compiler import compiles

from ibutsu_server.db.base import db

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select
    from sqlalchemy.sql.compiler import SQLCompiler

    from ibutsu_server.db.filters import Condition, Model

STATEMENT_SECONDS = 60
"""Seconds that PostgreSQL may take for one statement of a query: a regular expression can take for ever."""


@dataclass(frozen=True)
class Page:
    """Be some of the rows that a query finds, newest first."""

    rows: list[dict[str, Any]]
    number: int
    size: int
    total: int

    @property
    def pagination(self) -> dict[str, int]:
        """Return where the page stands, by the names of the wire."""
        pages = -(-self.total // self.size)
        return {"page": self.number, "pageSize": self.size, "totalItems": self.total, "totalPages": pages}


def fetch_page(
    model: Model, conditions: Sequence[Condition], *, number: int, size: int, estimate: bool
) -> Page:
    """Fetch the page with a number, the first is 1, of rows that meet all conditions.

    The ids of the page are found first, so that a deep page does not read the rows before it. With
    ``estimate`` PostgreSQL's planner says how many there are in all; SQLite counts.
    """
    if db.engine.dialect.name == "postgresql":
        limit = func.set_config("statement_timeout", f"{STATEMENT_SECONDS}s", True)
        db.session.execute(select(limit))
    order = (model.start_time.desc(), model.id.desc())
    ids = select(model.id).where(*conditions)
    page = ids.order_by(*order).limit(size).offset((number - 1) * size).subquery()
    rows = db.session.scalars(select(model).join(page, page.c.id == model.id).order_by(*order))
    return Page([row.to_dict() for row in rows], number, size, _total(ids, estimate=estimate))


def _total(ids: Select[Any], *, estimate: bool) -> int:
    if estimate and db.engine.dialect.name == "postgresql":
        plan: Any = db.session.scalar(
            _Explain(ids.with_only_columns(literal_column("1"), maintain_column_froms=True))
        )
        return int(plan[0]["Plan"]["Plan Rows"])
    return db.session.scalar(select(func.count()).select_from(ids.subquery())) or 0


class _Explain(Executable, ClauseElement):
    """Ask the planner of PostgreSQL what it expects of a query."""

    inherit_cache = False

    def __init__(self, query: Select[Any]) -> None:
        self.query = query


@compiles(_Explain)
def _render_explain(element: _Explain, compiler: SQLCompiler, **options: Any) -> str:
    del options
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.query)}"
