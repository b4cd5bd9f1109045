"""Show that the page about queries says what the filters do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from ibutsu_server.db.conditions import compile_filter
from ibutsu_server.db.filters import Filter, Operator
from ibutsu_server.db.models import Result, Run
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.tasks.query import query_task

if TYPE_CHECKING:
    from celery import Celery
    from flask import Flask

PAGE: Final = (Path(__file__).parents[2] / "docs" / "query.rst").read_text(encoding="utf-8")
EXAMPLE: Final = re.compile(r"^     - ``(.+)``$", re.M)
MESSAGE: Final = re.compile(r"^   (2 of 3 filters .*)\n   (.*)$", re.M)


def test_every_operator_has_an_example_that_works(app: Flask) -> None:
    """What the table shows can be typed, and nothing is left out of it."""
    filters = [Filter.parse(text) for text in EXAMPLE.findall(PAGE)]
    assert {filter_.operator for filter_ in filters} == set(Operator)
    for filter_ in filters:
        compile_filter(filter_, Run if filter_.field.startswith("summary.") else Result)


def test_the_message_is_that_of_the_task(app: Flask, celery_app: Celery) -> None:
    """The filters in its quotes give the message that the page shows."""
    (lines,) = MESSAGE.findall(PAGE)
    with pytest.raises(InvalidInputError) as caught:
        query_task(["reslt=failed", "result=failed", "duration>long"])
    assert str(caught.value) == " ".join(lines)
