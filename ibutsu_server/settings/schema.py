"""Write the JSON Schema of an environment: a mapping of variables to the values of the settings.

It validates what an editor or another program has in YAML or JSON, where a number may be a number or text.
The dialect is https://json-schema.org/draft/2020-12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from ibutsu_server.settings.celery_options import CeleryOptions, describe
from ibutsu_server.settings.celery_table import FALSE_WORDS, TRUE_WORDS, least, option_types
from ibutsu_server.settings.describe import describe_group, plain
from ibutsu_server.settings.flask_celery import CONTENT_LISTS, JSON_NAMES, SERIALIZERS
from ibutsu_server.settings.foreign_names import foreign_pattern
from ibutsu_server.settings.patterns import any_case, number, whole_number
from ibutsu_server.settings.source_kinds import CELERY_PREFIX, FILE_SUFFIX, PORT_SUFFIX, SERVICE_LINKS
from ibutsu_server.settings.sources import PLACES
from ibutsu_server.settings.spelling import ALWAYS_OURS, known_names
from ibutsu_server.settings.tree import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibutsu_server.settings.base import SettingsGroup
    from ibutsu_server.settings.describe import Description

Schema = dict[str, Any]

_WORDS: Final = sorted(TRUE_WORDS | FALSE_WORDS)
_DEFINITIONS: Final[Schema] = {
    "unset": {"description": "Counts as not set: no text.", "type": "string", "maxLength": 0},
    "link": {
        "description": "Counts as not set: a link to a service that Kubernetes injects in place of a port.",
        "type": "string",
        "pattern": f"^(?:{'|'.join(SERVICE_LINKS)})",
    },
    "object": {
        "description": "A JSON object as text.",
        "type": "string",
        "pattern": r"^\s*\{[\s\S]*\}\s*$",
    },
    "boolean": {
        "anyOf": [
            {"type": "boolean"},
            {"enum": [0, 1]},
            {"type": "string", "pattern": rf"^(?:{any_case(*_WORDS)})$"},
        ]
    },
}
_UNSET: Final[Schema] = {"$ref": "#/$defs/unset"}
_LINK: Final[Schema] = {"$ref": "#/$defs/link"}
_OBJECT: Final[Schema] = {"$ref": "#/$defs/object"}
_BOOLEAN: Final[Schema] = {"$ref": "#/$defs/boolean"}


def environment_schema(root: type[SettingsGroup], role: str) -> Schema:
    """Return the JSON Schema of the environment of ``role``, whose settings are those of ``root``."""
    parts = list(parts_of(root, role).values())
    properties: dict[str, Schema] = {}
    for part in parts:
        for setting in describe_group(part):
            properties.update(_properties(setting))
    if any(part.open_fields for part in parts):
        for option in CeleryOptions.__annotations__:
            properties.setdefault(f"{CELERY_PREFIX}{option.upper()}", _celerys_property(option))
    for place, meaning in PLACES.items():
        properties[place] = {"description": meaning, "type": "string"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Environment of the {role} of ibutsu_server",
        "type": "object",
        "properties": properties,
        "propertyNames": _names(root),
        "$defs": _DEFINITIONS,
        "additionalProperties": {"type": ["string", "number", "boolean"]},
        "allOf": [_needed(names) for part in parts for names in _requirements(part)],
    }


def _properties(setting: Description) -> Iterator[tuple[str, Schema]]:
    """Yield the schema of a setting under its name, and as a deprecated one under each older name."""
    values = [each for branch in _branches(setting.schema) for each in _values(branch)]
    meaning = f"{setting.sentences} Takes {setting.accepts}."
    schema: Schema = {"description": meaning, "anyOf": [*values, *_unset(setting.name)]}
    if setting.example:
        schema["examples"] = [setting.example]
    elif "examples" in setting.schema:
        schema["examples"] = setting.schema["examples"]
    if setting.default:
        is_text = setting.schema.get("type") not in ("integer", "number", "boolean")
        schema["default"] = setting.default if is_text else setting.schema["default"]
    yield setting.name, schema
    for older in setting.older_names:
        description = f"Older name of {setting.name}. {meaning}"
        yield older, {**schema, "description": description, "deprecated": True}


def _branches(schema: Schema) -> list[Schema]:
    return [branch for branch in schema.get("anyOf", [schema]) if branch.get("type") != "null"]


def _values(branch: Schema) -> list[Schema]:
    """Return the schemas of what a variable may have, whose value is then of the schema ``branch``."""
    if "enum" in branch or "const" in branch:
        return [{"enum": branch.get("enum") or [branch["const"]]}]
    bounds: Schema = {key: branch[key] for key in ("minimum", "maximum", "exclusiveMinimum") if key in branch}
    match branch.get("type"):
        case "integer":
            minimum = branch.get("minimum", branch.get("exclusiveMinimum", -1) + 1)
            return [
                {"type": "integer", **bounds},
                {"type": "string", "pattern": whole_number(minimum, branch.get("maximum"))},
            ]
        case "number":
            pattern = number(above_zero="exclusiveMinimum" in branch)
            return [{"type": "number", **bounds}, {"type": "string", "pattern": pattern}]
        case "boolean":
            return [_BOOLEAN]
        case "object":
            return [_OBJECT]
        case "array":
            return [_list(branch.get("items", {}))]
        case _:
            return [{"type": "string", **({"pattern": branch["pattern"]} if "pattern" in branch else {})}]


def _list(items: Schema) -> Schema:
    """Return the schema of a list as text: items with commas between them, or a JSON array."""
    pattern = "|".join(items["enum"]) if "enum" in items else items.get("pattern")
    if pattern is None:
        return {"type": "string", "pattern": r"^(?!\s*\{)"}
    item = rf"\s*(?:{pattern})?\s*"
    return {"type": "string", "pattern": rf"^{item}(?:,{item})*$|^\s*\["}


def _celerys_property(option: str) -> Schema:
    """Return the schema of a Celery setting that no group has, as its table gives the type."""
    schema: Schema = {"description": plain(describe(option))}
    words = [word for word in _literals(CeleryOptions.__annotations__[option]) if isinstance(word, str)]
    if words:
        schema["examples"] = words
    if option in SERIALIZERS:
        values: list[Schema] = [{"enum": [*JSON_NAMES]}]
    elif option in CONTENT_LISTS:
        values = [_list({"enum": JSON_NAMES})]
    else:
        values = _of_type(option)
    return {**schema, "anyOf": [*values, *_unset(f"{CELERY_PREFIX}{option.upper()}")]}


def _unset(variable: str) -> list[Schema]:
    """Return the schemas of what counts as not set in ``variable``."""
    return [_UNSET, _LINK] if variable.endswith(PORT_SUFFIX) else [_UNSET]


def _of_type(option: str) -> list[Schema]:
    minimum = least(option)
    match option_types()[option]:
        case "int":
            values = _values({"type": "integer", "minimum": minimum})
        case "float":
            values = _values({"type": "number", "minimum": minimum})
        case "bool":
            values = [_BOOLEAN]
        case "dict":
            values = [_OBJECT]
        case "any" if option == "worker_concurrency":
            auto = {"type": "string", "pattern": rf"^\s*(?:{any_case('auto')})\s*$"}
            values = [*_values({"type": "integer", "minimum": minimum}), auto]
        case "list" | "tuple":
            values = [_list({})]
        case _:
            values = [{"type": "string"}]
    return values


def _literals(annotation: Any) -> Iterator[Any]:
    """Yield the values that ``annotation`` spells out."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for argument in get_args(annotation):
            if get_origin(argument) is Literal:
                yield from get_args(argument)


def _names(root: type[SettingsGroup]) -> Schema:
    """Return the schema of a name: one that looks like ours is ours, or that of a program that we know."""
    known = sorted(known_names(root))
    prefixes = "|".join(ALWAYS_OURS)
    return {
        "anyOf": [
            {"enum": known},
            {"pattern": f"^(?:{'|'.join(known)}){FILE_SUFFIX}$"},
            {"pattern": foreign_pattern()},
            {"not": {"pattern": f"^(?:{prefixes})"}},
        ]
    }


def _requirements(part: type[SettingsGroup]) -> Iterator[list[list[tuple[str, ...]]]]:
    """Yield what ``part`` must have: combinations of fields, by their names, of which one must be given."""
    for field, info in part.model_fields.items():
        if info.is_required():
            yield [[part.names_of(field)]]
    if part.alternatives:
        yield [[part.names_of(field) for field in fields] for fields in part.alternatives]


def _needed(combinations: list[list[tuple[str, ...]]]) -> Schema:
    """Return the schema of an environment that has one of ``combinations``, or settings in other places."""
    elsewhere: list[Schema] = [_has(place) for place in PLACES]
    return {
        "anyOf": [*({"allOf": [_has_one_of(names) for names in each]} for each in combinations), *elsewhere]
    }


def _has_one_of(names: tuple[str, ...]) -> Schema:
    return {"anyOf": [_has(variable) for name in names for variable in (name, f"{name}{FILE_SUFFIX}")]}


def _has(variable: str) -> Schema:
    return {"required": [variable], "properties": {variable: {"not": _UNSET}}}
