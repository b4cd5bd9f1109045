"""Answer queries over results and runs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from ibutsu_server.db.filters import FilterError, compile_filter, parse_filter
from ibutsu_server.db.models import Result, Run
from ibutsu_server.db.pages import fetch_page
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.tasks.arguments import count_argument
from ibutsu_server.util.celery_task import shared_task

if TYPE_CHECKING:
    from ibutsu_server.db.filters import Condition, Model

logger = logging.getLogger(__name__)

MAX_PAGE: Final = 1_000_000_000
MAX_PAGE_SIZE: Final = 10_000
_MODELS: Final[dict[str, Model]] = {"results": Result, "runs": Run}


@shared_task(name="ibutsu_server.tasks.query.query_task")
def query_task(
    filter_: Any = None,
    page: int = 1,
    page_size: int = 25,
    estimate: bool = False,
    tablename: str = "results",
) -> dict[str, Any]:
    """Find the rows that meet all filters, newest first, and give one page of them.

    A filter that cannot be used is left out, and told under ``"warnings"`` and in the log.
    """
    if tablename not in _MODELS:
        message = f"tablename must be results or runs, not {str(tablename)[:100]!r}"
        raise InvalidInputError(message)
    number, size = count_argument("page", page), count_argument("page_size", page_size)
    if not 1 <= number <= MAX_PAGE or not 1 <= size <= MAX_PAGE_SIZE:
        message = f"page must be 1 to {MAX_PAGE:,}, and page_size 1 to {MAX_PAGE_SIZE:,}"
        raise InvalidInputError(message)
    if not isinstance(filter_ or [], list):
        message = "filter_ must be a list of filters such as ['result=failed']"
        raise InvalidInputError(message)
    model = _MODELS[tablename]
    conditions, warnings = _read(filter_ or [], model)
    found = fetch_page(model, conditions, number=number, size=size, estimate=bool(estimate))
    answer: dict[str, Any] = {tablename: found.rows, "pagination": found.pagination}
    return answer | ({"warnings": warnings} if warnings else {})


def _read(filters: list[str], model: Model) -> tuple[list[Condition], list[str]]:
    conditions, warnings = [], []
    for text in filters:
        try:
            conditions.append(compile_filter(parse_filter(text), model))
        except FilterError as error:
            logger.warning("A filter is left out: %s", error)
            warnings.append(str(error))
    return conditions, warnings
