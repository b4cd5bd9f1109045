"""Turn ``run.json`` and ``result.json`` of a pytest-ibutsu archive into records."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, get_args

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.json_documents import Document, kind_of
from ibutsu_server.ingest.records import ResultRecord, RunRecord, State
from ibutsu_server.ingest.times import parse_seconds, parse_timestamp

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

T = TypeVar("T")

_STATES: Final = frozenset(get_args(State))
_WORDS: Final[dict[str, State]] = {
    "ok": "passed",
    "success": "passed",
    "warning": "passed",
    "failure": "failed",
    "xfail": "xfailed",
    "xpass": "xpassed",
}
"""States by the words that other tools have for them."""
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I | re.A)
_COLUMNS: Final = ("component", "env", "source")
_MAX_SAME_NAMES: Final = 10
_FAILED: Final = "serialization_failed"


def read_run(document: Document, run_id: str, path: str) -> RunRecord:
    """Make a record of ``run.json``; what has no column goes to its metadata.

    Its duration is one of them: the column is the sum over the results, as everywhere.

    Raises:
        ImportRejectedError: a value that matters is of the wrong kind, or the id is not ``run_id``.
    """
    fields = _Fields(document, path)
    fields.match("id", run_id)
    summary = fields.mapping("summary")
    record = RunRecord(
        run_id,
        created=fields.time("created"),
        **fields.columns(),
        metadata=fields.mapping("metadata"),
        collected=_count(summary.get("collected")),
    )
    fields.put_rest(record.metadata)
    _fill_columns(record, record.metadata)
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
        result=_take_state(fields, metadata, path),
        duration=fields.seconds("duration"),
        **fields.columns(),
        params=fields.mapping("params"),
        metadata=metadata,
    )
    fields.put_rest(metadata)
    _put(metadata, "run", run_id)
    own = _take_user_properties(metadata)
    _fill_columns(record, own, metadata)
    for name, value in own.items():
        _put(metadata, name, value)
    return record


class _Fields:
    """Take the values of a document one after another; what is left has no column."""

    def __init__(self, document: Document, path: str) -> None:
        self._rest = dict(document)
        self._path = path

    def match(self, name: str, expected: str) -> None:
        value = self._rest.pop(name, None)
        if value is None or value == expected or canonical_id(str(value)) == expected:
            return
        message = f"{self._path} says {name} {str(value)[:100]!r}, but its directory belongs to {expected}."
        raise ImportRejectedError(message)

    def columns(self) -> dict[str, Any]:
        """Take the values of the columns that runs and results have in common."""
        return {
            "start_time": self.time("start_time"),
            "component": self.text("component"),
            "env": self.text("env"),
            "source": self.text("source"),
            "project_id": self.text("project_id"),
        }

    def text(self, name: str) -> str | None:
        value = self._rest.pop(name, None)
        return value if value is None or isinstance(value, str) else json.dumps(value)

    def time(self, name: str) -> dt.datetime | None:
        return self._parsed(name, parse_timestamp)

    def seconds(self, name: str) -> float | None:
        return self._parsed(name, parse_seconds)

    def mapping(self, name: str) -> Document:
        value = self._rest.pop(name, None)
        if isinstance(value, dict):
            return value
        if value is None:
            return {}
        if self.is_broken:
            self._rest[name] = value
            return {}
        message = f"{self._path}: {name} must be a JSON object, not {kind_of(value)}."
        raise ImportRejectedError(message)

    def put_rest(self, metadata: Document) -> None:
        """Add what is left to the metadata."""
        for name, value in self._rest.items():
            _put(metadata, name, value)

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
    """Return a UUID in its canonical form; None for any other text, UUIDs written otherwise too."""
    return text.lower() if _UUID.fullmatch(text) else None


def _take_state(fields: _Fields, metadata: Document, path: str) -> State:
    """Take the state; a word that another tool has for it is kept in the metadata."""
    word = fields.text("result")
    plain = (word or "").strip().lower()
    state = cast("State", plain) if plain in _STATES else _WORDS.get(plain)
    if state is None and fields.is_broken:
        state = "error"
    if state is None:
        told = "has no result" if word is None else f"has the result {word[:100]!r}"
        message = f"{path} {told}; it must be one of {', '.join(sorted(_STATES))}."
        raise ImportRejectedError(message)
    if word is not None and state != word:
        _put(metadata, "original_result", word)
    return state


def _test_id(fields: _Fields, metadata: Document, result_id: str) -> str:
    name = fields.text("test_id")
    if name is None and isinstance(metadata.get("node_id"), str):
        name = metadata["node_id"]
    return name or result_id


def _take_user_properties(metadata: Document) -> Document:
    """Take a test's own properties out of its metadata; a name that comes twice has a list of values.

    What is not a pair of a name and a value stays where it is.
    """
    properties = metadata.pop("user_properties", None)
    if isinstance(properties, dict):
        return properties
    own: dict[str, list[Any]] = {}
    others = []
    for pair in properties if isinstance(properties, list) else [properties]:
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str):
            own.setdefault(pair[0], []).append(pair[1])
        elif pair is not None:
            others.append(pair)
    if others:
        metadata["user_properties"] = others if isinstance(properties, list) else properties
    return {name: values[0] if len(values) == 1 else values for name, values in own.items()}


def _put(metadata: Document, name: str, value: Any) -> None:
    """Add a value to the metadata; where its key is taken, under one with underscores behind it."""
    key = name
    for _ in range(_MAX_SAME_NAMES):
        if metadata.setdefault(key, value) == value:
            return
        key += "_"
    message = f"A document holds more than {_MAX_SAME_NAMES} different values called {name[:100]!r}."
    raise ImportRejectedError(message)


def _fill_columns(record: RunRecord | ResultRecord, *sources: Document) -> None:
    """Fill the columns that are empty from the first source that has a text for them."""
    for name in _COLUMNS:
        if not getattr(record, name):
            texts = (source[name] for source in sources if name in source)
            setattr(record, name, next((text for text in texts if isinstance(text, str) and text), None))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
