"""Show that the patterns for text accept what a number or word may be written as."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibutsu_server.settings.patterns import any_case, number, whole_number


@given(st.integers(0, 70_000), st.integers(0, 70_000), st.integers(0, 80_000))
def test_a_whole_number_lies_between_its_bounds(one: int, other: int, value: int) -> None:
    """Whatever the number of digits of the three."""
    low, high = sorted((one, other))
    assert bool(re.search(whole_number(low, high), str(value))) is (low <= value <= high)
    assert bool(re.search(whole_number(low, None), str(value))) is (low <= value)


@pytest.mark.parametrize(
    ("minimum", "maximum"), [(0, 0), (7, 7), (0, 9), (1, 9), (10, 99), (99, 101), (190, 210)]
)
def test_a_bound_belongs_to_the_numbers(minimum: int, maximum: int) -> None:
    """One less and one more do not."""
    pattern = whole_number(minimum, maximum)
    accepted = [value for value in range(300) if re.search(pattern, str(value))]
    assert accepted == list(range(minimum, maximum + 1))


@pytest.mark.parametrize(
    ("text", "is_accepted"),
    [(" 5 ", True), ("+5", True), ("005", True), ("5.0", False), ("-5", False), ("", False), ("5 5", False)],
)
def test_a_whole_number_has_several_forms(text: str, is_accepted: bool) -> None:
    """White space, a plus sign and zeros before it are no part of it."""
    assert bool(re.search(whole_number(1, 9), text)) is is_accepted


@pytest.mark.parametrize("text", ["5", " 5 ", "+5", "0.5", ".5", "5.", "1e3", "1.5E-3", "007"])
def test_a_number_has_several_forms(text: str) -> None:
    """Those that Python reads too."""
    assert float(text) > 0
    assert re.search(number(above_zero=True), text)
    assert re.search(number(above_zero=False), text)


@pytest.mark.parametrize("text", ["", "abc", "-5", "nan", "inf", "1e", ".", "1,5", "0x5", "5 s"])
def test_other_text_is_no_number(text: str) -> None:
    """Nor is one below zero."""
    assert not re.search(number(above_zero=False), text)


@pytest.mark.parametrize("text", ["0", "0.0", ".0", "0e5"])
def test_zero_is_not_above_zero(text: str) -> None:
    """However it is written."""
    assert re.search(number(above_zero=False), text)
    assert not re.search(number(above_zero=True), text)


def test_a_word_may_be_in_any_case() -> None:
    """The pattern needs no flag."""
    pattern = f"^(?:{any_case('on', '1')})$"
    assert [word for word in ("on", "ON", "On", "1", "o", "onn", "11") if re.search(pattern, word)] == [
        "on",
        "ON",
        "On",
        "1",
    ]
