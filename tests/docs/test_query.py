"""Show that the page about queries says what the filters do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from ibutsu_server.db.conditions import compile_filter
from ibutsu_server.db.filters import Filter, FilterError, Operator
from ibutsu_server.db.models import Result, Run

if TYPE_CHECKING:
    from flask import Flask

PAGE: Final = (Path(__file__).parents[2] / "docs" / "query.rst").read_text(encoding="utf-8")
EXAMPLE: Final = re.compile(r"^     - ``(.+)``$", re.M)
WARNING: Final = re.compile(r"^   ('.+?': .+)$", re.M)


def test_every_operator_has_an_example_that_works(app: Flask) -> None:
    """What the table shows can be typed, and nothing is left out of it."""
    filters = [Filter.parse(text) for text in EXAMPLE.findall(PAGE)]
    assert {filter_.operator for filter_ in filters} == set(Operator)
    for filter_ in filters:
        compile_filter(filter_, Run if filter_.field.startswith("summary.") else Result)


def test_the_warnings_are_those_of_the_task(app: Flask) -> None:
    """Each sentence is what the filter in its quotes gives."""
    sentences = WARNING.findall(PAGE)
    assert len(sentences) == 2
    for sentence in sentences:
        with pytest.raises(FilterError) as caught:
            compile_filter(Filter.parse(sentence.split("'")[1]), Result)
        assert str(caught.value) == sentence
