"""Show on this machine, in a minute, what the worker side does."""

from __future__ import annotations

import glob
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Final

import click

from ibutsu_server.app import create_app
from ibutsu_server.celery_utils import create_flask_celery_app
from ibutsu_server.cli.dev import end_on_sigterm
from ibutsu_server.cli.following import follow
from ibutsu_server.cli.stack import Stack, running_stack
from ibutsu_server.cli.uploads import Upload, print_outcomes, send
from ibutsu_server.db.base import db
from ibutsu_server.exceptions import IbutsuError
from ibutsu_server.ingest.upload import find_or_create_project

_PROJECT: Final = "demo"
_SWEEP_SECONDS: Final = 60
"""Seconds in which a file that lies in the swept folder must have been imported."""


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def demo(files: tuple[Path, ...]) -> None:
    """Start the whole worker side, import FILES through it, show the runs, and end.

    Then the first of them is put into a folder that the scheduler has swept every second.

    CELERY_BROKER_URL and SQLALCHEMY_DATABASE_URI are used where they are set. Otherwise a Valkey and a
    SQLite database serve, which are gone when the command ends.
    """
    end_on_sigterm()
    click.echo("Starting the worker, the scheduler and Flower ...")
    with (
        TemporaryDirectory(prefix="ibutsu-intake-") as folder,
        running_stack(variables=_swept(Path(folder))) as stack,
    ):
        click.echo("All three are up.")
        failed = _import(stack, files)
        if not failed:
            _let_sweep(Path(folder), files[0])
        click.echo(f"Flower: {stack.flower_url} ('ibutsu dev' keeps it up)")
    click.echo("All processes have ended.")
    if failed:
        message = f"{failed} of {len(files)} files could not be imported."
        raise IbutsuError(message)


def _import(stack: Stack, files: tuple[Path, ...]) -> int:
    flask_app = create_app(stack.settings)
    celery_app = create_flask_celery_app(flask_app, settings=stack.settings)
    with flask_app.app_context():
        find_or_create_project(_PROJECT)
        db.session.commit()
        outcomes = follow(celery_app, list(send(celery_app, files, Upload(_PROJECT))))
        print_outcomes(outcomes)
        db.session.remove()
        db.engine.dispose()
    return sum(ended.status != "done" for ended in outcomes)


def _swept(folder: Path) -> dict[str, str]:
    return {
        "IBUTSU_INTAKE_URL": folder.as_uri(),
        "IBUTSU_INTAKE_PROJECT": _PROJECT,
        "IBUTSU_INTAKE_INTERVAL": "1",
        "IBUTSU_INTAKE_AFTER": "move",
    }


def _let_sweep(folder: Path, file: Path) -> None:
    """Put a copy of a file, as old as the file, into the swept folder, and wait until it is imported."""
    shutil.copy2(file, folder / file.name)
    deadline = monotonic() + _SWEEP_SECONDS
    while not (moved := list(folder.glob(f"imported/*/{glob.escape(file.name)}"))):
        if monotonic() > deadline:
            message = f"The sweep of {folder} did not import {file.name} within {_SWEEP_SECONDS} seconds."
            raise IbutsuError(message)
        sleep(0.2)
    click.echo(f"Intake: {file.name} was found in a swept folder, imported, and moved to")
    click.echo(f"        {moved[0].relative_to(folder)}")
