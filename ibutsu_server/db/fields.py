"""Define the kinds of fields that a filter can ask: what they hold, and how that compares.

A value, and each name on a path into JSON, reaches the database as a bound parameter only.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import operator
import re
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, and_, case, cast, func, literal, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH

from ibutsu_server.db.base import db
from ibutsu_server.db.filters import FilterError, Operator
from ibutsu_server.db.patterns import checked_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import SQLColumnExpression
    from sqlalchemy.orm import InstrumentedAttribute

Condition = ColumnElement[bool]

MAX_VALUES: Final = 1_000
"""Values of one list: with all filters of a query they stay below what SQLite and PostgreSQL can bind."""

_SECONDS: Final = re.compile(r"(?!\d{8}$)\d+(?:\.\d+)?", re.A)
"""Seconds since 1970; eight digits are a date in the basic form of ISO 8601."""
_YES: Final = ("y", "t", "1")
_COMPARISONS: Final[dict[Operator, Callable[[Any, Any], Any]]] = {
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
    Operator.ABOVE: operator.gt,
    Operator.BELOW: operator.lt,
    Operator.AT_LEAST: operator.ge,
    Operator.AT_MOST: operator.le,
}


class Field:
    """Be a field whose values are text."""

    holds: ClassVar = "text"
    operators: ClassVar = frozenset(Operator)
    """What may be asked of the field."""

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column

    def condition(self, symbol: Operator, value: str) -> Condition:
        """Return what an operator and a value, as text, ask of a row.

        Raises:
            FilterError: the field does not know the operator, or the value does not fit.
        """
        if symbol not in self.operators:
            known = " ".join(each for each in Operator if each in self.operators)
            message = f"the field holds {self.holds}; use one of {known}"
            raise FilterError(message)
        match symbol:
            case Operator.EXISTS:
                return self.exists() if value[:1].lower() in _YES else ~self.exists()
            case Operator.MATCHES:
                pattern = checked_pattern(value)
                return self.where_text(lambda text: text.regexp_match(pattern))
            case Operator.CONTAINS:
                return self.where_text(lambda text: text.icontains(value, autoescape=True))
            case Operator.IN:
                return self.any_of([self.parsed(part) for part in _parts(value)])
            case _:
                return self.compared(symbol, self.parsed(value))

    def exists(self) -> Condition:
        """Ask whether the row has the field."""
        return self.column.is_not(None)

    def where_text(self, is_met: Callable[[ColumnElement[str]], Condition]) -> Condition:
        """Ask whether the field, written as text, meets a condition."""
        return is_met(cast(self.column, Text))

    def any_of(self, values: list[Any]) -> Condition:
        """Ask whether the field is one of the values."""
        return self.column.in_(values)

    def compared(self, symbol: Operator, value: Any) -> Condition:
        """Ask how the field compares with a value."""
        condition: Condition = _COMPARISONS[symbol](self.column, value)
        return condition

    def parsed(self, value: str) -> Any:
        """Return the value as what the field holds.

        Raises:
            FilterError: it is none.
        """
        return value


class IdField(Field):
    """Be a field whose values are ids: they are equal or not."""

    holds = "an id"
    operators = frozenset({Operator.EQUAL, Operator.NOT_EQUAL, Operator.IN, Operator.EXISTS})

    def parsed(self, value: str) -> str:
        """Return the canonical text of the id."""
        try:
            return str(UUID(value))
        except ValueError:
            message = f"{value[:40]!r} is no UUID; write all 32 digits of the id"
            raise FilterError(message) from None


class NumberField(Field):
    """Be a field whose values are numbers."""

    holds = "a number"

    def parsed(self, value: str) -> Any:
        """Return the number."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            message = f"the field holds a number, and {value[:40]!r} is none; write one such as 2.5"
            raise FilterError(message)
        return number


class MomentField(Field):
    """Be a field whose values are moments, in UTC where they do not say."""

    holds = "a moment"

    def parsed(self, value: str) -> dt.datetime:
        """Return the moment."""
        try:
            if _SECONDS.fullmatch(value):
                return dt.datetime.fromtimestamp(float(value), dt.UTC)
            moment = dt.datetime.fromisoformat(value)
            return moment.astimezone(dt.UTC) if moment.tzinfo else moment
        except (ValueError, OverflowError, OSError):
            message = f"{value[:40]!r} is no moment; write 2026-03-01T12:00:00 or seconds since 1970"
            raise FilterError(message) from None


class CountField(NumberField):
    """Be a number in ``summary``: PostgreSQL compares it as JSON, as its index does; nothing can fail."""

    def __init__(self, column: InstrumentedAttribute[Any], name: str) -> None:
        path = f"$.{name}"
        super().__init__(column[name] if _is_postgresql() else func.json_extract(column, path))
        self._text = json_text(column, [name])
        kind = func.jsonb_typeof(column[name]) if _is_postgresql() else func.json_type(column, path)
        self._is_number: Condition = kind.in_(["number", "integer", "real"])

    def exists(self) -> Condition:
        """Ask whether the summary has the number."""
        return self._text.is_not(None)

    def where_text(self, is_met: Callable[[ColumnElement[str]], Condition]) -> Condition:
        """Ask whether the number, written as text, meets a condition."""
        return is_met(self._text)

    def any_of(self, values: list[Any]) -> Condition:
        """Ask whether the number is one of the values."""
        return and_(self._is_number, super().any_of(values))

    def compared(self, symbol: Operator, value: Any) -> Condition:
        """Ask how the number compares; JSON of another kind has an order too, but no meaning."""
        return and_(self._is_number, super().compared(symbol, value))

    def parsed(self, value: str) -> Any:
        """Return the number in the form it compares in."""
        number = super().parsed(value)
        return literal(number, JSONB) if _is_postgresql() else number


class ListField(Field):
    """Be a list of texts in ``data``: an operator asks whether any element meets it."""

    holds = "a list"
    operators = frozenset(Operator) - {Operator.ABOVE, Operator.BELOW, Operator.AT_LEAST, Operator.AT_MOST}

    def __init__(self, column: InstrumentedAttribute[Any], name: str) -> None:
        super().__init__(json_text(column, [name]))
        self._json = column
        self._name = name

    def where_text(self, is_met: Callable[[ColumnElement[str]], Condition]) -> Condition:
        """Ask whether an element, written as text, meets a condition."""
        if _is_postgresql():
            path = cast(f'$."{self._name}"[*]', JSONPATH)
            element = func.jsonb_path_query(self._json, path, type_=JSONB).column_valued("element")
            text = json_text(element, [])
        else:
            each = func.json_each(self._json, f'$."{self._name}"').table_valued("value")
            text = cast(each.c.value, Text)
        return select(literal(1)).where(is_met(text)).exists()

    def any_of(self, values: list[Any]) -> Condition:
        """Ask whether an element is one of the values."""
        if _is_postgresql():  # the form that the index on the list serves
            elements = type_coerce(self._json[self._name], JSONB)
            found: Condition = elements.has_any(literal(values, ARRAY(Text)))
            return found
        return self.where_text(lambda text: text.in_(values))

    def compared(self, symbol: Operator, value: Any) -> Condition:
        """Ask whether an element is the value, or that none is."""
        found = self.any_of([value])
        return found if symbol == Operator.EQUAL else and_(self.exists(), ~found)


def json_text(column: SQLColumnExpression[Any], path: list[str]) -> ColumnElement[str]:
    """Give the text at a path, by the operator that the indexes of the schema are made of."""
    if _is_postgresql():
        return column.op("#>>", return_type=Text())(literal(path, ARRAY(Text)))
    where = "$" + "".join(f".{json.dumps(name)}" for name in path)  # SQLite compares names as they are stored
    kind = func.json_type(column, where, type_=Text)  # the two truth values are called as they are written
    text = cast(func.json_extract(column, where), Text)
    return case((kind.in_(["true", "false"]), kind), else_=text)


def _parts(value: str) -> list[str]:
    """Split a list at its semicolons; each value counts once."""
    parts = list(dict.fromkeys(part.strip() for part in value.split(";") if part.strip()))
    if not 1 <= len(parts) <= MAX_VALUES:
        message = f"a list has 1 to {MAX_VALUES:,} values separated by ';', not {len(parts):,}"
        raise FilterError(message)
    return parts


def _is_postgresql() -> bool:
    return db.engine.dialect.name == "postgresql"
