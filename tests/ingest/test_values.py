"""Check how text, JSON and ids of uploaded files are read."""

from __future__ import annotations

import uuid

from ibutsu_server.ingest.values import clean_json, clean_text, new_id


def test_text_loses_only_what_cannot_be_stored() -> None:
    """NUL, control characters and lone surrogates go; tabs, line ends and astral characters stay."""
    assert clean_text("a\x00b\x1b[31m\t\r\n\x0b\ud800\uffff\N{GRINNING FACE}é\x85") == (
        "ab[31m\t\r\n\N{GRINNING FACE}é\x85"
    )


def test_json_is_cleaned_at_every_depth() -> None:
    """Keys and values lose NUL, NaN and infinities become null, everything else stays."""
    dirty = {"a\x00": ["\x00b", {"c": float("nan")}], "d": float("-inf"), "e": [1, 2.5, True, None]}
    assert clean_json(dirty) == {"a": ["b", {"c": None}], "d": None, "e": [1, 2.5, True, None]}


def test_ids_are_canonical_distinct_and_in_order_of_time() -> None:
    """An id is canonical UUID text of version 7, and ids sort by their millisecond."""
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert {str(uuid.UUID(text)) for text in ids} == set(ids)
    assert {(uuid.UUID(text).version, uuid.UUID(text).variant) for text in ids} == {(7, uuid.RFC_4122)}
    assert sorted(text[:13] for text in ids) == [text[:13] for text in ids]
