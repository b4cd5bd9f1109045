"""Create the tables of the database, check them, and delete what is old."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ibutsu_server.cli.tables import print_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ibutsu_server.db.forecast import Doomed
    from ibutsu_server.db.pruning import Prune


@click.group("db")
def database() -> None:
    """Create, check and prune the database that SQLALCHEMY_DATABASE_URI names."""


@database.command()
def init() -> None:
    """Create all tables and indexes in an empty database; in any other, print what is missing."""
    from ibutsu_server.db.schema import create_schema
    from ibutsu_server.db.schema_check import check_schema

    with _connected():
        created = create_schema()
        findings = [] if created else [finding for finding in check_schema() if finding.fault]
    if created:
        click.echo(f"Created {len(created)} tables: {', '.join(created)}.")
        return
    click.echo("There are tables already: nothing was changed.")
    for finding in findings:
        click.echo(str(finding))
    raise SystemExit(1 if findings else 0)


@database.command()
@click.option("--sql", "output", flag_value="sql", help="Print just the statements, in order, for psql.")
@click.option("--json", "output", flag_value="json", help="Print JSON instead of text.")
@click.option("--quiet", is_flag=True, help="Print only what is missing or different.")
def check(output: str | None, quiet: bool) -> None:
    """Compare tables, columns, types and indexes with those of this version, and change nothing.

    Each line says ok, or what is wrong and the statement for it; exit code 1 when anything is. The statements
    only add: nothing that another program may use is dropped, renamed or altered. What would have to be is a
    comment in SQL.
    """
    from ibutsu_server.db.schema_check import check_schema

    with _connected(read_only=True):
        findings = check_schema()
    faulty = [finding for finding in findings if finding.fault]
    if output == "sql":
        _print_lines(finding.statement for finding in faulty)
    elif output == "json":
        shown = [finding._asdict() for finding in (faulty if quiet else findings)]
        click.echo(
            json.dumps({"looked_at": len(findings), "faults": len(faulty), "findings": shown}, indent=2)
        )
    else:
        _print_lines(map(str, faulty if quiet else findings))
        if not quiet:
            click.echo(_summary(len(findings), len(faulty)))
    raise SystemExit(1 if faulty else 0)


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _summary(looked_at: int, faults: int) -> str:
    if not faults:
        return f"All {looked_at} tables, columns and indexes are as they should be."
    return (
        f"{faults} of {looked_at} tables, columns and indexes are missing or different. "
        "'ibutsu db check --sql' prints the statements that add what is missing."
    )


@database.command()
@click.option("--dry-run", is_flag=True, help="Delete nothing; say what would go, by table and month.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def prune(dry_run: bool, as_json: bool) -> None:
    """Delete what is older than the retention of the scheduler's plan (IBUTSU_BEAT_PRUNE_*).

    Kinds of rows that the plan does not prune stay. The prune ends after IBUTSU_PRUNE_TIME_BUDGET seconds;
    the next one goes on where it stopped.
    """
    from ibutsu_server.db.forecast import forecast
    from ibutsu_server.db.pruning import Prune
    from ibutsu_server.db.retention import Cutoffs
    from ibutsu_server.settings import BeatSettings, PruneSettings

    cutoffs = Cutoffs.of_plan(BeatSettings())
    go = Prune(PruneSettings())
    with _connected(read_only=dry_run):
        if dry_run:
            _print_forecast(forecast(cutoffs), as_json=as_json)
            return
        go.everything(cutoffs)
    _print_deleted(go, as_json=as_json)


@contextmanager
def _connected(*, read_only: bool = False) -> Iterator[None]:
    """Open the context of an app that knows the database alone: no broker is needed here."""
    from flask import Flask

    from ibutsu_server.db import db
    from ibutsu_server.db.setup import configure_database
    from ibutsu_server.settings import DatabaseLimits, DatabaseSettings

    app = Flask("ibutsu_server")
    configure_database(app, DatabaseSettings().database_url, DatabaseLimits(), read_only=read_only)
    with app.app_context():
        try:
            yield
        finally:
            db.session.remove()
            db.engine.dispose()


def _print_forecast(doomed: list[Doomed], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([each._asdict() for each in doomed], indent=2))
        return
    if doomed:
        rows = [(each.table, each.month, str(each.rows)) for each in doomed]
        print_table(("table", "month", "rows"), rows)
    click.echo(f"{sum(each.rows for each in doomed)} rows would go.")


def _print_deleted(go: Prune, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"deleted": go.deleted, "is_cut_off": go.is_cut_off}, indent=2))
        return
    click.echo(f"Deleted {go}.")
    if go.is_cut_off:
        click.echo("The time budget is used up: run the command again to go on.")
