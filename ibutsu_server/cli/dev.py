"""Keep the whole worker side running on this machine."""

from __future__ import annotations

import signal
import sys
from typing import Any

import click

from ibutsu_server.cli.stack import running_stack


@click.command()
@click.option("--flower-port", type=click.IntRange(1, 65535), default=5555, show_default=True)
def dev(flower_port: int) -> None:
    """Run worker, scheduler and Flower until Ctrl-C.

    CELERY_BROKER_URL and SQLALCHEMY_DATABASE_URI are used where they are set. Otherwise a Valkey and a
    SQLite database serve, which are gone when the command ends.
    """
    end_on_sigterm()
    with running_stack(_write, flower_port=flower_port) as stack:
        url, database = stack.settings.broker_url, stack.settings.database_url
        click.secho(f"Worker, scheduler and Flower are up: {stack.flower_url}", bold=True)
        click.echo(f"  CELERY_BROKER_URL={url}\n  SQLALCHEMY_DATABASE_URI={database}\nCtrl-C ends them.")
        try:
            stack.supervisor.wait()
        except KeyboardInterrupt:
            click.echo("Ending them.")


def end_on_sigterm() -> None:
    """End like after any other exception when somebody asks this process to end."""

    def leave(number: int, frame: Any) -> None:
        del frame
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)


def _write(name: str, line: str) -> None:
    click.echo(f"{name:>9} | {line}")
