"""Write ``settings.rst`` from the settings models; with ``--check`` only say whether it is stale."""

from __future__ import annotations

import argparse
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema
from pydantic_core import PydanticUndefined

from ibutsu_server.settings import (
    BeatSettings,
    BrokerSettings,
    DatabaseSettings,
    FlaskCelerySettings,
    ImportSettings,
    PruneSettings,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from ibutsu_server.settings.base import SettingsModel

TARGET = Path(__file__).with_name("settings.rst")
MODELS = (BrokerSettings, DatabaseSettings, FlaskCelerySettings, BeatSettings, ImportSettings, PruneSettings)
DERIVED = {"result_backend": "that of ``CELERY_BROKER_URL``"}
HEAD = """\
..
   Written by docs/settings_reference.py from the models: change these, then run ``make settings``.

Settings
========

Each setting is an argument of its model and has a name in the environment. The name is looked up in the
Flask config, the environment, a ``.env`` file (another one: ``IBUTSU_ENV_FILE``) and in secret files: the
file that ``<NAME>_FILE`` names, or one called like the setting in ``/run/secrets`` (another directory:
``IBUTSU_SECRETS_DIR``). The first that has it wins; a value that is empty counts as not set.

In a Flask config ``CELERY["broker_url"]`` comes before ``CELERY_BROKER_URL``. Every other Celery setting
passes through ``CELERY_<NAME>``, the ``CELERY`` dictionary, or the argument ``celery`` of
``FlaskCelerySettings``: its name and its type are those of the installed Celery.
"""


def main() -> None:
    """Write the page, or compare it with what would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit with 1 when the page is stale")
    page = "\n".join([HEAD, *(line for model in MODELS for line in section(model))])
    if not parser.parse_args().check:
        TARGET.write_text(page, encoding="utf-8")
    elif not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != page:
        sys.exit(f"{TARGET.name} is stale: run make settings")


def section(model: type[SettingsModel]) -> Iterator[str]:
    """Yield the lines on one model; fields that a base has stand with the base."""
    inherited = {name for base in model.__mro__[1:] for name in getattr(base, "model_fields", {})}
    bases = [base.__name__ for base in model.__bases__ if base in MODELS]
    _, schemas = models_json_schema([(model, "validation")])
    properties = schemas["$defs"][model.__name__]["properties"]
    yield from (model.__name__, "-" * len(model.__name__), "", inspect.cleandoc(model.__doc__ or ""), "")
    if bases:
        yield from (f"It has all settings of {' and '.join(bases)} too.", "")
    for name, field in model.model_fields.items():
        if name not in inherited and name != "celery":
            yield from entry(model, name, field, properties[name])


def entry(model: type[SettingsModel], name: str, field: FieldInfo, schema: dict[str, Any]) -> Iterator[str]:
    """Yield the lines on one setting."""
    variable, *older = model.names_of(name)
    yield f"``{variable}``"
    yield from (f"   {line}" for line in (field.description or "").splitlines())
    facts = [f"Argument ``{name}``", kind(schema), *bounds(schema), default(name, field)]
    facts += [f"older name ``{old}``" for old in older]
    yield from ("", f"   {'; '.join(facts)}.", "")


def kind(schema: dict[str, Any]) -> str:
    """Name the type of a value."""
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    if "enum" in options[0]:
        return "one of " + ", ".join(f"``{value}``" for value in options[0]["enum"])
    names = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    names |= {"array": "list", "object": "JSON object"}
    return names.get(options[0].get("type", ""), "text")


def bounds(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the bounds of a number."""
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}
    for option in schema.get("anyOf", [schema]):
        yield from (f"{word} {option[key]:,}" for key, word in words.items() if key in option)


def default(name: str, field: FieldInfo) -> str:
    """Tell the value that counts when none is given."""
    if field.is_required():
        return "must be set"
    value = field.default
    if value is PydanticUndefined or value is None or value == "":
        return "no default" if field.default_factory is None else f"default {DERIVED.get(name, 'empty')}"
    if isinstance(value, tuple):
        return "default " + ", ".join(f"``{item}``" for item in value)
    return f"default ``{str(value).lower() if isinstance(value, bool) else value}``"


if __name__ == "__main__":
    main()
