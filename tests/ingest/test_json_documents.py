"""Show how large and how deep the documents of an archive may be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.json_documents import DocumentReader

BRACKETS = '[[{{,,"'
"""Text in a document that must not be taken for values."""


def read(*documents: dict[str, Any], **limits: int) -> list[dict[str, Any]]:
    """Read the documents of one archive."""
    reader = DocumentReader(**{"max_nesting": 1000, **limits})
    return [reader.read(json.dumps(document).encode(), "result.json") for document in documents]


def nested(levels: int, text: str) -> dict[str, Any]:
    """Return a document of so many levels with a text in the innermost."""
    inner: list[Any] = [text]
    for _ in range(levels - 2):
        inner = [inner]
    return {"a": inner}


@pytest.mark.parametrize("text", ["", BRACKETS * 40])
@pytest.mark.parametrize("levels", [3, 100, 101, 150])
def test_nesting_is_counted_outside_of_texts(levels: int, text: str) -> None:
    """A document of as many levels as may be is read; one more is refused."""
    document = nested(levels, text)
    assert read(document, max_nesting=levels) == [document]
    with pytest.raises(ImportRejectedError) as refused:
        read(document, max_nesting=levels - 1)
    assert str(refused.value) == ("result.json is nested too deep; IBUTSU_IMPORT_MAX_NESTING sets the most.")


def test_values_of_one_document_are_limited() -> None:
    """What looks like values in a text is none."""
    most = {"a": [1] * 199_998, BRACKETS: ""}
    assert len(read(most)[0]["a"]) == 199_998
    with pytest.raises(ImportRejectedError) as refused:
        read({"a": [1] * 199_999, BRACKETS: ""})
    assert str(refused.value) == "result.json holds more than 200,000 values."


def test_values_of_all_documents_are_limited() -> None:
    """Two documents of three values each are six."""
    document = {"a": [1], "b": 2}
    assert read(document, document, max_values=6) == [document] * 2
    with pytest.raises(ImportRejectedError) as refused:
        read(document, document, max_values=5)
    assert str(refused.value) == "The documents of the archive hold more than 5 values together; split it."


def test_deep_documents_are_cleaned_as_others_are() -> None:
    """What the database refuses is dropped at every level; what it takes stays as it is."""
    deep: Any = ["a\0b", 10**30, "\ud800", float("nan")]
    for _ in range(300):
        deep = [deep]
    (document,) = read({"a": deep})
    cleaned = document["a"]
    for _ in range(300):
        (cleaned,) = cleaned
    assert cleaned == ["ab", 10**30, "", None]
