"""Read filters such as ``metadata.jenkins.job_name=nightly`` and turn them into SQL conditions.

A value reaches the database as a bound parameter only. The language is that of the Ibutsu API.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
import operator
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Float, Text, cast, func, literal, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DataError

from ibutsu_server.db.base import db
from ibutsu_server.db.models import Result, Run
from ibutsu_server.db.types import PortableUuid, UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.types import TypeEngine

Model = type[Result] | type[Run]
Condition = ColumnElement[bool]

_FILTER: Final = re.compile(
    r"(?P<field>[A-Za-z_][\w.-]*?)\s*(?P<operator>>=|<=|[=!<>)(~*%@])(?P<value>.*)", re.S
)
_SHORT: Final = {">=": ")", "<=": "("}
_JSON_COLUMNS: Final = {"metadata": "data", "data": "data", "summary": "summary", "params": "params"}
_ARRAYS: Final = frozenset({"tags", "markers", "annotations"})
_SUMMARY_NUMBERS: Final = frozenset(
    {"failures", "errors", "pass_percent", "passes", "skips", "tests", "xfailures", "xpasses"}
)
_SECONDS: Final = re.compile(r"(?!\d{8}$)\d+(?:\.\d+)?", re.A)
"""Seconds since 1970; eight digits are a date in the basic form of ISO 8601."""
_YES: Final = ("y", "t", "1")
_COMPARISONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq,
    "!": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ")": operator.ge,
    "(": operator.le,
}


class FilterError(ValueError):
    """Say why a filter cannot be used: the filter, the fault, the remedy."""


class Filter(NamedTuple):
    """Be one filter as it was written."""

    field: str
    operator: str
    value: str


def parse_filter(text: Any) -> Filter:
    """Read ``field operator value``.

    Raises:
        FilterError: it has no field or no operator.
    """
    match = _FILTER.fullmatch(text) if isinstance(text, str) else None
    if match is None or "\0" in text:
        told = f"{str(text)[:100]!r} is no filter"
        message = f"{told}: write a field, one of = ! > < >= <= ~ * % @, and a value, such as result=failed"
        raise FilterError(message)
    written = match["operator"]
    return Filter(match["field"], _SHORT.get(written, written), match["value"])


def compile_filter(one: Filter, model: Model) -> Condition:
    """Turn a filter into a condition on the rows of ``model``.

    Raises:
        FilterError: there is no such field, it does not know the operator, or the value does not fit.
    """
    field = _field(one.field, model)
    if one.operator == "@":
        exists = field.text.is_not(None)
        return exists if one.value[:1].lower() in _YES else ~exists
    try:
        return field.condition(one.operator, one.value)
    except FilterError as error:
        message = f"{one.field}{one.operator}{one.value[:100]}: {error}"
        raise FilterError(message) from None


class _Field:
    """Be a field whose values are text."""

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column

    @property
    def text(self) -> ColumnElement[Any]:
        return self.column

    def condition(self, symbol: str, value: str) -> Condition:
        match symbol:
            case "~":
                return self.text.regexp_match(_checked_pattern(value))
            case "%":
                return self.text.icontains(value, autoescape=True)
            case "*":
                return self.any_of([part.strip() for part in value.split(";")])
            case _:
                return self.compared(symbol, value)

    def any_of(self, values: list[str]) -> Condition:
        return self.column.in_([self.parsed(value) for value in values])

    def compared(self, symbol: str, value: str) -> Condition:
        condition: Condition = _COMPARISONS[symbol](self.column, self.parsed(value))
        return condition

    def parsed(self, value: str) -> Any:
        return value


class _Id(_Field):
    @property
    def text(self) -> ColumnElement[Any]:
        return cast(self.column, Text)

    def parsed(self, value: str) -> str:
        try:
            return str(UUID(value))
        except ValueError:
            message = "the value is no UUID; write all 32 digits of the id"
            raise FilterError(message) from None


class _Number(_Field):
    @property
    def text(self) -> ColumnElement[Any]:
        return cast(self.column, Text)

    def parsed(self, value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            message = "the field holds numbers, and the value is none"
            raise FilterError(message)
        return number


class _Moment(_Number):
    def parsed(self, value: str) -> Any:
        try:
            if _SECONDS.fullmatch(value):
                return dt.datetime.fromtimestamp(float(value), dt.UTC)
            return dt.datetime.fromisoformat(value)
        except (ValueError, OverflowError, OSError):
            message = "the value is no moment; write 2026-03-01T12:00:00 or seconds since 1970"
            raise FilterError(message) from None


class _SummaryNumber(_Number):
    """Be a number in the ``summary`` of a run, written so that PostgreSQL can use an index over it."""

    def __init__(self, name: str) -> None:
        super().__init__(Run.summary[name] if _is_postgresql() else Run.summary[name].as_float())

    def parsed(self, value: str) -> Any:
        number = super().parsed(value)
        return literal(number, JSONB) if _is_postgresql() else number


class _Array(_Field):
    """Be a list of texts in ``data``: ``=`` and ``*`` ask whether an element is in it."""

    def __init__(self, model: Model, name: str) -> None:
        super().__init__(model.data[name])
        self._model = model
        self._name = name

    @property
    def text(self) -> ColumnElement[Any]:
        return _json_text(self._model.data, [self._name])

    def any_of(self, values: list[str]) -> Condition:
        if _is_postgresql():
            found: Condition = type_coerce(self.column, JSONB).has_any(literal(values, ARRAY(Text)))
            return found
        elements = func.json_each(self._model.data, f"$.{self._name}").table_valued("value")
        return select(elements.c.value).where(elements.c.value.in_(values)).exists()

    def compared(self, symbol: str, value: str) -> Condition:
        if symbol not in {"=", "!"}:
            message = "the field is a list; use = ! * % ~ or @"
            raise FilterError(message)
        found = self.any_of([value])
        return found if symbol == "=" else ~found


def _field(name: str, model: Model) -> _Field:
    head, *path = name.split(".")
    column: Any = getattr(model, _JSON_COLUMNS.get(head, head), None)
    if path and head in _JSON_COLUMNS and column is not None and all(path):
        return _json_field(column, path, model)
    kinds = {item.key: kind for item in model.__table__.columns for kind in _kinds_of(item.type)}
    if path or name not in kinds:
        raise FilterError(_unknown(name, list(kinds), model))
    return kinds[name](column)


def _kinds_of(type_: TypeEngine[Any]) -> list[type[_Field]]:
    return [kind for known, kind in _KINDS.items() if isinstance(type_, known)]


def _json_field(column: Any, path: list[str], model: Model) -> _Field:
    if column.key == "data" and len(path) == 1 and path[0] in _ARRAYS:
        return _Array(model, path[0])
    if column.key == "summary" and len(path) == 1 and path[0] in _SUMMARY_NUMBERS:
        return _SummaryNumber(path[0])
    return _Field(_json_text(column, path))


def _json_text(column: Any, path: list[str]) -> ColumnElement[Any]:
    """Give the text at a path, by the operator that the indexes of the schema are made of."""
    if _is_postgresql():
        text: ColumnElement[Any] = column.op("#>>", return_type=Text())(literal(path, ARRAY(Text)))
        return text
    quoted = "".join(f'."{part}"' for part in path)
    return cast(func.json_extract(column, f"${quoted}"), Text)


def _unknown(name: str, columns: list[str], model: Model) -> str:
    known = [*columns, "metadata.<path>", *(["summary.<count>"] if model is Run else ["params.<path>"])]
    near = difflib.get_close_matches(name, known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(sorted(known))}"
    return f"{name[:100]!r} is no field of {model.__tablename__}: {remedy}"


def _checked_pattern(value: str) -> str:
    """Let the database itself judge a regular expression, before it is part of a larger statement."""
    try:
        if _is_postgresql():
            with db.session.begin_nested():
                db.session.scalar(select(literal("", Text).regexp_match(value)))
        else:
            re.compile(value)
    except (re.error, DataError) as error:
        told = str(error.orig) if isinstance(error, DataError) else str(error)
        message = f"the regular expression is not valid: {told.strip().splitlines()[0]}"
        raise FilterError(message) from None
    return value


def _is_postgresql() -> bool:
    return db.engine.dialect.name == "postgresql"


_KINDS: Final[dict[type[Any], type[_Field]]] = {
    Text: _Field,
    PortableUuid: _Id,
    Float: _Number,
    UtcDateTime: _Moment,
}
