"""Read properties and put them into metadata without touching our own keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibutsu_server.ingest.junit.elements import attributes_of, decoded, text_of
from ibutsu_server.ingest.junit.vocabulary import OURS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ibutsu_server.ingest.junit.elements import Element

Properties = dict[str, str | list[str]]
"""Values by name; a name that comes more than once in one place has the list of its values."""


def add_properties(properties: Properties, element: Element) -> bool:
    """Add every ``property`` of an element and below, in any dialect; return whether there was one."""
    found = False
    for item in element.descendants():
        if item.kind == "property":
            found = True
            attributes = attributes_of(item)
            name = attributes.get("name") or attributes.get("key") or ""
            value = attributes.get("value")
            if value is None:
                value = decoded(text_of(item, skipped="property"))
            _add(properties, name, value)
    return found


def _add(properties: Properties, name: str, value: str) -> None:
    """Add one property; the second value of a name makes a list."""
    present = properties.get(name)
    if present is None:
        properties[name] = value
    elif isinstance(present, list):
        present.append(value)
    else:
        properties[name] = [present, value]


def put_properties(
    metadata: dict[str, Any], properties: Mapping[str, str | list[str]], taken: Collection[str] = ()
) -> None:
    """Put properties into metadata, under ``properties`` where a key is ours or ``taken``."""
    aside: dict[str, str | list[str]] = {}
    for name, value in properties.items():
        (aside if name in OURS or name in taken else metadata)[name] = value
    if aside:
        metadata["properties"] = {**metadata.get("properties", {}), **aside}


def columns(properties: Properties) -> tuple[str | None, str | None, str | None]:
    """Return the values for the columns env, component and source."""
    env, component, source = (_column(properties, name) for name in ("env", "component", "source"))
    return env, component, source


def _column(properties: Mapping[str, str | list[str]], name: str) -> str | None:
    """Return the value a property has for the column of its name: the first that is not empty."""
    value = properties.get(name)
    return next(filter(None, value if isinstance(value, list) else [value]), None)
