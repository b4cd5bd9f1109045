"""Define the kinds of fields that a filter can ask about: what they hold, and how that compares.

A value, and each name on a path into JSON, reaches the database as a bound parameter only.
"""

from __future__ import annotations

import json
import math
import operator
import re
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, and_, any_, case, cast, func, literal, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH

from ibutsu_server.db.base import db
from ibutsu_server.db.filters import FilterError, Operator, unquoted
from ibutsu_server.db.patterns import checked_pattern
from ibutsu_server.db.times import read_time

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from sqlalchemy import SQLColumnExpression
    from sqlalchemy.orm import InstrumentedAttribute

    from ibutsu_server.db.types import Condition

_POSITION: Final = re.compile(r"-?+\d++", re.A)
"""A name on a path that PostgreSQL's ``#>>`` takes for a position in an array."""

_UUID_GROUPS: Final = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
"""First digit and number of digits of each group between the hyphens of a UUID."""

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
    """A field whose values are text."""

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
                return self.where_text(lambda text: _contains(text, value))
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
        if _is_postgresql():  # one parameter, however many values there are
            return self.column == any_(literal(values, ARRAY(self.column.type)))
        return self.column.in_(values)

    def compared(self, symbol: Operator, value: Any) -> Condition:
        """Ask how the field compares with a value."""
        condition: Condition = _COMPARISONS[symbol](self.column, value)
        return condition

    def parsed(self, value: str) -> Any:
        """Return the value as what the field holds.

        Raises:
            FilterError: it is not such a value.
        """
        return value


class IdField(Field):
    """A field whose values are ids."""

    holds = "an id"

    def condition(self, symbol: Operator, value: str) -> Condition:
        """Return what an operator and a value ask of a row; to contain an empty text is no question."""
        if symbol in {Operator.MATCHES, Operator.CONTAINS} and not value:
            message = "an empty text is part of every id; write a part of one"
            raise FilterError(message)
        return super().condition(symbol, value)

    def where_text(self, is_met: Callable[[ColumnElement[str]], Condition]) -> Condition:
        """Ask whether the id, written with hyphens in lower case, meets a condition."""
        text: ColumnElement[str] = cast(self.column, Text)
        if not _is_postgresql():  # SQLite stores the digits alone
            groups = [func.substr(text, *group) for group in _UUID_GROUPS]
            text = func.printf("%s-%s-%s-%s-%s", *groups, type_=Text)
        return is_met(text)

    def parsed(self, value: str) -> str:
        """Return the canonical text of the id."""
        try:
            return str(UUID(value))
        except ValueError:
            message = f"{value[:40]!r} is not a UUID; write all 32 digits of the id"
            raise FilterError(message) from None


class NumberField(Field):
    """A field whose values are numbers."""

    holds = "a number"

    def parsed(self, value: str) -> Any:
        """Return the number."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            message = f"the field holds a number, and {value[:40]!r} is not one; write one such as 2.5"
            raise FilterError(message)
        return number


class TimeField(Field):
    """A field whose values are points in time, in UTC where a filter does not say."""

    holds = "a time"

    def parsed(self, value: str) -> dt.datetime:
        """Return the time."""
        time = read_time(value)
        if time is None:
            message = f"{value[:40]!r} is not a time; write 2026-03-01T12:00:00 or seconds since 1970"
            raise FilterError(message)
        return time


class CountField(NumberField):
    """A number in ``summary``: PostgreSQL compares it as JSON, as its index does, so nothing can fail."""

    def __init__(self, column: InstrumentedAttribute[Any], name: str) -> None:
        path = f"$.{name}"
        super().__init__(column[name] if _is_postgresql() else func.json_extract(column, path))
        self._text = json_text(column, [name])
        self._is_number: Condition = (
            func.jsonb_typeof(column[name]) == "number"
            if _is_postgresql()
            else func.json_type(column, path).in_(["integer", "real"])
        )

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
        number = literal(value, JSONB) if _is_postgresql() else value
        return and_(self._is_number, super().compared(symbol, number))


class ListField(Field):
    """A list of texts in ``data``: an operator asks whether any element meets it."""

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
    """Return the text at a path, by the operators that the indexes of the schema are made of."""
    if not _is_postgresql():
        where = "$" + "".join(f".{json.dumps(name)}" for name in path)  # SQLite compares names as stored
        kind = func.json_type(column, where, type_=Text)  # "true" and "false", as JSON writes them
        text = cast(func.json_extract(column, where), Text)
        return case((kind.in_(["true", "false"]), kind), else_=text)
    match path:
        case [name] if not _POSITION.fullmatch(name):
            return column.op("->>", return_type=Text())(literal(name, Text))
        case [outer, inner] if not (_POSITION.fullmatch(outer) or _POSITION.fullmatch(inner)):
            parent = column.op("->", return_type=JSONB())(literal(outer, Text))
            return parent.op("->>", return_type=Text())(literal(inner, Text))
    return column.op("#>>", return_type=Text())(literal(path, ARRAY(Text)))


def _contains(text: ColumnElement[str], value: str) -> Condition:
    """Ask whether a text contains another, in any case, which is put in lower case once for all rows."""
    searched = select(func.lower(value)).scalar_subquery()
    position = func.strpos if _is_postgresql() else func.instr
    found: Condition = position(func.lower(text), searched) > 0
    return found


def _parts(value: str) -> list[str]:
    """Split a list at its semicolons; each value counts once, without the quotes around it."""
    parts = [unquoted(part.strip()) for part in value.split(";") if part.strip()]
    if not parts:
        message = "a list has at least one value; write values separated by ';'"
        raise FilterError(message)
    return list(dict.fromkeys(parts))


def _is_postgresql() -> bool:
    return db.engine.dialect.name == "postgresql"
