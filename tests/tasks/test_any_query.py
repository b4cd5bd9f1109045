"""Show with generated filters that a query never gives away a row that one of its filters does not select."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ibutsu_server.db.models import Project
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.tasks.query import query_task
from tests.db.rows import make_result, make_run, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask import Flask

pytestmark = pytest.mark.usefixtures("celery_app")

Row = dict[str, Any]

MINE: Final = "3d4a5f44-3d0c-4d5e-9a53-5f2f6c1f0a11"
OTHER: Final = "3d4a5f44-3d0c-4d5e-9a53-5f2f6c1f0a12"
VALUES: Final[Mapping[str, tuple[Any, ...]]] = {
    "project_id": (MINE, OTHER),
    "result": ("passed", "failed", "error"),
    "test_id": ("alpha", "beta", 'quo"ted', "it's", "50%;", "a = b"),
    "duration": (0.5, 2.5, 10.5),
    "metadata.x": ("1", "07", "true"),
}
"""Field, and values that results have there."""

OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda found, wanted: found == wanted,
    "!": lambda found, wanted: found != wanted,
    "*": lambda found, wanted: found == wanted,
    "%": lambda found, wanted: str(wanted).lower() in str(found).lower(),
    ">": lambda found, wanted: found > wanted,
    "<": lambda found, wanted: found < wanted,
    ">=": lambda found, wanted: found >= wanted,
    ")": lambda found, wanted: found >= wanted,
    "<=": lambda found, wanted: found <= wanted,
    "(": lambda found, wanted: found <= wanted,
}
ORDERED: Final = frozenset({"project_id", "duration"})
"""Fields whose order does not depend on the collation of the database."""


class Question(NamedTuple):
    """A filter as it is sent, and what it means where the test knows that."""

    sent: Any
    selects: Callable[[Row], bool] | None


@st.composite
def readable(draw: st.DrawFn) -> Question:
    """Draw a filter that can be read, in any of its spellings."""
    field = draw(st.sampled_from(sorted(VALUES)))
    symbol = draw(st.sampled_from([each for each in OPERATORS if field in ORDERED or each in "=!*%"]))
    wanted = draw(st.sampled_from(VALUES[field]))
    written = f"{wanted:g}" if field == "duration" else str(wanted)
    is_plain = not set(written) & set("\"'") and not (symbol == "*" and ";" in written)
    quote = draw(st.sampled_from(["", '"', "'"] if is_plain else [""]))
    space = draw(st.sampled_from(["", " ", "\t\n"]))
    if symbol == "*" and ";" in written:
        symbol = "="

    def selects(row: Row) -> bool:
        found = row["metadata"]["x"] if field == "metadata.x" else row[field]
        return found is not None and OPERATORS[symbol](found, wanted)

    return Question(f"{space}{field}{space}{symbol}{space}{quote}{written}{quote}{space}", selects)


@st.composite
def damaged(draw: st.DrawFn) -> Question:
    """Draw a filter that something was done to: it may mean anything or nothing."""
    text = draw(readable()).sent
    place = draw(st.integers(0, len(text)))
    damage = draw(
        st.sampled_from(["", ";", '"', "'", "=", "~", "\0", "[", "x", "\u2028", "%", "@", "(", " "])
    )
    cut = draw(st.integers(0, 3))
    return Question(text[:place] + damage + text[place + cut :], None)


nothing_readable = st.builds(
    Question, st.none() | st.integers() | st.lists(st.none(), max_size=1) | st.text(max_size=9), st.none()
)
questions = st.lists(readable() | damaged() | nothing_readable, min_size=1, max_size=4)


@pytest.fixture
def rows(app: Flask) -> list[Row]:
    """Store results of two projects and of none, and return them."""
    run = make_run()
    results = [
        make_result(
            run,
            VALUES["result"][number % 3],
            project_id=(MINE, OTHER, None)[number // 3 % 3],
            test_id=VALUES["test_id"][number % 6],
            duration=VALUES["duration"][number // 2 % 3],
            data={"x": VALUES["metadata.x"][number // 4 % 3]},
        )
        for number in range(36)
    ]
    stored(Project(id=MINE, name="mine"), Project(id=OTHER, name="other"), run, *results)
    found: list[Row] = query_task(page_size=100)["results"]
    return found


def ids_of(filters: list[Any]) -> set[str]:
    """Return the ids of the results that a query answers with."""
    return {row["id"] for row in query_task(filters, page_size=100)["results"]}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=questions)
def test_any_query_answers_with_a_subset_or_an_error(rows: list[Row], asked: list[Question]) -> None:
    """Each row that is answered is one that each filter selects; where all are readable, none is missing."""
    known = [question.selects for question in asked if question.selects is not None]
    selected = {row["id"] for row in rows if all(selects(row) for selects in known)}
    try:
        answered = ids_of([question.sent for question in asked])
    except InvalidInputError:
        assert len(known) < len(asked), "every filter can be read"
        return
    assert answered <= selected
    if len(known) == len(asked):
        assert answered == selected
    for question in asked:
        assert answered <= ids_of([question.sent])
