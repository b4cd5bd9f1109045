"""Look after the imports that are in the database."""

from __future__ import annotations

import click


@click.group("imports")
def imports() -> None:
    """Look after the imports in the database."""


@imports.command()
def rescue() -> None:
    """Send the imports again that no worker has and no message names.

    Workers and the scheduler do this by themselves; an import is sent again once in
    IBUTSU_OUTAGE_RESCUE_INTERVAL seconds at most, whoever asks for it.
    """
    from ibutsu_server import celery_app, flask_app
    from ibutsu_server.worker.rescue import rescue_through

    with flask_app.app_context():
        click.echo(str(rescue_through(celery_app, flask_app.extensions["ibutsu_server"].outages)))
