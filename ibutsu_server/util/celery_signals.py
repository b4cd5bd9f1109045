"""Answer Celery's signals.

The handlers live at module level and are connected when this module is imported: once, however many
Celery apps are built, and they stay alive.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from celery.signals import beat_init, celeryd_after_setup, task_failure, worker_process_init
from sqlalchemy.exc import SQLAlchemyError

from ibutsu_server.db import db

if TYPE_CHECKING:
    from celery import Task
    from celery.beat import Service
    from flask import Flask

logger = logging.getLogger(__name__)

_NO_DATABASE = (
    "The database %s does not answer: %s. Tasks wait until it does; start it, or fix SQLALCHEMY_DATABASE_URI."
)

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


@celeryd_after_setup.connect(dispatch_uid="ibutsu_server.check_database")
def check_database(**context: Any) -> None:
    """Say at the start of a worker that its database does not answer; it may come up later."""
    del context
    for app in _apps_with_database:
        with app.app_context():
            try:
                db.engine.connect().close()
            except SQLAlchemyError as error:
                url = app.extensions["ibutsu_server"].celery.database_url
                reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
                logger.error(_NO_DATABASE, url, reason)
            finally:
                db.engine.dispose()


@beat_init.connect(dispatch_uid="ibutsu_server.tell_schedule")
def tell_schedule(sender: Service, **context: Any) -> None:
    """Say at the start of a scheduler what it will send."""
    del context
    entries = sorted(sender.app.conf.beat_schedule)
    if entries:
        logger.info("The schedule has %d entries: %s", len(entries), ", ".join(entries))
    else:
        logger.warning("The schedule is empty: nothing is ever sent; set an IBUTSU_BEAT_*_ENABLED to true")
