"""Keep the rows of runs in step with their results."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from redis.exceptions import RedisError

from ibutsu_server.constants import LOCK_EXPIRE, SYNC_RUN_TIME
from ibutsu_server.db.base import db
from ibutsu_server.db.runs import recent, refresh_run, runs_out_of_step
from ibutsu_server.tasks.arguments import uuid_argument
from ibutsu_server.util.celery_task import shared_task
from ibutsu_server.util.redis_lock import get_redis_client, lock

if TYPE_CHECKING:
    from celery import Task
    from redis import Redis

logger = logging.getLogger(__name__)

_LOCK: Final = "update-run-lock-{}"
_WAITING: Final = "update-run-waiting-{}"
_QUEUED: Final = "update-run-queued-{}"

_QUEUED_SECONDS: Final = SYNC_RUN_TIME
"""Seconds that the mark of a queued update lasts: by then the run is no longer recent."""


@shared_task(bind=True, name="ibutsu_server.tasks.runs.update_run")
def update_run(self: Task[Any, Any], run_id: str) -> None:
    """Compute the summary of a run anew."""
    run_id = uuid_argument("run_id", run_id)
    with ExitStack() as held:
        if not _take_turn(run_id, self.request.id, held):
            return
        if not refresh_run(run_id):
            logger.warning("There is no run %s to update: it may have been pruned", run_id)
        db.session.commit()


@shared_task(bind=True, name="ibutsu_server.tasks.runs.sync_aborted_runs")
def sync_aborted_runs(self: Task[Any, Any]) -> None:
    """Have the recent runs updated whose summary does not count their results, each once."""
    client = get_redis_client()
    queued = 0
    run_ids = runs_out_of_step(recent(SYNC_RUN_TIME))
    db.session.commit()  # no transaction stays open while thousands of messages are sent
    for run_id in run_ids:
        task_id = str(uuid4())
        if client.set(_QUEUED.format(run_id), task_id, nx=True, ex=_QUEUED_SECONDS):
            try:
                self.app.send_task(update_run.name, args=[run_id], task_id=task_id)
            except Exception:  # raised again: the mark of an unsent update would hold back the next one
                client.delete(_QUEUED.format(run_id))
                raise
            queued += 1
    logger.info("%d runs are out of step and will be updated", queued)


def _take_turn(run_id: str, task_id: str | None, held: ExitStack) -> bool:
    """Wait until nobody else updates the run; say no where another one waits, who will count for both.

    Redis only saves work here. Where it is away, or a lock is not freed in time, everybody has a turn, and
    the database keeps them apart.
    """
    waiting = _WAITING.format(run_id)
    try:
        client = get_redis_client()
        _note_start(client, run_id, task_id)
        if not client.set(waiting, "1", nx=True, ex=2 * LOCK_EXPIRE):
            return False
        try:
            held.enter_context(lock(_LOCK.format(run_id)))
        finally:
            client.delete(waiting)
    except RedisError as error:
        logger.info("Run %s is updated without its lock: %s", run_id, error)
    return True


def _note_start(client: Redis, run_id: str, task_id: str | None) -> None:
    """Let the next sync queue the run again, if this is the message that the last one queued."""
    queued = client.get(_QUEUED.format(run_id))
    if task_id is not None and queued == task_id.encode():
        client.delete(_QUEUED.format(run_id))
