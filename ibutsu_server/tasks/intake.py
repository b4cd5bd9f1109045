"""Sweep the bucket or folder that result files wait in."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from flask import current_app

from ibutsu_server.ingest.intake import sweep
from ibutsu_server.ingest.store_kinds import opened_store
from ibutsu_server.ingest.stores import StoreError, StoreOutageError
from ibutsu_server.settings.intake import SWEEP
from ibutsu_server.util.celery_task import shared_task

if TYPE_CHECKING:
    from celery import Task

logger = logging.getLogger(__name__)


@shared_task(bind=True, name=SWEEP)
def sweep_intake(self: Task[Any, Any]) -> str:
    """Send what lies in the store to be imported, and clear away what is; return a sentence.

    Unlike a database, a store that does not answer is not waited for: the next sweep comes by itself, and
    until then the worker has imports to carry out.

    Raises:
        StoreError: the store, or an object of it, cannot be used as the settings say.
        InvalidInputError: there is no such project, or the client of S3 is not installed.
    """
    settings = current_app.extensions["ibutsu_server"].intake
    url = settings.store_url
    if url is None:
        return "Nothing is swept: set IBUTSU_INTAKE_URL."
    try:
        with opened_store(url, settings) as store:
            swept = sweep(url, store, settings, lambda task, record: self.app.send_task(task, args=[record]))
    except StoreOutageError as error:
        logger.warning("The sweep of %s is left to the next one: %s", url, error)
        return f"The sweep is left to the next one: {error}"
    logger.info("%s", swept)
    if swept.problems:
        first, *others = swept.problems
        message = f"{first} (and {len(others)} more objects with problems)" if others else first
        raise StoreError(message)
    return str(swept)
