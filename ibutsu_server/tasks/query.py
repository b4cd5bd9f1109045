"""Answer queries over results and runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flask import current_app

from ibutsu_server.db.conditions import compile_filter
from ibutsu_server.db.errors import values_refused
from ibutsu_server.db.filters import Filter, FilterError
from ibutsu_server.db.models import Result, Run
from ibutsu_server.db.pages import Page, PageQuery
from ibutsu_server.db.time_limit import time_limit
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.tasks.arguments import count_argument
from ibutsu_server.util.celery_task import shared_task

if TYPE_CHECKING:
    from ibutsu_server.db.conditions import Model
    from ibutsu_server.db.types import Condition

MAX_PAGE: Final = 1_000_000_000
MAX_PAGE_SIZE: Final = 50_000
MAX_FILTERS: Final = 1_000

STATEMENT_SECONDS: Final = 60
"""Seconds that one statement of a query may take."""

_MODELS: Final[dict[str, Model]] = {"results": Result, "runs": Run}


@shared_task(name="ibutsu_server.tasks.query.query_task")
def query_task(
    filter_: list[str] | None = None,
    page: int = 1,
    page_size: int = 25,
    estimate: bool = False,
    tablename: str = "results",
) -> dict[str, Any]:
    """Find the rows that meet all filters, newest first, and return one page of them.

    The filters are all that keeps projects apart, so that none is ever left out.

    Raises:
        InvalidInputError: a filter or another argument cannot be used, or the answer would be too large.
    """
    model = _model(tablename)
    number = _bounded("page", page, MAX_PAGE)
    size = _bounded("page_size", page_size, MAX_PAGE_SIZE)
    estimate = _flag("estimate", estimate)
    max_bytes = current_app.extensions["ibutsu_server"].query.max_answer_bytes
    with time_limit(STATEMENT_SECONDS), values_refused():
        query = PageQuery(model, _conditions(filter_, model), number, size)
        found = Page.fetch(query, estimate=estimate, max_bytes=max_bytes)
    return {tablename: found.rows, "pagination": found.pagination}


def _model(tablename: Any) -> Model:
    if not isinstance(tablename, str) or tablename not in _MODELS:
        message = f"tablename must be results or runs, not {str(tablename)[:100]!r}"
        raise InvalidInputError(message)
    return _MODELS[tablename]


def _bounded(name: str, value: Any, largest: int) -> int:
    number = count_argument(name, value)
    if not 1 <= number <= largest:
        message = f"{name} must be 1 to {largest:,}, not {number}"
        raise InvalidInputError(message)
    return number


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        message = f"{name} must be true or false, not {str(value)[:100]!r}"
        raise InvalidInputError(message)
    return value


def _conditions(filters: Any, model: Model) -> list[Condition]:
    filters = [] if filters is None else filters
    if not isinstance(filters, list) or len(filters) > MAX_FILTERS:
        message = f"filter_ must be a list of at most {MAX_FILTERS:,} filters such as ['result=failed']"
        raise InvalidInputError(message)
    conditions: list[Condition] = []
    problems: list[str] = []
    for text in filters:
        try:
            conditions.append(compile_filter(Filter.parse(text), model))
        except FilterError as error:
            problems.append(f"({len(problems) + 1}) {error}")
    if problems:
        message = f"{len(problems)} of {len(filters)} filters cannot be used: {' '.join(problems)}"
        raise InvalidInputError(message)
    return conditions
