"""Import result files from the command line."""

from __future__ import annotations

import json
import signal

import click

from ibutsu_server.cli.following import follow
from ibutsu_server.cli.result_files import find_files
from ibutsu_server.cli.uploads import Outcome, Sent, Upload, outcome, print_outcomes, send


def _pairs(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    del context, parameter
    pairs = {}
    for value in values:
        key, mark, rest = value.partition("=")
        if not key or not mark:
            message = f"{value!r} is not KEY=VALUE."
            raise click.BadParameter(message)
        pairs[key] = rest
    return pairs


@click.command("import")
@click.argument("files", nargs=-1, required=True)
@click.option("--project", help="Name or id of the project that the results belong to.")
@click.option("--source", help="Where the results come from, such as the name of a job.")
@click.option(
    "--metadata", multiple=True, metavar="KEY=VALUE", callback=_pairs, help="Metadata of the run; repeatable."
)
@click.option("--no-wait", is_flag=True, help="Leave as soon as the imports wait for a worker.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array instead of a table.")
def import_files(
    files: tuple[str, ...],
    project: str | None,
    source: str | None,
    metadata: dict[str, str],
    no_wait: bool,
    as_json: bool,
) -> None:
    """Import FILES: JUnit XML, archives of pytest-ibutsu, or archives of JUnit XML.

    FILES are names, directories, patterns such as 'reports/**/*.xml', or s3://bucket/prefix for all that is
    below it. Each file is stored in the database, and a worker imports it; one that is bad does not keep the
    others from being imported. S3 is reached as the settings IBUTSU_INTAKE_* say, and left as it is.

    Exit code 1 when any of them was not imported, 130 after Ctrl-C, which ends the waiting only.
    """
    from ibutsu_server import celery_app, flask_app

    intake = flask_app.extensions["ibutsu_server"].intake
    with flask_app.app_context():
        sent: list[Sent | Outcome] = []
        try:
            sent.extend(send(celery_app, find_files(files, intake), Upload(project, source, metadata)))
            outcomes = list(map(outcome, sent)) if no_wait else follow(celery_app, sent)
        except KeyboardInterrupt:
            if ids := ", ".join(each.import_id for each in sent if isinstance(each, Sent)):
                click.echo(f"No longer waiting. These imports go on in the worker: {ids}.", err=True)
            raise SystemExit(128 + signal.SIGINT) from None
    if as_json:
        click.echo(json.dumps([vars(each) for each in outcomes], indent=2))
    else:
        print_outcomes(outcomes)
    if any(each.status == "error" or not (no_wait or each.status == "done") for each in outcomes):
        raise SystemExit(1)
