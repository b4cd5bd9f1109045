"""Show how references to variables are replaced."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibutsu_server.settings.manifest.references import Interpolation, expand


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${A:-5}", "5"),
        ("${A-5}", "5"),
        ("${A:-}", ""),
        ("redis://${HOST:-redis}:${PORT:-6379}/0", "redis://redis:6379/0"),
        ("${A:-${B:-5}}", "5"),
        ('${A:-{"a": 1}}', '{"a": 1}'),
        ("pa$$word", "pa$word"),
        ("$${A}", "${A}"),
        ("{}", "{}"),
        ("}", "}"),
    ],
)
def test_a_reference_is_replaced_by_its_default(text: str, value: str) -> None:
    """Compose has two forms of a default, which may hold references too; ``$$`` is a dollar sign."""
    read = Interpolation(text)
    assert (read.text, read.unknown) == (value, [])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("$A", ["A"]),
        ("a${A}b$B_1-c", ["A", "B_1"]),
        ("${A:?must be set}", ["A"]),
        ("${A:+5}", ["A"]),
        ("${A:-${B}}", ["B"]),
    ],
)
def test_a_variable_without_a_default_is_not_known(text: str, names: list[str]) -> None:
    """Its name is kept, so that a note can name it."""
    assert Interpolation(text).unknown == names


NO_REFERENCE = "has a '$' that begins no reference; write '$$' for a dollar sign"
NOT_CLOSED = "has a '${' without a '}'; close it, or write '$$' for a dollar sign"
TOO_DEEP = "has references nested more than 20 levels deep; write fewer"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("pa$5", NO_REFERENCE),
        ("pa$", NO_REFERENCE),
        ("${}", NO_REFERENCE),
        ("${1}", NO_REFERENCE),
        ("${A!}", NO_REFERENCE),
        ("${A", NOT_CLOSED),
        ("${A:-${B}", NOT_CLOSED),
        ("${A:-" * 21 + "}" * 21, TOO_DEEP),
        ("${A:-" * 100_000, TOO_DEEP),
    ],
)
def test_a_dollar_sign_that_begins_no_reference_is_a_fault(text: str, problem: str) -> None:
    """Passwords have them; Compose refuses the file."""
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        Interpolation(text)


def test_references_may_be_nested_twenty_levels_deep() -> None:
    """Nobody needs three."""
    assert Interpolation("${A:-" * 20 + "5" + "}" * 20).text == "5"


@given(st.text("$${}:-?+A1 ", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No other error comes out."""
    try:
        Interpolation(text)
    except ValueError as error:
        assert str(error) in (NO_REFERENCE, NOT_CLOSED, TOO_DEEP)  # noqa: PT017 - most texts are right


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$(A)", "1"),
        ("a$(A)b$(A)", "a1b1"),
        ("$(B)", "$(B)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A", "$A"),
        ("$(A", "$(A"),
        ("$(A$(A)", "$(A1"),
    ],
)
def test_kubernetes_replaces_what_is_defined(text: str, value: str) -> None:
    """What is not defined stays as it is, and a dollar sign that is written twice is one."""
    assert expand(text, {"A": "1"}.get) == value
