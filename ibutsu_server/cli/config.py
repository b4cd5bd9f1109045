"""Check, show and describe the configuration; no command here connects to anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click
from rich.table import Table

from ibutsu_server.celery_utils import import_task_modules
from ibutsu_server.cli.tables import print_table
from ibutsu_server.exceptions import ConfigurationError, Fault
from ibutsu_server.settings import (
    BeatSettings,
    BrokerSettings,
    FlaskCelerySettings,
    ImportSettings,
    PruneSettings,
    Reading,
    rendering,
)
from ibutsu_server.settings.server import OUR_PREFIXES
from ibutsu_server.settings.sources import CELERY_PREFIX
from ibutsu_server.settings.spelling import misspelt_names

if TYPE_CHECKING:
    from ibutsu_server.settings.base import SettingsModel


class Role(NamedTuple):
    """Be what the configuration of a process is made of."""

    models: tuple[type[SettingsModel], ...]
    prefixes: tuple[str, ...]
    """Beginnings of the names whose spelling no model checks."""


_IN_FLASK: Final = Role((FlaskCelerySettings, BeatSettings, ImportSettings, PruneSettings), OUR_PREFIXES)
ROLES: Final = {
    "worker": _IN_FLASK,
    "scheduler": _IN_FLASK,
    "flower": Role((BrokerSettings,), (CELERY_PREFIX,)),
}

role_option = click.option(
    "--role",
    type=click.Choice(list(ROLES)),
    default="worker",
    show_default=True,
    help="Process whose configuration is meant; worker and scheduler need all of it, flower the broker.",
)


@click.group()
def config() -> None:
    """Check, show and describe the configuration, without a connection to anything."""


@config.command()
@role_option
@click.option("--strict", is_flag=True, help="Take warnings, such as a misspelt CELERY_* name, for faults.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="text for people, json for programs, github for annotations in a workflow.",
)
@click.pass_context
def check(context: click.Context, role: str, strict: bool, form: str) -> None:
    """Check the configuration of a role: exit 0 when it is valid, 1 with every fault when it is not.

    The task modules that CELERY_INCLUDE names are imported, as the process would do.
    """
    models, faults, warnings = _load(ROLES[role])
    for model in models:
        if isinstance(model, FlaskCelerySettings):
            faults.extend(import_task_modules(model))
    if strict:
        faults, warnings = [*faults, *warnings], []
    _RENDERERS[form](role, faults, warnings)
    context.exit(1 if faults else 0)


@config.command()
@role_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array instead of a table.")
def show(role: str, as_json: bool) -> None:
    """Show each effective value, secrets hidden, with the source it came from."""
    models, faults, _ = _load(ROLES[role])
    if faults:
        raise ConfigurationError(faults)
    values = [value for model in models for value in rendering.effective_values(model)]
    if as_json:
        click.echo(json.dumps([value._asdict() for value in values], indent=2, default=str))
        return
    table = Table("setting", "value", "source")
    for value in values:
        table.add_row(value.name, _cell(value.value), value.origin)
    print_table(table)


@config.command()
def schema() -> None:
    """Print the JSON Schema of the settings models."""
    click.echo(json.dumps(rendering.json_schema([BrokerSettings, *_IN_FLASK.models]), indent=2))


def _load(role: Role) -> tuple[list[SettingsModel], list[Fault], list[Fault]]:
    loaded: list[SettingsModel] = []
    faults: list[Fault] = []
    warnings: list[Fault] = []
    for model in role.models:
        reading = Reading.of_process()
        try:
            loaded.append(model.load(reading))
        except ConfigurationError as error:
            faults.extend(error.faults)
        warnings.extend(reading.warnings)
    warnings.extend(misspelt_names(Reading.of_process(), *role.prefixes))
    return loaded, list(dict.fromkeys(faults)), warnings


def _print_text(role: str, faults: list[Fault], warnings: list[Fault]) -> None:
    if warnings:
        click.echo(
            rendering.as_text(Fault(f"warning: {name}", problem) for name, problem in warnings), err=True
        )
    if faults:
        click.echo(rendering.as_text(faults))
    else:
        click.echo(f"The configuration of the {role} is valid.")


def _print_json(role: str, faults: list[Fault], warnings: list[Fault]) -> None:
    del role
    click.echo(rendering.as_json(faults, warnings))


def _print_github(role: str, faults: list[Fault], warnings: list[Fault]) -> None:
    annotations = (rendering.as_github(faults, "error"), rendering.as_github(warnings, "warning"))
    if not faults:
        click.echo(f"The configuration of the {role} is valid.")
    click.echo("\n".join(filter(None, annotations)), nl=any(annotations))


_RENDERERS = {"text": _print_text, "json": _print_json, "github": _print_github}


def _cell(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, default=str)
