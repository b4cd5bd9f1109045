"""Answer Celery's signals.

The handlers live at module level and are connected when this module is imported: once, however many
Celery apps are built, and they stay alive.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from celery.signals import task_failure, worker_process_init

from ibutsu_server.db import db

if TYPE_CHECKING:
    from celery import Task
    from flask import Flask

logger = logging.getLogger(__name__)

_apps_with_database: WeakSet[Flask] = WeakSet()


def watch_connections(app: Flask) -> None:
    """Have the database connections of ``app`` dropped in every prefork child."""
    _apps_with_database.add(app)


@task_failure.connect(dispatch_uid="ibutsu_server.log_final_failure")
def log_final_failure(sender: Task[Any, Any], task_id: str, exception: BaseException, **context: Any) -> None:
    """Log a task that ended in failure: retries come to ``task_retry``, not here."""
    del context
    logger.error("Task %s[%s] failed for good: %r", sender.name, task_id, exception)


@worker_process_init.connect(dispatch_uid="ibutsu_server.drop_inherited_connections")
def drop_inherited_connections(**context: Any) -> None:
    """Forget the database connections of the parent: two processes must not talk over one socket."""
    del context
    for app in _apps_with_database:
        with app.app_context():
            for engine in db.engines.values():
                engine.dispose(close=False)
