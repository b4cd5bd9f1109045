"""Check, show and explain the configuration; no command here connects to anything."""

from __future__ import annotations

import json
from typing import Any, Final

import click

from ibutsu_server.exceptions import ConfigurationError, Fault
from ibutsu_server.settings import Sources, rendering
from ibutsu_server.settings.server import ServerSettings, read_role
from ibutsu_server.settings.task_modules import missing_task_modules
from ibutsu_server.settings.tree import roles_of

ROLES: Final = roles_of(ServerSettings)

role_option = click.option(
    "--role",
    type=click.Choice(ROLES),
    default="worker",
    show_default=True,
    help="Role whose configuration is checked.",
)


@click.group()
def config() -> None:
    """Check, show and explain the configuration, without a connection to anything."""


@config.command()
@role_option
@click.option("--strict", is_flag=True, help="Treat warnings, such as a misspelt name, as errors.")
@click.option("--import", "do_import", is_flag=True, help="Import the task modules, not only look for them.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="text for people, json for programs, github for annotations in a workflow.",
)
@click.pass_context
def check(context: click.Context, role: str, strict: bool, do_import: bool, format_: str) -> None:
    """Check the configuration of a role: exit 0 when it is valid, 1 with every fault when it is not."""
    faults, warnings = _check(role, Sources.of_process(), do_import=do_import)
    if strict:
        faults, warnings = [*faults, *warnings], []
    _RENDERERS[format_](role, faults, warnings)
    context.exit(1 if faults else 0)


def _check(role: str, sources: Sources, *, do_import: bool) -> tuple[list[Fault], list[Fault]]:
    try:
        groups, warnings, server = read_role(role, sources)
    except ConfigurationError as error:
        return list(error.faults), list(error.warnings)
    del groups
    faults = [] if server is None else _task_module_faults(server, do_import=do_import)
    return faults, list(warnings)


def _task_module_faults(server: ServerSettings, *, do_import: bool) -> list[Fault]:
    if not do_import:
        return missing_task_modules(server)
    from ibutsu_server.celery_utils import import_task_modules

    return import_task_modules(server)


@config.command()
@role_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array instead of a table.")
def show(role: str, as_json: bool) -> None:
    """Show each effective value, secrets hidden, with the source it came from."""
    groups = read_role(role, Sources.of_process()).groups
    values = [value for group in groups.values() for value in rendering.effective_values(group)]
    if as_json:
        click.echo(json.dumps([value._asdict() for value in values], indent=2, default=str))
        return
    from rich.table import Table

    from ibutsu_server.cli.tables import print_table

    table = Table("setting", "value", "source")
    for value in values:
        table.add_row(value.name, _cell(value.value), value.origin)
    print_table(table)


@config.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead of text.")
def explain(name: str, as_json: bool) -> None:
    """Explain the setting NAME: a variable, an argument or a Celery setting.

    Says what it means, which values it takes, every way to give it in the order of the sources, the value in
    force and where it came from, and which lower sources have a value too.
    """
    from ibutsu_server.settings.explain import explain as explain_setting

    explanation = explain_setting(name, Sources.of_process())
    if as_json:
        faults = [fault._asdict() for fault in explanation.faults]
        click.echo(json.dumps({**explanation._asdict(), "faults": faults}, indent=2, default=str))
        return
    click.echo(explanation.name)
    for paragraph in explanation.meaning.split("\n\n"):
        click.echo(click.wrap_text(" ".join(paragraph.split()), 78, "  ", "  "))
    facts: dict[str, str | tuple[str, ...]] = {"takes": explanation.accepts, "default": explanation.default}
    if not explanation.faults:
        facts |= {"in force": _cell(explanation.value) or "(empty)", "from": explanation.origin}
    facts |= {"also set": explanation.overridden, "given as": explanation.names}
    for label, fact in facts.items():
        lines = (fact,) if isinstance(fact, str) else fact
        for line in lines:
            click.echo(click.wrap_text(line, 78, f"  {label:<9} ", " " * 12))
            label = ""
    if explanation.faults:
        click.echo("  No value is in force, because the configuration is not valid:")
        click.echo("\n".join(f"  {fault}" for fault in explanation.faults))


def _print_text(role: str, faults: list[Fault], warnings: list[Fault]) -> None:
    if warnings:
        click.echo(
            rendering.as_text(Fault(f"warning: {warning.name}", warning.problem) for warning in warnings),
            err=True,
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
