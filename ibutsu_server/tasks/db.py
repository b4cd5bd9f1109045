"""Delete what is old, clear what is used up, and seed what is needed."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

from flask import current_app

from ibutsu_server import constants
from ibutsu_server.db.imports import clear_ended_import
from ibutsu_server.db.pruning import Prune
from ibutsu_server.db.seeding import parse_seeds, seed
from ibutsu_server.db.types import utc_now
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.tasks.arguments import count_argument, uuid_argument, whole_number_argument
from ibutsu_server.util.celery_task import shared_task

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


@shared_task(name="ibutsu_server.tasks.db.prune_old_files")
def prune_old_files(months: int | str = 5) -> None:
    """Delete artifact files older than so many months, at least 2."""
    _prune(Prune.artifacts, months, constants.MIN_FILE_MONTHS, "artifact files")


@shared_task(name="ibutsu_server.tasks.db.prune_old_results")
def prune_old_results(months: int | str = 6) -> None:
    """Delete results older than so many months, at least 4, with their files."""
    _prune(Prune.results, months, constants.MIN_RESULT_MONTHS, "results")


@shared_task(name="ibutsu_server.tasks.db.prune_old_runs")
def prune_old_runs(months: int | str = 12) -> None:
    """Delete runs older than so many months, at least 10, with their results and all files."""
    _prune(Prune.runs, months, constants.MIN_RUN_MONTHS, "runs")


@shared_task(name="ibutsu_server.tasks.db.prune_old_import_files")
def prune_old_import_files(days: int | str = 7) -> str:
    """Delete the imports that ended and are older than so many days, with their files; return a sentence.

    Below the floor of 1 day nothing is deleted.
    """
    number = whole_number_argument("days", days)
    if number < constants.MIN_IMPORT_FILE_DAYS:
        return f"Deleted 0 import files: {number} days is below the floor of 1 day."
    prune = _carried_out(Prune.imports, number)
    return f"Deleted {prune.deleted.get('imports', 0)} import files older than {number} days."


@shared_task(name="ibutsu_server.tasks.db.clear_import_file_content")
def clear_import_file_content(import_id: str) -> str:
    """Drop the bytes of the uploaded file of an import that has ended; return a sentence.

    Raises:
        InvalidInputError: the import has not ended, and still needs them.
    """
    import_id = uuid_argument("import_id", import_id)
    was_there = "Cleared the" if clear_ended_import(import_id) else "There is no"
    return f"{was_there} file content of import {import_id}."


@shared_task(name="ibutsu_server.tasks.db.seed_users")
def seed_users(projects: dict[str, Any] | None) -> None:
    """Make the users that are missing, and give the projects that exist their owners and users.

    Raises:
        InvalidInputError: ``projects`` is not ``{name: {"owner"?: email, "users"?: [email]}}``.
    """
    logger.info("%s", seed(parse_seeds(projects)))


def _prune(delete: Callable[[Prune, dt.datetime], None], months: int | str, floor: int, what: str) -> None:
    number = count_argument("months", months)
    if number < floor:
        logger.warning("No %s are deleted: %d months is below the floor of %d", what, number, floor)
        return
    _carried_out(delete, number * constants.MONTH_DAYS)


def _carried_out(delete: Callable[[Prune, dt.datetime], None], days: int) -> Prune:
    prune = Prune(current_app.extensions["ibutsu_server"].prune)
    delete(prune, _days_ago(days))
    logger.info("Deleted %s older than %d days", prune, days)
    if prune.is_cut_off:
        logger.warning("The time budget of the prune is used up: the next one goes on where this stopped")
    return prune


def _days_ago(days: int) -> dt.datetime:
    try:
        return utc_now() - dt.timedelta(days=days)
    except OverflowError as error:
        message = f"{days} days reach back further than the calendar does: give a smaller number"
        raise InvalidInputError(message) from error
