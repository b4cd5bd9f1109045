"""Explain one setting: what it means, how it can be given, and where its value comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ibutsu_server.exceptions import ConfigurationError, Fault
from ibutsu_server.settings.celery_options import CeleryOptions, describe
from ibutsu_server.settings.celery_table import nearest
from ibutsu_server.settings.describe import describe_field
from ibutsu_server.settings.flask_celery import CELERY_DEFAULTS, FlaskCelerySettings
from ibutsu_server.settings.redaction import redact
from ibutsu_server.settings.rendering import effective_values
from ibutsu_server.settings.server import ServerSettings
from ibutsu_server.settings.source_kinds import CELERY_PREFIX, FILE_SUFFIX
from ibutsu_server.settings.tree import find_setting, groups_of, names_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibutsu_server.settings.base import SettingsGroup
    from ibutsu_server.settings.sources import Sources


class Explanation(NamedTuple):
    """All that there is to say about one setting."""

    name: str
    meaning: str
    accepts: str
    default: str
    names: tuple[str, ...]
    """Every way to give it, in the order in which the sources are asked."""

    value: Any
    """The value in force, redacted; None where the configuration is not valid."""

    origin: str
    """Where that value came from; empty where the configuration is not valid."""

    overridden: tuple[str, ...]
    """Further sources that have a value, which does not count."""

    faults: tuple[Fault, ...]
    """Why no value is in force."""


def explain(name: str, sources: Sources) -> Explanation:
    """Explain the setting that ``name`` names: a variable, a field, or a Celery setting, in either case.

    Raises:
        ConfigurationError: there is no such setting; the message suggests one.
    """
    variable = _variable(name)
    found = find_setting(ServerSettings, variable)
    if found is None:
        return _explain_celerys_own(variable, sources)
    group, field = found
    description = describe_field(group, field)
    origins = [
        origin
        for source in sources.of(group)
        for variable in (description.name, *description.older_names)
        for origin in source.origins_of(variable)
    ]
    value, origin, faults = _in_force(group, description.name, sources)
    return Explanation(
        name=description.name,
        meaning=description.meaning,
        accepts=description.accepts,
        default=description.needed or description.default_words,
        names=tuple(_ways(group.__name__, field, (description.name, *description.older_names))),
        value=value,
        origin=origin,
        overridden=tuple(str(each) for each in origins[1:]),
        faults=faults,
    )


def _variable(name: str) -> str:
    """Return the variable that ``name`` is, or that the field or Celery setting called ``name`` has."""
    known = {*names_in(ServerSettings), *_celerys_own()}
    if name.upper() in known:
        return name.upper()
    for group in groups_of(ServerSettings).values():
        if name.lower() in group.model_fields:
            return group.names_of(name.lower())[0]
    if f"{CELERY_PREFIX}{name.upper()}" in known:
        return f"{CELERY_PREFIX}{name.upper()}"
    near = nearest(name, (each.lower() for each in known), likeness=0.6)
    remedy = f"; did you mean '{near.upper()}'?" if near else "; 'ibutsu config show' lists them"
    raise ConfigurationError([Fault(name, f"is not a setting{remedy}")])


def _celerys_own() -> dict[str, str]:
    """Return the settings of Celery that no field has, by variable."""
    own = FlaskCelerySettings.model_fields
    return {
        f"{CELERY_PREFIX}{each.upper()}": each for each in CeleryOptions.__annotations__ if each not in own
    }


def _explain_celerys_own(variable: str, sources: Sources) -> Explanation:
    option = _celerys_own()[variable]
    origins = [each for source in sources.of(FlaskCelerySettings) for each in source.origins_of(variable)]
    value, origin, faults = _in_force(FlaskCelerySettings, variable, sources)
    if not origin and not faults:
        value, origin = CELERY_DEFAULTS.get(option), "default"
    kind: Any = CeleryOptions.__annotations__[option]
    return Explanation(
        name=variable,
        meaning=describe(option),
        accepts=kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", ""),
        default=json.dumps(CELERY_DEFAULTS[option]) if option in CELERY_DEFAULTS else "that of Celery",
        names=tuple(_ways("FlaskCelerySettings", f'celery={{"{option}": ...}}', (variable,))),
        value=value,
        origin=origin,
        overridden=tuple(str(each) for each in origins[1:]),
        faults=faults,
    )


def _ways(model: str, argument: str, variables: tuple[str, ...]) -> Iterator[str]:
    yield f"argument {argument} of {model}"
    for variable in variables:
        if variable.startswith(CELERY_PREFIX):
            yield f'Flask config CELERY["{variable.removeprefix(CELERY_PREFIX).lower()}"]'
        yield f"Flask config {variable}"
    for place in ("environment variable {}", "{} in the .env file"):
        yield from (place.format(variable) for variable in variables)
    yield from (f"file that {variable}{FILE_SUFFIX} names" for variable in variables)
    yield from (f"file {variable.lower()} in the secrets directory" for variable in variables)


def _in_force(
    group: type[SettingsGroup], variable: str, sources: Sources
) -> tuple[Any, str, tuple[Fault, ...]]:
    """Return the value of ``variable`` and its origin, or why the group cannot be read."""
    field = ServerSettings.field_of(group)
    try:
        # Some defaults depend on other groups, so the whole tree is read where it is valid.
        read = ServerSettings.from_sources(sources).groups()[field]
    except (ConfigurationError, KeyError):
        try:
            read = group.from_sources(sources)
        except ConfigurationError as error:
            return None, "", error.faults
    shown = {value.name: value for value in effective_values(read)}
    if variable not in shown:
        return None, "", ()
    return redact(variable, shown[variable].value), shown[variable].origin, ()
