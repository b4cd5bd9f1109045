"""Check that every regular expression of the package is found and can be tried on texts that mean harm."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.patterns import Found, apply, compilations, modules, patterns_of, pumped

"""Calls that compile what a user wrote, only to see whether it can be compiled."""


def test_every_pattern_of_the_package_is_found() -> None:
    """A pattern that is compiled has a name in its module, so that none escapes the measurements."""
    missed = {
        module.__name__: compilations(module) - len(patterns_of(module))
        for module in modules()
        if compilations(module) != len(patterns_of(module))
    }
    assert missed == {}


def test_the_patterns_of_the_importer_are_among_them() -> None:
    """The walk reaches modules at any depth."""
    names = {found.name for module in modules() for found in patterns_of(module)}
    assert {
        "ibutsu_server.ingest.times._NUMBER",
        "ibutsu_server.ingest.junit.source._OPENER_OR_REFERENCE",
    } <= names


def test_every_pattern_can_be_pumped() -> None:
    """For each pattern there are texts that repeat what it may take, and it ends with all of them."""
    for module in modules():
        for found in patterns_of(module):
            texts = [*pumped(found.pattern, 50)]
            assert len(texts) > 10, found.name
            for text in texts:
                apply(found, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(a+)+$", "a" * 8 + "\x00"),
        (r"<x\s*>", "<x" + " " * 8 + "\x00"),
        (r"\d+\.\d+[a-z]", "0.00000000\x00"),
        (r"(?:ab|[^c])*d", "abababab\x00"),
        (rb'"[^"]*"', b'"        \x00'),
    ],
)
def test_pumped_texts_make_a_careless_pattern_backtrack(pattern: Any, text: Any) -> None:
    """Among them is the text of a beginning, many repetitions, and an end that does not match."""
    assert text in list(pumped(re.compile(pattern), 8))


def test_a_pattern_is_applied_as_its_module_does() -> None:
    """Each way counts: a pattern that is quick to match at the start may be slow to be searched."""

    class Recorder:
        def __init__(self) -> None:
            self.called: list[tuple[str, ...]] = []

        def __getattr__(self, method: str) -> object:
            def record(*arguments: str) -> tuple[()]:
                self.called.append((method, *arguments))
                return ()

            return record

    recorder = Recorder()
    apply(Found("x", recorder, {"search", "sub", "finditer"}), "text")  # type: ignore[arg-type]  # not a pattern
    assert sorted(recorder.called) == [("finditer", "text"), ("search", "text"), ("sub", "", "text")]
