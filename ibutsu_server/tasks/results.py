"""Complete results."""

from __future__ import annotations

import logging

from ibutsu_server.db.runs import fill_start_times
from ibutsu_server.tasks.arguments import uuid_argument
from ibutsu_server.util.celery_task import shared_task

logger = logging.getLogger(__name__)


@shared_task(name="ibutsu_server.tasks.results.add_result_start_time")
def add_result_start_time(run_id: str) -> None:
    """Give the results of a run that have no start time the one of their old metadata, else the run's."""
    filled = fill_start_times(uuid_argument("run_id", run_id))
    logger.info("%d results of run %s got a start time", filled, run_id)
