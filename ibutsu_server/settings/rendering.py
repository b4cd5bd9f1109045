"""Put settings and faults into words: for people, for programs and for a CI job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ibutsu_server.settings.options import Options
from ibutsu_server.settings.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ibutsu_server.exceptions import Fault
    from ibutsu_server.settings.base import SettingsGroup
    from ibutsu_server.settings.checks import Report


class ShownValue(NamedTuple):
    """One effective value as it may be shown."""

    name: str
    value: Any
    """Redacted, and ready for JSON."""

    origin: str
    """Such as ``environment variable CELERY_BROKER_URL``."""


def effective_values(group: SettingsGroup) -> Iterator[ShownValue]:
    """Yield each value of ``group`` by its environment name, with where it came from."""
    dumped = group.model_dump(mode="json")
    for field in type(group).model_fields:
        value = getattr(group, field)
        if field in group.open_fields and isinstance(value, Options):
            for name, item in value.items():
                origin = str(group.origin_of(f"{field}.{name}"))
                yield ShownValue(f"CELERY_{name.upper()}", redact(name, item), origin)
        else:
            name = group.names_of(field)[0]
            yield ShownValue(name, redact(name, dumped[field]), str(group.origin_of(field)))


def as_text(faults: Iterable[Fault]) -> str:
    """Return one line per fault."""
    return "\n".join(str(fault) for fault in faults)


def as_github(faults: Iterable[Fault], level: str) -> str:
    """Return one annotation per fault; ``level`` is ``error``, ``warning`` or ``notice``.

    The format is that of GitHub's workflow commands, which take ``%``, line ends, ``:`` and ``,`` escaped.
    """
    return "\n".join(_annotation(fault, level) for fault in faults)


def _annotation(fault: Fault, level: str) -> str:
    properties = {"file": fault.file, "line": fault.line, "title": _plain_name(fault)}
    written = ",".join(f"{key}={_escape(str(value), ':,')}" for key, value in properties.items() if value)
    return f"::{level} {written}::{_escape(str(fault))}"


def _plain_name(fault: Fault) -> str:
    """Return the name without its place, which the file and the line of the fault say already."""
    place = fault.file if fault.line is None else f"{fault.file}:{fault.line}"
    return fault.name.removesuffix(f" in {place}")


def _escape(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def as_json(
    faults: Iterable[Fault],
    warnings: Iterable[Fault],
    notes: Iterable[Fault] = (),
    checked: Iterable[Report] = (),
) -> str:
    """Return ``{"valid": …, "checked": […], "faults": […], "warnings": […], "notes": […]}``.

    Each fault, warning and note is ``{"name", "problem", "file", "line"}``, where the last two are null where
    no file is known. What was checked is ``{"subject", "role", "file", "line", "valid"}``.
    """
    listed = [_as_dictionary(fault) for fault in faults]
    document = {
        "valid": not listed,
        "checked": [
            {
                "subject": report.subject,
                "role": report.role,
                "file": report.file,
                "line": report.line,
                "valid": not report.faults,
            }
            for report in checked
        ],
        "faults": listed,
        "warnings": [_as_dictionary(warning) for warning in warnings],
        "notes": [_as_dictionary(note) for note in notes],
    }
    return json.dumps(document, indent=2)


def _as_dictionary(fault: Fault) -> dict[str, Any]:
    return {**fault._asdict(), "name": _plain_name(fault)}
