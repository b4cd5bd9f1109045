"""Define the base class of every task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from celery import Task, shared_task
from celery.exceptions import SoftTimeLimitExceeded
from celery.utils.time import get_exponential_backoff_interval

from ibutsu_server.db import db
from ibutsu_server.exceptions import IbutsuError
from ibutsu_server.util.app_context import get_flask_app, set_flask_app

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["IbutsuTask", "get_flask_app", "set_flask_app", "shared_task"]


class IbutsuTask(Task[Any, Any]):
    """A task that runs inside its Flask app, in a database transaction of its own.

    An error that may pass by itself is retried; one that would come again with the same arguments (bad
    input, or a run into the soft time limit) is not. The factory makes a subclass for each Celery app, with
    that app's ``flask_app`` and retry settings; a task's decorator overrides any of them.
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
        """Call the task in a new application context: commit when it returns, roll back when it raises.

        The context has a session of its own, which ends with it. So a caller that is inside a context,
        such as another task, keeps its session and what it has not committed yet.
        """
        with (self.flask_app or get_flask_app()).app_context():
            try:
                result = super().__call__(*args, **kwargs)
                self._commit()
            except Exception as error:
                limit = _soft_time_limit_behind(error)
                if limit is None:
                    raise
                db.session().invalidate()  # its connection may be in the middle of a statement
                raise SoftTimeLimitExceeded(*limit.args) from error
            return result

    def retry(
        self,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        exc: Exception | None = None,
        *rest: Any,
        **options: Any,
    ) -> Any:
        """Send the task again, unless its soft time limit ended it: it would reach the limit again.

        Raises:
            celery.exceptions.Retry: the task was sent again.
        """
        if exc is not None and _soft_time_limit_behind(exc):
            raise exc
        return super().retry(args, kwargs, exc, *rest, **options)

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


def _soft_time_limit_behind(error: BaseException | None) -> SoftTimeLimitExceeded | None:
    """Return the soft time limit among an error and those it was raised from.

    The limit interrupts a statement, and the rollback on the busy connection then fails with an error of
    its own, which would otherwise be retried.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, SoftTimeLimitExceeded):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None
