"""Keep the rows of runs in step with their results."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import LockError

from ibutsu_server.constants import LOCK_EXPIRE, SYNC_RUN_TIME
from ibutsu_server.db.base import db
from ibutsu_server.db.runs import recent, refresh_run, runs_out_of_step
from ibutsu_server.tasks.arguments import uuid_argument
from ibutsu_server.util.celery_task import shared_task
from ibutsu_server.util.redis_lock import get_redis_client, lock

if TYPE_CHECKING:
    from celery import Task

logger = logging.getLogger(__name__)

_LOCK: Final = "update-run-lock-{}"
_QUEUED: Final = "update-run-queued-{}"


@shared_task(bind=True, name="ibutsu_server.tasks.runs.update_run")
def update_run(self: Task[Any, Any], run_id: str) -> None:
    """Compute the summary of a run anew.

    The lock saves work while another worker is at the same run. Who does not get it comes back, and in
    the end does without: the database keeps two workers apart.
    """
    run_id = uuid_argument("run_id", run_id)
    get_redis_client().delete(_QUEUED.format(run_id))
    try:
        with lock(_LOCK.format(run_id)):
            _refresh(run_id)
            db.session.commit()
    except LockError as error:
        if not self.request.called_directly and self.request.retries < (self.max_retries or 0):
            raise self.retry(exc=error, countdown=LOCK_EXPIRE) from error
        _refresh(run_id)


@shared_task(bind=True, name="ibutsu_server.tasks.runs.sync_aborted_runs")
def sync_aborted_runs(self: Task[Any, Any]) -> None:
    """Have the recent runs updated whose summary does not count their results, each once."""
    client = get_redis_client()
    queued = 0
    for run_id in runs_out_of_step(recent(SYNC_RUN_TIME)):
        if client.set(_QUEUED.format(run_id), "1", nx=True, ex=SYNC_RUN_TIME):
            self.app.send_task(update_run.name, args=[run_id])
            queued += 1
    logger.info("%d runs are out of step and will be updated", queued)


def _refresh(run_id: str) -> None:
    if not refresh_run(run_id):
        logger.warning("There is no run %s to update: it may have been pruned", run_id)
