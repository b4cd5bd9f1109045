"""Hold the task modules; each task is a few lines over a plain function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibutsu_server.util.celery_task import IbutsuTask, shared_task
from ibutsu_server.util.redis_lock import lock

if TYPE_CHECKING:
    from celery import Celery
    from flask import Flask

__all__ = ["IbutsuTask", "create_celery_app", "get_celery_app", "lock", "shared_task", "task"]

task = shared_task


def create_celery_app(app: Flask | None = None, name: str = "ibutsu_server") -> Celery:
    """Build a Celery app inside ``app``: :func:`ibutsu_server.celery_utils.create_flask_celery_app`."""
    from ibutsu_server.celery_utils import create_flask_celery_app

    return create_flask_celery_app(app, name)


def get_celery_app() -> Celery:
    """Return the Celery app of this process, called ``ibutsu_server``."""
    from ibutsu_server import _AppRegistry

    return _AppRegistry.get_celery_app()
