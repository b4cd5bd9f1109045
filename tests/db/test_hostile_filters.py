"""Show with generated filters that no text reaches the database as SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from ibutsu_server.db import db
from ibutsu_server.db.conditions import compile_filter
from ibutsu_server.db.filters import Filter, FilterError, Operator, unquoted
from ibutsu_server.db.models import Result, Run
from ibutsu_server.db.pages import Page, PageQuery
from tests.db.rows import make_result, make_run, stored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask import Flask

    from ibutsu_server.db.conditions import Model

FRAGMENTS = (
    *("'", '"', "\\", "--", "/*", ";", ")", "(", "%", "_", "{", "}", "[", "]", "$", "?", ":x", "%s", "%(x)s"),
    *("' OR '1'='1", "'; DROP TABLE results; --", '"); DELETE FROM runs', "NULL", "pg_sleep(9)", "$1", "\n"),
    *("x", "caf\u00e9", "\u2028", "\U0001f40d", "\ufffe", "1", "-1", "1e999", "{}", "[0]", "$.x"),
)
FIELDS = (
    *("test_id", "duration", "start_time", "run_id", "id", "metadata.x", "metadata.tags", "summary.tests"),
    *(
        "metadata.'x",
        "metadata.x;y",
        "params.x-y",
        "results.test_id",
        "data",
        "summary.tests.x",
        "metadata.0",
    ),
)

values = st.lists(st.sampled_from(FRAGMENTS), max_size=4).map("".join)
hostile = st.builds(
    "{}{}{}".format, st.sampled_from(FIELDS) | values, st.sampled_from([*Operator, ">=", "<="]), values
)
few = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def rows_of(model: Model, *filters: Filter) -> list[dict[str, Any]]:
    """Give the rows that meet all filters."""
    conditions = [compile_filter(each, model) for each in filters]
    return Page.fetch(PageQuery(model, conditions, 1, 100), estimate=False, max_bytes=10**6).rows


def counts() -> list[int | None]:
    """Give the number of runs and of results."""
    return [db.session.scalar(select(func.count()).select_from(table)) for table in (Run, Result)]


def quoted(value: str) -> str:
    """Put quotes around a value whose own would be taken for these."""
    quote = '"' if value[:1] == "'" else "'"
    return value if unquoted(value) == value else f"{quote}{value}{quote}"


def clean(texts: Iterable[str]) -> list[str]:
    """Give each text once, without the spaces around it, which a filter does not see."""
    return sorted({text.strip() for text in texts})


@few
@given(text=hostile | st.text(), model=st.sampled_from([Result, Run]))
def test_any_text_is_answered_or_told(app: Flask, text: str, model: Model) -> None:
    """A filter finds rows or is refused; no other error comes of it, and the tables stay as they are."""
    run = make_run()
    stored(run, make_result(run, test_id="x"))
    before = counts()
    told = ""
    try:
        rows_of(model, Filter.parse(text))
    except FilterError as error:
        told = str(error)
    assert counts() == before
    assert "\n" not in told


@few
@given(texts=st.lists(values, min_size=1, max_size=5).map(clean), data=st.data())
def test_a_value_finds_what_is_equal_to_it(app: Flask, texts: list[str], data: st.DataObject) -> None:
    """Whatever characters a value has, it finds the rows that hold them and no other row."""
    wanted = data.draw(st.sampled_from(texts) | values.map(str.strip))
    run = make_run()
    stored(run, *(make_result(run, test_id=text, data={"x": text, "tags": [text]}) for text in texts))
    mine = Filter("run_id", Operator.EQUAL, run.id)
    for field in ("test_id", "metadata.x", "metadata.tags"):
        equal = rows_of(Result, mine, Filter.parse(f"{field} = {quoted(wanted)}"))
        assert [row["test_id"] for row in equal] == [text for text in texts if text == wanted]
        containing = rows_of(Result, mine, Filter.parse(f"{field} % {quoted(wanted)}"))
        assert {row["test_id"] for row in containing} == {text for text in texts if wanted in text}
