"""Write, check, show and explain the configuration; no command here connects to anything."""

from __future__ import annotations

import json
from typing import Any, get_args

import click

from ibutsu_server.cli.check import ROLES, check
from ibutsu_server.cli.prose import print_wrapped, prose_width
from ibutsu_server.cli.tables import print_table
from ibutsu_server.settings import Sources, rendering
from ibutsu_server.settings.describe import plain
from ibutsu_server.settings.server import ServerSettings, read_role
from ibutsu_server.settings.template import Format
from ibutsu_server.settings.template import template as write_template

role_option = click.option(
    "--role",
    type=click.Choice(ROLES),
    default="worker",
    show_default=True,
    help="Role whose settings are meant.",
)


@click.group()
def config() -> None:
    """Write, check, show and explain the configuration, without a connection to anything."""


config.add_command(check)


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
    rows = [(value.name, _cell(value.value), value.origin) for value in values]
    print_table(("setting", "value", "source"), rows)


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
        click.echo(click.wrap_text(plain(paragraph), prose_width(), "  ", "  "))
    facts: dict[str, str | tuple[str, ...]] = {"takes": explanation.accepts, "default": explanation.default}
    if not explanation.faults:
        facts |= {"in force": _cell(explanation.value) or "(empty)", "from": explanation.origin}
    facts |= {"also set": explanation.overridden, "given as": explanation.names}
    for label, fact in facts.items():
        lines = (fact,) if isinstance(fact, str) else fact
        for line in lines:
            click.echo(click.wrap_text(line, prose_width(), f"  {label:<9} ", " " * 12))
            label = ""
    if explanation.faults:
        click.echo("  No value is in force, because the configuration is not valid:")
        for fault in explanation.faults:
            print_wrapped(str(fault), "  ")


@config.command()
@click.option(
    "--format",
    "format_",
    type=click.Choice(get_args(Format)),
    default="env",
    show_default=True,
    help="env for an .env file; configmap and secret for Kubernetes.",
)
@role_option
def template(role: str, format_: Format) -> None:
    """Print a file with every setting of a role, to start from.

    Each setting has its meaning, the values it takes and its default. What must be set has an example;
    everything else is commented out. A Secret has the settings that are secrets, a ConfigMap the others.
    """
    click.echo(write_template(ServerSettings, role, format_), nl=False)


@config.command()
@role_option
def schema(role: str) -> None:
    """Print the JSON Schema of the environment of a role.

    It validates a mapping of variables in YAML or JSON, and an editor completes the names and values with it.
    """
    from ibutsu_server.settings.schema import environment_schema

    click.echo(json.dumps(environment_schema(ServerSettings, role), indent=2))


def _cell(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, default=str)
