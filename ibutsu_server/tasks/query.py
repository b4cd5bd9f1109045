"""Answer queries over results and runs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from ibutsu_server.db.conditions import compile_filter
from ibutsu_server.db.filters import Filter, FilterError
from ibutsu_server.db.models import Result, Run
from ibutsu_server.db.pages import Page, PageQuery
from ibutsu_server.db.time_limit import time_limit
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.tasks.arguments import count_argument
from ibutsu_server.util.celery_task import shared_task

if TYPE_CHECKING:
    from ibutsu_server.db.conditions import Model
    from ibutsu_server.db.fields import Condition

logger = logging.getLogger(__name__)

MAX_PAGE: Final = 1_000_000_000
MAX_PAGE_SIZE: Final = 10_000
MAX_FILTERS: Final = 30

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
    """Find the rows that meet all filters, newest first, and give one page of them.

    A filter that cannot be used is left out, and told under ``"warnings"`` and in the log; there is no such
    key when all were used.
    """
    model = _model(tablename)
    number = _bounded("page", page, MAX_PAGE)
    size = _bounded("page_size", page_size, MAX_PAGE_SIZE)
    with time_limit(STATEMENT_SECONDS):
        conditions, warnings = _read(filter_, model)
        found = Page.fetch(PageQuery(model, conditions, number, size), estimate=_flag("estimate", estimate))
    answer: dict[str, Any] = {tablename: found.rows, "pagination": found.pagination}
    return answer | ({"warnings": warnings} if warnings else {})


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


def _read(filters: Any, model: Model) -> tuple[list[Condition], list[str]]:
    if not isinstance(filters, list | None) or len(filters or ()) > MAX_FILTERS:
        message = f"filter_ must be a list of at most {MAX_FILTERS} filters such as ['result=failed']"
        raise InvalidInputError(message)
    conditions, warnings = [], []
    for text in filters or ():
        try:
            conditions.append(compile_filter(Filter.parse(text), model))
        except FilterError as error:
            logger.warning("A filter is left out: %s", error)
            warnings.append(str(error))
    return conditions, warnings
