"""Read JSON that others have written, without trusting its size or its depth."""

from __future__ import annotations

import json
import math
import re
from array import array
from itertools import accumulate
from typing import Any, Final

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.values import clean_json

MAX_VALUES: Final = 5_000_000
"""Values in all documents of an archive: a million take up to two seconds."""
_MAX_VALUES_OF_ONE: Final = 200_000
"""Values in one document: each costs many times the memory that it takes in the file."""
# An unfinished string reaches to the end, or the search would begin anew at every quote in it.
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.S)
_STEPS: Final = bytes.maketrans(b"[{,]}", b"\1\1\0\xff\xff")
"""What a mark adds to the depth, as a signed byte."""
_NOT_A_STEP: Final = bytes(code for code in range(256) if code not in b"[{,]}")

_UNCLEAN: Final = (rb"\u", b"\xef\xbf")
"""What is in every document with characters that the database refuses: JSON allows no raw controls."""
_FEW: Final = 100
"""Levels up to which a document is not too deep for anybody who walks through it later."""

Document = dict[str, Any]


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


_decode: Final = json.JSONDecoder(parse_float=_finite, parse_constant=lambda _: None).decode
"""Reads JSON; NaN and infinities, which the database refuses, are null."""


class DocumentReader:
    """A reader of the documents of one archive, which together hold a bounded number of values."""

    def __init__(self, *, max_nesting: int, max_values: int = MAX_VALUES) -> None:
        self._max_nesting = max_nesting
        self._max_values = max_values
        self._left = max_values

    def read(self, data: bytes, path: str) -> Document:
        """Read a JSON object whose text and numbers the database takes.

        Raises:
            ImportRejectedError: it is not UTF-8, not JSON, not an object, or too deep, or it or all documents
                so far are too large.
        """
        depth, values = _weigh(data, path, self._max_nesting)
        self._left -= values
        if self._left < 0:
            message = (
                f"The documents of the archive hold more than {self._max_values:,} values together; split it."
            )
            raise ImportRejectedError(message)
        try:
            document = _decode(data.decode("utf-8-sig"))
            if depth > _FEW or any(mark in data for mark in _UNCLEAN):
                document = clean_json(document)
        except RecursionError as error:
            raise _too_deep(path) from error
        except ValueError as error:
            message = f"{path} is not JSON in UTF-8: {error}."
            raise ImportRejectedError(message) from error
        if not isinstance(document, dict):
            message = f"{path} must hold a JSON object, not {kind_of(document)}."
            raise ImportRejectedError(message)
        return document


def kind_of(value: Any) -> str:
    """Return what kind of JSON value this is, in words."""
    if isinstance(value, list):
        return "a list"
    return "text" if isinstance(value, str) else json.dumps(value)[:40]


def _weigh(data: bytes, path: str, max_nesting: int) -> tuple[int, int]:
    """Refuse a document that would take too much stack or memory, before it is parsed.

    Return how deep it is nested and how many values it has, or numbers that are too large but harmless.
    """
    opened = data.count(b"[") + data.count(b"{")
    values = opened + data.count(b",")
    if opened <= min(_FEW, max_nesting) and values <= _MAX_VALUES_OF_ONE:
        return opened, values  # some may stand in strings
    steps = array("b", _STRING.sub(b"", data).translate(_STEPS, _NOT_A_STEP))
    depth = max(accumulate(steps), default=0)
    values = len(steps) - steps.count(-1)
    if depth > max_nesting:
        raise _too_deep(path)
    if values > _MAX_VALUES_OF_ONE:
        message = f"{path} holds more than {_MAX_VALUES_OF_ONE:,} values."
        raise ImportRejectedError(message)
    return depth, values


def _too_deep(path: str) -> ImportRejectedError:
    return ImportRejectedError(f"{path} is nested too deep; IBUTSU_IMPORT_MAX_NESTING sets the most.")
