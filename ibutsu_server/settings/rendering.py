"""Put settings and faults into words: for people, for programs and for a CI job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic.json_schema import models_json_schema

from ibutsu_server.settings.redaction import Options, redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ibutsu_server.exceptions import Fault
    from ibutsu_server.settings.base import SettingsModel


class ShownValue(NamedTuple):
    """Be one effective value as it may be shown."""

    name: str
    value: Any
    """Redacted, and ready for JSON."""

    origin: str
    """Such as ``environment variable CELERY_BROKER_URL``."""


def effective_values(settings: SettingsModel) -> Iterator[ShownValue]:
    """Yield each value of ``settings`` by its environment name, with where it came from."""
    dumped = settings.model_dump(mode="json")
    for field in type(settings).model_fields:
        value = getattr(settings, field)
        if field == "celery" and isinstance(value, Options):
            for name, item in value.items():
                origin = _origin(settings, f"celery.{name}")
                yield ShownValue(f"CELERY_{name.upper()}", redact(name, item), origin)
        else:
            yield ShownValue(settings.names_of(field)[0], dumped[field], _origin(settings, field))


def _origin(settings: SettingsModel, name: str) -> str:
    origin = settings.origin_of(name)
    return f"{origin.kind} {origin.name}".rstrip()


def as_text(faults: Iterable[Fault]) -> str:
    """Return one line per fault."""
    return "\n".join(str(fault) for fault in faults)


def as_github(faults: Iterable[Fault], level: str) -> str:
    """Return one annotation per fault; ``level`` is ``error`` or ``warning``.

    The format is that of GitHub's workflow commands, which take ``%``, line ends, ``:`` and ``,`` escaped.
    """
    return "\n".join(
        f"::{level} title={_escape(fault.name, ':,')}::{_escape(str(fault))}" for fault in faults
    )


def _escape(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def as_json(faults: Iterable[Fault], warnings: Iterable[Fault]) -> str:
    """Return ``{"valid": …, "faults": [{"name", "problem"}], "warnings": […]}``."""
    listed = [fault._asdict() for fault in faults]
    document = {
        "valid": not listed,
        "faults": listed,
        "warnings": [warning._asdict() for warning in warnings],
    }
    return json.dumps(document, indent=2)


def json_schema(models: Iterable[type[SettingsModel]]) -> dict[str, Any]:
    """Return one JSON Schema whose ``$defs`` are the models; ``x-environment`` names the variables."""
    named = [(model, "validation") for model in models]
    title = "Settings of ibutsu_server"
    _, schema = models_json_schema(named, title=title)  # type: ignore[arg-type]  # its list is invariant
    return schema
