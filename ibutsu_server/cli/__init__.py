"""The ``ibutsu`` command; a command's module is imported when the command is used."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import Any, Final, NamedTuple

import click

from ibutsu_server.exceptions import IbutsuError


class _Command(NamedTuple):
    """Where a command is, and its line in ``ibutsu --help``, for which it need not be imported."""

    module: str
    attribute: str
    help: str


COMMANDS: Final = {
    "config": _Command("config", "config", "Write, check, show and explain the configuration."),
    "db": _Command("db", "database", "Create, check and prune the database."),
    "demo": _Command("demo", "demo", "Import reports into a running system, and show the runs."),
    "dev": _Command("dev", "dev", "Keep worker, scheduler and Flower running on this machine."),
    "import": _Command("import_", "import_files", "Import result files."),
    "imports": _Command("imports", "imports", "Look after the imports in the database."),
}


class _Commands(click.Group):
    """The commands by name; a server that is away or bad input ends them with a sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with their lines of help, none of which is imported for it."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in COMMANDS.items()])

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
    """Return which server is away or lacks what is needed; None for any other error."""
    if _is(error, "redis.exceptions", "RedisError") or _is(error, "kombu.exceptions", "OperationalError"):
        return f"The broker does not answer: {str(error).rstrip('.')}. Start it, or fix CELERY_BROKER_URL."
    if not _is(error, "sqlalchemy.exc", "DatabaseError") or _is(error, "sqlalchemy.exc", "IntegrityError"):
        return None
    fact = str(getattr(error, "orig", error)).strip().partition("\n")[0]
    if "no such table" in fact or re.search("relation .* does not exist", fact):
        return (
            f"The database lacks tables ({fact}). Run 'ibutsu db init' if it is new, else 'ibutsu db check'."
        )
    if "no such column" in fact or re.search("column .* does not exist", fact):
        return f"The tables are not those of this version ({fact}). 'ibutsu db check' says how to fix them."
    return f"The database does not answer: {fact}. Start it, or fix SQLALCHEMY_DATABASE_URI."


def _is(error: Exception, module: str, name: str) -> bool:
    """Tell whether ``error`` is of a class whose module need not be imported to know that it is not."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(error, getattr(loaded, name))


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
    if isinstance(sys.stdout, TextIOWrapper):  # names and paths of other bytes than UTF-8 are escaped
        sys.stdout.reconfigure(errors="backslashreplace")
