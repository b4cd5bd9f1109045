"""Define the base class of every task."""

from __future__ import annotations

import logging
import random
from time import monotonic, sleep, time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from celery import Task, shared_task
from celery.exceptions import Reject, Retry, SoftTimeLimitExceeded
from celery.utils.time import get_exponential_backoff_interval

from ibutsu_server.db import db
from ibutsu_server.exceptions import IbutsuError
from ibutsu_server.util.app_context import get_flask_app, set_flask_app
from ibutsu_server.util.outages import is_held_lock, is_outage, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

__all__ = ["IbutsuTask", "get_flask_app", "set_flask_app", "shared_task"]

logger = logging.getLogger(__name__)

_SINCE: Final = "ibutsu_outage_since"
"""Header of a task that was sent again because of an outage: when it met the outage, in epoch seconds."""

_SHORTEST_WAIT: Final = 1.0


class _OutageMetError(Exception):
    """The server that a task needs is away: it is called again, and no retry is counted."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class IbutsuTask(Task[Any, Any]):
    """A task that runs inside its Flask app, in a database transaction of its own.

    An error of the task itself that may pass is retried up to ``max_retries`` times; one that would come
    again with the same arguments (bad input, or a run into the soft time limit) is not. An outage of the
    broker or the database is waited out and uses up no retry. The factory makes a subclass for each Celery
    app, with that app's ``flask_app`` and settings; a task's decorator overrides any of them.
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
    outage_limit: float = 86_400
    """Seconds for which an outage is waited out."""
    outage_longest_wait: float = 60
    """Seconds between two attempts during an outage, at most."""
    outage_patience: float = 300
    """Seconds that a task may have run and waited in its child process; then it is sent again, and its time
    limits begin anew."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the task in a new application context: commit when it returns, roll back when it raises.

        The context has a session of its own, which ends with it. So a caller that is inside a context,
        such as another task, keeps its session and what it has not committed yet.
        """
        started = monotonic()
        attempt = super().__call__
        while True:
            try:
                with (self.flask_app or get_flask_app()).app_context():
                    return self._attempt(attempt, args, kwargs)
            except _OutageMetError as met:
                error = met.error
            self._wait_out(error, started)
            attempt = self.run  # the first call has put the request where the task finds it

    def retry(
        self,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        exc: Exception | None = None,
        *rest: Any,
        **options: Any,
    ) -> Any:
        """Send the task again, and count it.

        An outage is waited out instead. A task that its soft time limit ended would reach the limit again.

        Raises:
            celery.exceptions.Retry: the task was sent again.
        """
        if exc is not None and _soft_time_limit_behind(exc):
            raise exc
        if exc is not None and is_outage(exc) and not (self.request.called_directly or self.request.is_eager):
            raise _OutageMetError(exc)
        return self._publish(lambda: super(IbutsuTask, self).retry(args, kwargs, exc, *rest, **options))

    def _attempt(self, attempt: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        try:
            result = attempt(*args, **kwargs)
            self._commit()
        except _OutageMetError:
            # The connections may be dead, or lead to a server that is no longer the primary.
            db.session().invalidate()
            db.session.remove()
            db.engine.dispose()
            raise
        except Exception as error:
            limit = _soft_time_limit_behind(error)
            if limit is None:
                raise
            db.session().invalidate()  # its connection may be in the middle of a statement
            raise SoftTimeLimitExceeded(*limit.args) from error
        return result

    def _commit(self) -> None:
        """Commit; a failed commit is retried here because Celery's own retry ends where the task returns."""
        try:
            db.session.commit()
        except self.autoretry_for as error:
            if not is_outage(error):
                db.session.rollback()
            raise self.retry(exc=error, countdown=self._backoff()) from error

    def _wait_out(self, error: Exception, started: float) -> None:
        """Return when it is time to try again in this process, or send the task again to try later.

        A child process has nothing better to do while its servers are away. It is freed where somebody
        else holds a lock, which does not concern other tasks, and before the time limits of the task
        come near.

        Raises:
            celery.exceptions.Retry: the task was sent again.
        """
        since: float = self.request.get(_SINCE) or time()
        self.request.update({_SINCE: since})
        elapsed = time() - since
        if elapsed > self.outage_limit:
            self._publish(lambda: super(IbutsuTask, self).retry(exc=error, countdown=self._backoff()))
        wait = self._wait_after(elapsed)
        logger.warning(
            "Task %s[%s] is tried again in %.0f s: %s", self.name, self.request.id, wait, reason_of(error)
        )
        if is_held_lock(error) or monotonic() - started > self.outage_patience:
            self._publish(lambda: self._send_again(error, wait, since))
        self._pause(wait, error)

    def _send_again(self, error: Exception, wait: float, since: float) -> None:
        request = self.request
        headers = {**(request.headers or {}), _SINCE: since}
        signature = self.signature_from_request(
            request, countdown=wait, retries=request.retries, headers=headers
        )
        try:
            signature.apply_async()
        except Exception as refusal:
            raise Reject(refusal, requeue=False) from refusal
        raise Retry(exc=error, when=wait, sig=signature)  # type: ignore[arg-type]  # a float is a Real

    def _publish(self, send: Callable[[], Any]) -> Any:
        """Call ``send`` until the broker takes the message; Celery would drop the task where it does not."""
        began = time()
        while True:
            try:
                return send()
            except Reject as rejected:
                refusal = rejected.args[0]
                if not is_outage(refusal):
                    raise
            logger.warning("The broker does not take %s[%s]: %s", self.name, self.request.id, refusal)
            self._pause(self._wait_after(time() - began), refusal)

    def _pause(self, seconds: float, error: Exception) -> None:
        try:
            sleep(seconds)
        except SoftTimeLimitExceeded:
            raise Reject(error, requeue=True) from error

    def _wait_after(self, elapsed: float) -> float:
        """Return a quarter of the time that an outage lasts, so that a short one costs little."""
        wait = min(max(elapsed / 4, _SHORTEST_WAIT), self.outage_longest_wait)
        return wait * random.uniform(0.75, 1)  # noqa: S311 - it only spreads the attempts

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
