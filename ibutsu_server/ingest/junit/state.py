"""Tell the state of a case by its children and attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ibutsu_server.ingest.junit.elements import attributes_of, decoded, text_of
from ibutsu_server.ingest.junit.vocabulary import STATE_WORDS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ibutsu_server.ingest.junit.elements import Element
    from ibutsu_server.ingest.records import State

Children = dict[Kind, list["Element"]]

_XFAIL: Final = frozenset({"pytest.xfail", "xfail"})
_XPASS: Final = frozenset({"pytest.xpass", "xpass"})
_MAY_FAIL: Final = ("!mayfail", "!shouldfail")
"""Tags of Catch2: it writes ``skipped`` beside the failure of such a test, with the tag in its message."""
_SEPARATORS: Final = str.maketrans("", "", " _-")


def children_of(element: Element) -> Children:
    """Group the elements in an element by their meaning."""
    children: Children = {}
    for child in element.children():
        children.setdefault(child.kind, []).append(child)
    return children


def faults_of(children: Children) -> list[Element]:
    """Return the errors and failures, the errors first."""
    return children.get("error", []) + children.get("failure", [])


def attempts_of(children: Children) -> list[Element]:
    """Return the attempts before the last one."""
    return children.get("rerun", []) + children.get("flaky", [])


def state_of(attributes: Mapping[str, str], children: Children) -> State:
    """Return the state of a case; a child counts more than an attribute."""
    if not children:
        return _state_in_words(attributes)
    skips = children.get("skipped", [])
    if "error" in children or "failure" in children:
        if skips and _may_fail(skips):
            return "xfailed"
        return "error" if "error" in children else "failed"
    if "xfailed" in children:
        return "xfailed"
    if "xpassed" in children:
        return "xpassed"
    if skips:
        return _state_of_skips(skips)
    if "rerun" in children:
        return "error" if children["rerun"][0].local_name == "rerunError" else "failed"
    return "passed" if "flaky" in children else _state_in_words(attributes)


def _state_in_words(attributes: Mapping[str, str]) -> State:
    if "status" not in attributes and "result" not in attributes:
        return "passed"
    said = [attributes[name] for name in ("status", "result") if name in attributes]
    words = [word.strip().lower().translate(_SEPARATORS) for word in said]
    return next((state for word, state in STATE_WORDS.items() if word in words), "passed")


def _state_of_skips(skips: list[Element]) -> State:
    types = {_type_of(skip) for skip in skips}
    if types & _XFAIL:
        return "xfailed"
    return "xpassed" if types & _XPASS else "skipped"


def _may_fail(skips: list[Element]) -> bool:
    return any(_type_of(skip) in _XFAIL for skip in skips) or any(
        tag in words for skip in skips for words in _words_of(skip) for tag in _MAY_FAIL
    )


def _type_of(skip: Element) -> str:
    return attributes_of(skip).get("type", "").strip().lower()


def _words_of(skip: Element) -> Iterator[str]:
    yield attributes_of(skip).get("message", "").lower()
    yield decoded(text_of(skip)).lower()
