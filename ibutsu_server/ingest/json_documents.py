"""Read JSON that others have written, without trusting its size or its depth."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.values import clean_json

_MAX_VALUES: Final = 200_000
"""Values in one document: each costs many times the memory that it takes in the file."""
# An unfinished string reaches to the end, or the search would begin anew at every quote in it.
_STRING_OR_MARK: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[][{},]', re.S)

Document = dict[str, Any]


def read_document(data: bytes, path: str, *, max_nesting: int) -> Document:
    """Read a JSON object whose text and numbers the database takes.

    Raises:
        ImportRejectedError: it is not UTF-8, no JSON, no object, or too deep or too large.
    """
    _weigh(data, path, max_nesting)
    try:
        document = clean_json(json.loads(data.decode("utf-8-sig")))
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


def _weigh(data: bytes, path: str, max_nesting: int) -> None:
    """Refuse a document that would take too much stack or memory, before it is parsed."""
    opened = data.count(b"[") + data.count(b"{")
    if opened <= max_nesting and opened + data.count(b",") <= _MAX_VALUES:
        return
    depth = values = 0
    for mark in _STRING_OR_MARK.finditer(data):
        character = mark[0][:1]
        if character in b"[{":
            depth += 1
        elif character in b"]}":
            depth -= 1
            continue
        elif character == b'"':
            continue
        values += 1
        if depth > max_nesting:
            raise _too_deep(path)
        if values > _MAX_VALUES:
            message = f"{path} holds more than {_MAX_VALUES:,} values."
            raise ImportRejectedError(message)


def _too_deep(path: str) -> ImportRejectedError:
    return ImportRejectedError(f"{path} is nested too deep; IBUTSU_IMPORT_MAX_NESTING sets the most.")
