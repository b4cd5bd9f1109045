"""Hold the ``ibutsu`` command; a command's module is imported when the command is used."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any, Final

import click

from ibutsu_server.exceptions import IbutsuError

_COMMANDS: Final = {
    "config": "ibutsu_server.cli.config:config",
    "db": "ibutsu_server.cli.db:database",
    "demo": "ibutsu_server.cli.demo:demo",
    "dev": "ibutsu_server.cli.dev:dev",
    "import": "ibutsu_server.cli.import_:import_files",
}


class _Commands(click.Group):
    """Find commands by name, and end with a sentence where a server is away or bad input is met."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except IbutsuError as error:
            raise click.ClickException(str(error)) from error
        except Exception as error:
            sentence = _explain(error)
            if sentence is None:
                raise
            raise click.ClickException(sentence) from error


def _explain(error: Exception) -> str | None:
    """Say which server is away or lacks what is needed; None for any other error."""
    import kombu.exceptions
    import redis.exceptions
    import sqlalchemy.exc

    if isinstance(error, (redis.exceptions.RedisError, kombu.exceptions.OperationalError)):
        return f"The broker does not answer: {str(error).rstrip('.')}. Start it, or mend CELERY_BROKER_URL."
    if not isinstance(error, sqlalchemy.exc.DatabaseError) or isinstance(
        error, sqlalchemy.exc.IntegrityError
    ):
        return None
    fact = str(error.orig).strip().partition("\n")[0]
    if "no such table" in fact or re.search("relation .* does not exist", fact):
        return (
            f"The database lacks tables ({fact}). Run 'ibutsu db init' if it is new, else 'ibutsu db check'."
        )
    if "no such column" in fact or re.search("column .* does not exist", fact):
        return f"The tables are not those of this version ({fact}). 'ibutsu db check' says how to mend them."
    return f"The database does not answer: {fact}. Start it, or mend SQLALCHEMY_DATABASE_URI."


@click.command(cls=_Commands)
@click.version_option(package_name="ibutsu-server")
def main() -> None:
    """Run the worker side of Ibutsu: check its configuration, import results, keep the database.

    The processes themselves are started by Celery:

    \b
    celery --app ibutsu_server:worker_app worker --events --loglevel=info
    celery --app ibutsu_server:scheduler_app beat --loglevel=info
    celery --app=ibutsu_server:flower_app flower --port=5555
    """
