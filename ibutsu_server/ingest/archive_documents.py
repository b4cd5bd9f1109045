"""Turn ``run.json`` and ``result.json`` of a pytest-ibutsu archive into records."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, get_args
from uuid import UUID

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.records import ResultRecord, RunRecord, State
from ibutsu_server.ingest.times import parse_seconds, parse_timestamp
from ibutsu_server.ingest.values import clean_json

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

T = TypeVar("T")

_STATES: Final = frozenset(get_args(State))
_MAX_VALUES: Final = 200_000
"""Values in one document: each costs many times the memory that it takes in the file."""
# An unfinished string reaches to the end, or the search would begin anew at every quote in it.
_STRING_OR_MARK: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[][{},]', re.S)
_FAILED: Final = "serialization_failed"

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
        message = f"{path} must hold a JSON object, not {_kind(document)}."
        raise ImportRejectedError(message)
    return document


def read_run(document: Document, run_id: str, path: str) -> RunRecord:
    """Make a record of ``run.json``; what has no column goes to its metadata.

    Raises:
        ImportRejectedError: a value that matters is of the wrong kind, or the id is not ``run_id``.
    """
    fields = _Fields(document, path)
    fields.match("id", run_id)
    summary = fields.mapping("summary")
    record = RunRecord(
        run_id,
        **fields.columns(),
        metadata=fields.mapping("metadata"),
        collected=_count(summary.get("collected")),
    )
    fields.put_rest(record.metadata)
    _fill_columns(record)
    return record


def read_result(document: Document, result_id: str, run_id: str, path: str) -> ResultRecord:
    """Make a record of a ``result.json``; what has no column goes to its metadata.

    Raises:
        ImportRejectedError: the state does not exist, a value that matters is of the wrong kind, or an
            id is not the one of the directory.
    """
    fields = _Fields(document, path)
    fields.match("id", result_id)
    fields.match("run_id", run_id)
    metadata = fields.mapping("metadata")
    record = ResultRecord(
        result_id,
        test_id=_test_id(fields, metadata, result_id),
        result=_state(fields, path),
        **fields.columns(),
        params=fields.mapping("params"),
        metadata=metadata,
    )
    fields.put_rest(metadata)
    _lift_user_properties(metadata)
    _fill_columns(record)
    metadata["run"] = run_id
    return record


class _Fields:
    """Take the values of a document one after another; what is left has no column."""

    def __init__(self, document: Document, path: str) -> None:
        self._rest = dict(document)
        self._path = path

    def match(self, name: str, expected: str) -> None:
        value = self._rest.pop(name, None)
        if value is None or canonical_id(str(value)) == expected:
            return
        message = f"{self._path} says {name} {str(value)[:100]!r}, but its directory belongs to {expected}."
        raise ImportRejectedError(message)

    def columns(self) -> dict[str, Any]:
        """Take the values of the columns that runs and results have in common."""
        return {
            "start_time": self.moment("start_time"),
            "duration": self.seconds("duration"),
            "component": self.text("component"),
            "env": self.text("env"),
            "source": self.text("source"),
            "project_id": self.text("project_id"),
        }

    def text(self, name: str) -> str | None:
        value = self._rest.pop(name, None)
        return value if value is None or isinstance(value, str) else json.dumps(value)

    def moment(self, name: str) -> dt.datetime | None:
        return self._parsed(name, parse_timestamp)

    def seconds(self, name: str) -> float | None:
        return self._parsed(name, parse_seconds)

    def mapping(self, name: str) -> Document:
        value = self._rest.pop(name, None)
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        message = f"{self._path}: {name} must be a JSON object, not {_kind(value)}."
        raise ImportRejectedError(message)

    def put_rest(self, metadata: Document) -> None:
        """Add what is left to the metadata; where a key is taken, under one with an underscore behind it."""
        for name, value in self._rest.items():
            while metadata.get(name, value) != value:
                name += "_"
            metadata[name] = value

    def _parsed(self, name: str, parse: Callable[[str], T | None]) -> T | None:
        """Take a value that is written as text; what cannot be read stays where it is."""
        value = self._rest.pop(name, None)
        parsed = None if value is None else parse(str(value))
        if parsed is None and value not in (None, ""):
            self._rest[name] = value
        return parsed

    @property
    def is_broken(self) -> bool:
        """Say whether pytest-ibutsu wrote this in place of what it could not serialize."""
        return self._rest.get("error") == _FAILED


def canonical_id(text: str) -> str | None:
    """Give a UUID in its canonical form; None for any other text, UUIDs written otherwise too."""
    try:
        identifier = str(UUID(text))
    except ValueError:
        return None
    return identifier if identifier == text.lower() else None


def _state(fields: _Fields, path: str) -> State:
    value = fields.text("result")
    if value in _STATES:
        return cast("State", value)
    if value is None and fields.is_broken:
        return "error"
    told = "has no result" if value is None else f"has the result {value[:100]!r}"
    message = f"{path} {told}; it must be one of {', '.join(sorted(_STATES))}."
    raise ImportRejectedError(message)


def _test_id(fields: _Fields, metadata: Document, result_id: str) -> str:
    name = fields.text("test_id")
    if name is None and isinstance(metadata.get("node_id"), str):
        name = metadata["node_id"]
    return name or result_id


def _lift_user_properties(metadata: Document) -> None:
    """Put a test's own properties beside the rest; a key that is there already stays as it is."""
    properties = metadata.get("user_properties")
    if isinstance(properties, list):
        pairs = [pair for pair in properties if isinstance(pair, list) and len(pair) == 2]
        properties = {str(name): value for name, value in pairs}
    if isinstance(properties, dict):
        for name, value in properties.items():
            metadata.setdefault(name, value)


def _fill_columns(record: RunRecord | ResultRecord) -> None:
    for name in ("component", "env", "source"):
        value = record.metadata.get(name)
        if getattr(record, name) is None and isinstance(value, str) and value:
            setattr(record, name, value)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


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


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "a list"
    return "text" if isinstance(value, str) else json.dumps(value)[:40]
