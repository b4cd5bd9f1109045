"""Send files to the worker, and show what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from celery.result import denied_join_result
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from ibutsu_server.cli.result_files import Missing, RemoteFile
from ibutsu_server.cli.tables import print_table
from ibutsu_server.db.base import db
from ibutsu_server.db.models import Import, Run
from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.stores import ObjectGoneError, StoreError, StoreOutageError
from ibutsu_server.ingest.upload import TASKS, project_id_of, store_upload
from ibutsu_server.util.outages import reason_of
from ibutsu_server.util.redis_lock import get_redis_client

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from celery import Celery

_NOT_SENT: Final = (
    "{file}: the broker does not take messages ({reason}). The file is stored as import {id} and is sent "
    "when it does: within minutes by the scheduler, or at once by 'ibutsu imports rescue'."
)
_COUNTS: Final = {
    "tests": "tests",
    "passed": "passes",
    "failed": "failures",
    "errors": "errors",
    "skipped": "skips",
    "xfailed": "xfailures",
    "xpassed": "xpasses",
}
"""Column of the table, and the key of the summary it shows."""


@dataclass(frozen=True)
class Upload:
    """What the person who uploads files says about each of them."""

    project: str | None = None
    source: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    """An import that is stored; ``task_id`` is None where the broker did not take its message."""

    file: str
    import_id: str
    task_id: str | None


@dataclass(frozen=True)
class Outcome:
    """What is known about one import; ``error`` says why it failed, if it did.

    A file that could not be stored has no import.
    """

    file: str
    import_id: str | None
    status: str
    error: str | None
    runs: list[dict[str, Any]] = field(default_factory=list)


def send(
    celery_app: Celery, files: Iterable[Path | RemoteFile | Missing], upload: Upload
) -> Iterator[Sent | Outcome]:
    """Store each file in the database and send the task that imports it; yield each when it is stored.

    A file that cannot be read, or is of no known format, does not keep the others from being sent. Where the
    broker does not take the message, the import is sent by the next rescue, and a line says so.

    Raises:
        InvalidInputError: there is no such project.
        redis.exceptions.RedisError: the broker did not answer before the first file was stored.
    """
    get_redis_client().ping()
    project_id = None if upload.project is None else project_id_of(upload.project)
    for file in files:
        yield _send(celery_app, file, replace(upload, project=project_id))


def _send(celery_app: Celery, found: Path | RemoteFile | Missing, upload: Upload) -> Sent | Outcome:
    if isinstance(found, Missing):
        return Outcome(click.format_filename(found.argument), None, "error", found.reason)
    file = click.format_filename(found.url if isinstance(found, RemoteFile) else found)
    try:
        import_ = store_upload(
            click.format_filename(found.name),
            found.read_bytes(),
            project=upload.project,
            source=upload.source,
            metadata=upload.metadata,
        )
    except ObjectGoneError:
        return Outcome(file, None, "error", "The object was deleted or replaced after it was listed.")
    except (ImportRejectedError, StoreError, StoreOutageError) as error:
        return Outcome(file, None, "error", str(error))
    except OSError as error:
        return Outcome(file, None, "error", f"The file cannot be read ({error.strerror}).")
    import_id = import_.id
    task, record = TASKS[str(import_.format)], import_.to_dict()
    db.session.rollback()  # no transaction stays open while the broker is asked
    try:
        with denied_join_result():  # nobody waits for the task: the row of the import says how it ends
            task_id = celery_app.send_task(task, args=[record]).id
    except (OperationalError, RedisError) as error:
        click.echo(_NOT_SENT.format(file=file, reason=reason_of(error), id=import_id), err=True)
        return Sent(file, import_id, None)
    return Sent(file, import_id, task_id)


def outcome(sent: Sent | Outcome) -> Outcome:
    """Read from the database how far an import has come; what was not stored has ended already."""
    if isinstance(sent, Outcome):
        return sent
    import_ = db.session.get_one(Import, sent.import_id, populate_existing=True)
    data = import_.data or {}
    runs = [db.session.get_one(Run, run_id).to_dict() for run_id in data.get("run_id") or ()]
    status = str(import_.status)
    db.session.rollback()
    return Outcome(sent.file, sent.import_id, status, data.get("error"), runs)


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Print a table of the runs, and a line for each import that made none."""
    rows = []
    for ended in outcomes:
        for run in ended.runs:
            summary = run["summary"]
            counts = (str(summary[key]) for key in _COUNTS.values())
            rows.append((Path(ended.file).name, run["id"], *counts, f"{run['duration'] or 0:.2f}"))
    if rows:
        print_table(("file", "run", *_COUNTS, "seconds"), rows)
    for ended in outcomes:
        if ended.error:
            click.echo(f"Error: {ended.file}: {ended.error}", err=True)
        elif not ended.runs:
            click.echo(f"{ended.file}: import {ended.import_id} is {ended.status}.")
