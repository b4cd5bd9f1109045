"""Make the tables of a database."""

from __future__ import annotations

import click


@click.group("db")
def database() -> None:
    """Create the tables of the database that SQLALCHEMY_DATABASE_URI names."""


@database.command()
def init() -> None:
    """Create the tables that are missing; those that exist stay as they are."""
    from ibutsu_server import flask_app
    from ibutsu_server.db.schema import create_schema

    with flask_app.app_context():
        created = create_schema()
    click.echo(f"Created {len(created)} tables: {', '.join(created)}." if created else "All tables exist.")
