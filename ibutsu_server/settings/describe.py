"""Say in words what a setting is: its names, meaning, type, bounds and default."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic_core import PydanticUndefined

from ibutsu_server.settings.docstrings import attribute_docstrings
from ibutsu_server.settings.redaction import is_secret_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibutsu_server.settings.base import SettingsGroup

_KINDS: Final = {
    "string": "text",
    "path": "the path of a file",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list; as text, its items with commas between them or a JSON array",
    "object": "a JSON object",
}
_BOUNDS: Final = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}


class Description(NamedTuple):
    """One setting in words."""

    name: str
    """Its name in the environment."""

    older_names: tuple[str, ...]
    field: str
    """Its name as an argument of the model."""

    model: type[SettingsGroup]
    """The class that declares it."""

    meaning: str
    """One or more sentences, as reStructuredText."""

    accepts: str
    """The type with its bounds, such as ``a whole number, at least 1, at most 65,535``."""

    default: str
    """The default as it is written in the environment; empty where there is none."""

    default_words: str
    """What applies where the setting is not given."""

    needed: str
    """Empty where nothing must be set; else ``must be set``, and what may be set instead."""

    example: str
    """A value as it is written in the environment; empty where none is needed."""

    is_secret: bool
    """Whether its value is never shown: by its type, or by its name."""

    schema: dict[str, Any]
    """The JSON Schema of the value, without references."""

    @property
    def sentences(self) -> str:
        """Return the meaning on one line, without markup."""
        return plain(self.meaning)


def plain(text: str) -> str:
    """Return reStructuredText on one line, without the marks of literals."""
    return " ".join(text.split()).replace("``", "")


def describe_group(model: type[SettingsGroup]) -> Iterator[Description]:
    """Yield the settings of ``model`` in their order, those it inherits included."""
    for field in model.model_fields:
        if field not in model.open_fields:
            yield describe_field(model, field)


def describe_field(model: type[SettingsGroup], field: str) -> Description:
    """Return the description of one field of ``model``."""
    info = model.model_fields[field]
    name, *older = model.names_of(field)
    schema = _properties(model)[field]
    default = "" if info.is_required() else _as_text(info.default)
    declaring = next(base for base in reversed(model.__mro__) if field in getattr(base, "model_fields", ()))
    return Description(
        name=name,
        older_names=tuple(older),
        field=field,
        model=declaring,
        meaning=attribute_docstrings(declaring)[field],
        accepts=accepts(schema),
        default=default,
        default_words=schema.get("x-default") or default or "none",
        needed=_needed(model, field),
        example=_as_text((info.examples or [""])[0]),
        is_secret=branch_of(schema).get("writeOnly", False) or is_secret_name(field),
        schema=schema,
    )


def _needed(model: type[SettingsGroup], field: str) -> str:
    if model.model_fields[field].is_required():
        return "must be set"
    if (field,) not in model.alternatives:
        return ""
    others = (
        " and ".join(model.names_of(each)[0] for each in fields)
        for fields in model.alternatives
        if fields != (field,)
    )
    return f"must be set, or {' or '.join(others)} instead"


def accepts(schema: dict[str, Any]) -> str:
    """Say which values a JSON Schema takes."""
    branch = branch_of(schema)
    values = branch.get("enum") or ([branch["const"]] if "const" in branch else [])
    if values:
        return "one of " + ", ".join(str(value) for value in values)
    kind = branch.get("x-kind") or _KINDS.get(branch.get("format", branch.get("type", "")), "text")
    return ", ".join([kind, *(f"{words} {branch[key]:,}" for key, words in _BOUNDS.items() if key in branch)])


def branch_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the value where it is not null."""
    branches = [branch for branch in schema.get("anyOf", ()) if branch.get("type") != "null"]
    return branches[0] if branches else schema


def _as_text(value: Any) -> str:
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return ",".join(str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


@cache
def _properties(model: type[SettingsGroup]) -> dict[str, dict[str, Any]]:
    """Return the schema of each field, with the definitions it refers to put in their place."""
    from pydantic.json_schema import GenerateJsonSchema

    schema = model.model_json_schema(by_alias=False, schema_generator=GenerateJsonSchema)
    definitions = schema.get("$defs", {})

    def resolved(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                node = {**definitions[node["$ref"].rpartition("/")[2]], **node}
                del node["$ref"]
            return {key: resolved(value) for key, value in node.items()}
        return [resolved(item) for item in node] if isinstance(node, list) else node

    return {field: resolved(properties) for field, properties in schema["properties"].items()}
