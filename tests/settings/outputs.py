"""Collect all that settings, faults and warnings are ever shown as."""

from __future__ import annotations

import json
from traceback import format_exception
from typing import TYPE_CHECKING, Any

from ibutsu_server.exceptions import ConfigurationError, Fault
from ibutsu_server.settings import rendering
from ibutsu_server.settings.explain import explain
from ibutsu_server.settings.server import read_role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ibutsu_server.settings import Sources
    from ibutsu_server.settings.base import SettingsGroup

ROLES = ("worker", "scheduler", "flower")


def outputs_of(role: str, sources: Sources, *explained: str) -> str:
    """Return everything that is shown of the configuration of ``role``, valid or not."""
    try:
        read = read_role(role, sources)
    except ConfigurationError as error:
        shown = [outputs_of_faults((*error.faults, *error.warnings)), *format_exception(error)]
    else:
        shown = [outputs_of_groups(read.groups.values()), outputs_of_faults(read.warnings)]
        if read.server is not None:
            shown.append(outputs_of_groups([read.server]))
            read.server.to_celery()
    for name in explained:
        try:
            shown.append(json.dumps(explain(name, sources)))
        except ConfigurationError as error:
            shown.append(outputs_of_faults(error.faults))
    return "\n".join(shown)


def outputs_of_groups(groups: Iterable[SettingsGroup]) -> str:
    """Return the representations, the dumps and the rows of ``config show`` of ``groups``."""
    shown: list[str] = []
    for group in groups:
        shown += [repr(group), str(group), str(group.model_dump()), group.model_dump_json()]
        shown += [json.dumps(group.model_dump(mode="json"), allow_nan=False)]
        rows: list[dict[str, Any]] = [value._asdict() for value in rendering.effective_values(group)]
        shown.append(json.dumps(rows, allow_nan=False))
    return "\n".join(shown)


def outputs_of_faults(faults: Iterable[Fault]) -> str:
    """Return ``faults`` in all formats of ``config check``."""
    faults = tuple(faults)
    formats = (
        str(ConfigurationError(faults)),
        repr(ConfigurationError(faults)),
        rendering.as_text(faults),
        rendering.as_github(faults, "error"),
        rendering.as_json(faults, faults),
    )
    return "\n".join(formats)
