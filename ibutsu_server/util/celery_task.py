"""Define the base class of every task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from celery import Task, shared_task
from celery.utils.time import get_exponential_backoff_interval

from ibutsu_server.db import db
from ibutsu_server.exceptions import IbutsuError
from ibutsu_server.util.app_context import app_context_of, get_flask_app, set_flask_app

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["IbutsuTask", "get_flask_app", "set_flask_app", "shared_task"]


class IbutsuTask(Task[Any, Any]):
    """Run a task inside its Flask app, in one database transaction, and retry what may pass by itself.

    The factory makes a subclass per Celery app with that app's ``flask_app`` and retry settings; a
    task's decorator overrides any of them. An error that would come again with the same arguments
    (bad input) is not retried.
    """

    abstract = True
    flask_app: ClassVar[Flask | None] = None

    autoretry_for: tuple[type[Exception], ...] = (Exception,)
    dont_autoretry_for: tuple[type[Exception], ...] = (IbutsuError, TypeError, ValueError)
    default_retry_delay = 2
    retry_backoff: int | bool = 2
    retry_backoff_max: int = 600
    retry_jitter: bool = True
    max_retries: int | None = 5

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the task: commit when it returns, roll back when it raises, remove the session either way."""
        with app_context_of(self.flask_app or get_flask_app()):
            try:
                result = super().__call__(*args, **kwargs)
                self._commit()
            finally:
                db.session.remove()
            return result

    def _commit(self) -> None:
        """Commit; a failed commit is retried here because Celery's own retry ends where the task returns."""
        try:
            db.session.commit()
        except self.autoretry_for as error:
            db.session.rollback()
            raise self.retry(exc=error, countdown=self._backoff()) from error

    def _backoff(self) -> float:
        seconds: float = get_exponential_backoff_interval(
            factor=int(self.retry_backoff),
            retries=self.request.retries,
            maximum=self.retry_backoff_max,
            full_jitter=self.retry_jitter,
        )
        return seconds
