"""Import uploaded files; an import that fails for good says so to the person who uploaded it."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import task_failure
from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from ibutsu_server.db.base import db
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.ingest.importing import carry_out, end_in_error
from ibutsu_server.ingest.opening import open_archive, open_junit
from ibutsu_server.tasks.arguments import uuid_argument
from ibutsu_server.util.app_context import get_flask_app
from ibutsu_server.util.celery_task import shared_task
from ibutsu_server.util.outages import is_outage, reason_of
from ibutsu_server.worker.rescue import RESCUE, rescue_through

if TYPE_CHECKING:
    from celery import Task

    from ibutsu_server.ingest.opening import OpenReader
    from ibutsu_server.util.celery_task import IbutsuTask

logger = logging.getLogger(__name__)

PROGRESS_SECONDS: Final = 0.5
"""Seconds between two reports of progress."""


@shared_task(bind=True, name="ibutsu_server.tasks.importers.run_junit_import")
def run_junit_import(self: Task[Any, Any], import_: dict[str, Any]) -> None:
    """Import a JUnit report; of the record only ``id`` is used."""
    _run(self, import_, open_junit)


@shared_task(bind=True, name="ibutsu_server.tasks.importers.run_archive_import")
def run_archive_import(self: Task[Any, Any], import_: dict[str, Any]) -> None:
    """Import an archive of pytest-ibutsu; of the record only ``id`` is used."""
    _run(self, import_, open_archive)


@shared_task(bind=True, name=RESCUE)
def rescue_imports(self: Task[Any, Any]) -> str:
    """Send the imports again that no worker has and no message names; return a sentence."""
    rescued = rescue_through(self.app, current_app.extensions["ibutsu_server"].outages)
    logger.info("%s", rescued)
    return str(rescued)


def _run(task: Task[Any, Any], import_: dict[str, Any], open_reader: OpenReader) -> None:
    settings = current_app.extensions["ibutsu_server"].imports
    carry_out(_id_of(import_), open_reader, settings, _Progress(task))


def _id_of(import_: Any) -> str:
    return uuid_argument('import["id"]', import_.get("id") if isinstance(import_, dict) else None)


class _Progress:
    """Show how far a task has come, as its state; a direct call has no state."""

    def __init__(self, task: Task[Any, Any]) -> None:
        self._task = task
        self._is_shown = not (task.request.called_directly or task.request.is_eager)
        self._next = monotonic()

    def __call__(self, current: int, total: int | None, phase: str) -> None:
        now = monotonic()
        if self._is_shown and now >= self._next:
            self._next = now + PROGRESS_SECONDS
            meta = {"current": current, "total": total, "phase": phase}
            self._task.update_state(state="PROGRESS", meta=meta)


@task_failure.connect(dispatch_uid="ibutsu_server.end_failed_import")
def end_failed_import(
    sender: IbutsuTask, exception: BaseException, args: Any, kwargs: Any, **context: Any
) -> None:
    """End an import whose task failed for good, also where its process was killed, and keep its file.

    After an outage, and where the database is away now, the import stays as it is: it is not its fault, and
    the rescue sends it again.
    """
    del context
    if sender.name not in _IMPORTERS or isinstance(exception, InvalidInputError):
        return
    import_id = _id_of(args[0] if args else kwargs["import_"])
    if is_outage(exception):
        logger.warning("Import %s is left for the rescue: %s", import_id, reason_of(exception))
        return
    try:
        with (sender.flask_app or get_flask_app()).app_context():
            end_in_error(import_id, _reason(exception, sender.request.retries + 1))
            db.session.commit()
    except SQLAlchemyError as error:
        if not is_outage(error):
            raise
        logger.warning("Import %s is left for the rescue: %s", import_id, reason_of(error))


def _reason(exception: BaseException, attempts: int) -> str:
    if isinstance(exception, SoftTimeLimitExceeded):
        return (
            "The import took longer than a task may (CELERY_TASK_SOFT_TIME_LIMIT); "
            "split the file, or raise the limit, and upload it again."
        )
    return (
        f"The import was tried {attempts} times and failed, the last time with "
        f"{type(exception).__name__}; the log of the worker says more. Upload the file again later."
    )


_IMPORTERS: Final = {run_junit_import.name, run_archive_import.name}
