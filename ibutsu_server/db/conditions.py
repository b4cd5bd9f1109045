"""Turn filters into SQL conditions.

A row that does not have the field is found by ``@`` alone, whatever the operator and the database.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Float, Text

from ibutsu_server.db.fields import CountField, Field, IdField, ListField, NumberField, TimeField, json_text
from ibutsu_server.db.filters import Filter, FilterError
from ibutsu_server.db.models import Result, Run
from ibutsu_server.db.types import PortableUuid, UtcDateTime

if TYPE_CHECKING:
    from sqlalchemy.orm import InstrumentedAttribute
    from sqlalchemy.types import TypeEngine

    from ibutsu_server.db.types import Condition

Model = type[Result] | type[Run]

MAX_PATH: Final = 100
"""Names of one path: each row is searched for all of them."""

_JSON_COLUMNS: Final = {"metadata": "data", "data": "data", "summary": "summary", "params": "params"}
_LISTS: Final = frozenset({"tags", "markers", "annotations"})
_COUNTS: Final = frozenset(
    {
        *("errors", "failures", "skips", "xfailures", "xpasses", "passes", "not_run"),
        *("tests", "collected", "pass_percent"),
    }
)
_KINDS: Final[dict[type[Any], type[Field]]] = {
    Text: Field,
    PortableUuid: IdField,
    Float: NumberField,
    UtcDateTime: TimeField,
}
"""The kind of field by the type of its column; a JSON column is not a field without a path."""


def compile_filter(one: Filter, model: Model) -> Condition:
    """Turn a filter into a condition on the rows of ``model``.

    Raises:
        FilterError: there is no such field, it does not know the operator, or the value does not fit.
    """
    try:
        return _field(one.field, model).condition(one.operator, one.value)
    except FilterError as error:
        message = f"{one}: {error}"
        raise FilterError(message) from None


def _field(name: str, model: Model) -> Field:
    head, *path = name.split(".")
    columns = model.__table__.columns
    if len(path) > MAX_PATH:
        message = f"a path has at most {MAX_PATH} names, not {len(path):,}"
        raise FilterError(message)
    if path and all(path) and _JSON_COLUMNS.get(head, "") in columns:
        return _json_field(getattr(model, _JSON_COLUMNS[head]), path)
    kind = _kind(columns[name].type) if name in columns else None
    if kind is None:
        raise FilterError(_unknown(name, model))
    return kind(getattr(model, name))


def _kind(type_: TypeEngine[Any]) -> type[Field] | None:
    return next((kind for known, kind in _KINDS.items() if isinstance(type_, known)), None)


def _json_field(column: InstrumentedAttribute[Any], path: list[str]) -> Field:
    match column.key, path:
        case "data", [name] if name in _LISTS:
            return ListField(column, name)
        case "summary", [name] if name in _COUNTS:
            return CountField(column, name)
    return Field(json_text(column, path))


def _unknown(name: str, model: Model) -> str:
    columns = model.__table__.columns
    known = [key for key, column in columns.items() if _kind(column.type)]
    known += [f"{head}.<path>" for head, key in _JSON_COLUMNS.items() if key in columns]
    near = difflib.get_close_matches(name, known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(sorted(known))}"
    return f"{name[:40]!r} is not a field of {model.__tablename__}; {remedy}"
