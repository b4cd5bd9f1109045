"""Send files to the worker, follow their imports and show what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ibutsu_server.cli.tables import print_table
from ibutsu_server.db.base import db
from ibutsu_server.db.models import Import, Run
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.ingest.upload import TASKS, store_upload
from ibutsu_server.util.redis_lock import get_redis_client

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from celery import Celery
    from celery.result import AsyncResult
    from rich.progress import TaskID

_PING_SECONDS: Final = 1.0
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
    """Be one file to import, and what the person who uploads it says of it."""

    path: Path
    project: str | None = None
    source: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    """Be an import that waits for a worker, or is in its hands."""

    file: str
    import_id: str
    result: AsyncResult[Any]


@dataclass(frozen=True)
class Outcome:
    """Be what is known of one import; ``error`` says why it failed, if it did."""

    file: str
    import_id: str
    status: str
    error: str | None
    runs: list[dict[str, Any]]


def send(celery_app: Celery, uploads: Iterable[Upload]) -> list[Sent]:
    """Store each file in the database and send the task that imports it.

    Raises:
        ImportRejectedError: a file is of no known format.
        InvalidInputError: there is no such project, or a file cannot be read.
        redis.exceptions.RedisError: the broker does not answer; no file is stored then.
    """
    get_redis_client().ping()
    return [_send(celery_app, upload) for upload in uploads]


def _send(celery_app: Celery, upload: Upload) -> Sent:
    import_ = store_upload(
        click.format_filename(upload.path, shorten=True),
        _content(upload.path),
        project=upload.project,
        source=upload.source,
        metadata=upload.metadata,
    )
    result = celery_app.send_task(TASKS[str(import_.format)], args=[import_.to_dict()])
    return Sent(click.format_filename(upload.path), import_.id, result)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{click.format_filename(path)} cannot be read ({error.strerror}); it was not sent."
        raise InvalidInputError(message) from error


def follow(celery_app: Celery, imports: Sequence[Sent]) -> list[Outcome]:
    """Wait for the imports to end, with a progress bar for each, and tell how they ended."""
    console = Console(stderr=True)
    if not celery_app.control.inspect(limit=1, timeout=_PING_SECONDS).ping():
        console.print("No worker answers: the imports wait in the queue until one starts.")
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bars = [progress.add_task(sent.file, total=None) for sent in imports]
        for sent, bar in zip(imports, bars, strict=True):
            sent.result.get(propagate=False, on_message=_Bar(progress, bar))
            tests = sum(run["summary"]["tests"] for run in outcome(sent).runs)
            progress.update(bar, completed=tests, total=tests)
    return [outcome(sent) for sent in imports]


class _Bar:
    """Draw the progress that a task reports while it runs."""

    def __init__(self, progress: Progress, bar: TaskID) -> None:
        self._progress = progress
        self._bar = bar

    def __call__(self, message: dict[str, Any]) -> None:
        if message["status"] == "PROGRESS":
            counts = message["result"]
            self._progress.update(self._bar, completed=counts["current"], total=counts["total"])


def outcome(sent: Sent) -> Outcome:
    """Read from the database how far an import has come."""
    db.session.rollback()
    import_ = db.session.get_one(Import, sent.import_id, populate_existing=True)
    data = import_.data or {}
    runs = [db.session.get_one(Run, run_id).to_dict() for run_id in data.get("run_id") or ()]
    return Outcome(sent.file, sent.import_id, str(import_.status), data.get("error"), runs)


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
