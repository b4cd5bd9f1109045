"""Create the tables of the database, check them, and delete what is old."""

from __future__ import annotations

import click


@click.group("db")
def database() -> None:
    """Create, check and prune the database that SQLALCHEMY_DATABASE_URI names."""


@database.command()
def init() -> None:
    """Create all tables and indexes in an empty database; in any other, say what is missing."""
    from ibutsu_server import flask_app
    from ibutsu_server.db.schema import check_schema, create_schema

    with flask_app.app_context():
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
def check() -> None:
    """Compare tables, columns, types and indexes with those of this version, and change nothing.

    Each line says ok, or what is wrong and the statement that mends it; exit code 1 when anything is.
    """
    from ibutsu_server import flask_app
    from ibutsu_server.db.schema import check_schema

    with flask_app.app_context():
        findings = check_schema()
    for finding in findings:
        click.echo(str(finding))
    raise SystemExit(any(finding.fault for finding in findings))
