"""Result backends that never turn work that is done into a failure because Redis was away."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from celery.backends.redis import RedisBackend, SentinelBackend
from celery.exceptions import BackendStoreError
from celery.states import READY_STATES
from redis.exceptions import RedisError

from ibutsu_server.util.outages import is_outage, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

PATIENCE: Final = 60.0
"""Seconds for which the backend tries to store how a task ended."""

SILENCE: Final = 30.0
"""Seconds without states that only inform, after Redis did not take one."""


class PatientRedisBackend(RedisBackend):
    """A backend that tries for a while to store how a task ended, and once to store how far it is.

    Celery 5.7.0 ends a task as FAILURE whose progress or result cannot be stored, though its work is
    committed. With ``result_backend_always_retry`` it tries for ever, and not at all where Redis is read-only
    or full.
    """

    _deadline = 0.0
    _silent_until = 0.0

    def store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: Any = None,
        request: Any = None,
        **options: Any,
    ) -> Any:
        """Store a state; where that fails the task goes on, and who waits for its result is not told."""
        if state not in READY_STATES:
            if monotonic() < self._silent_until:
                return result
            options["max_retries"] = 0
        try:
            return super().store_result(task_id, result, state, traceback, request, **options)
        except (BackendStoreError, RedisError) as error:
            self._silent_until = monotonic() + SILENCE
            reason = reason_of(error.__cause__ or error)
            logger.warning("The state %s of task %s is not stored: %s", state, task_id, reason)
            return result

    def exception_safe_to_retry(self, exc: Exception) -> bool:
        """Return whether Redis is away, read-only or full, and there is time left to try again."""
        return is_outage(exc) and monotonic() < self._deadline

    def ensure(self, fun: Callable[..., Any], args: tuple[Any, ...], **policy: Any) -> Any:
        """Call ``fun`` once: Celery retries here, and again around it."""
        del policy
        return fun(*args)

    def _ensure_retryable(self, func: Callable[..., Any], *args: Any, **options: Any) -> Any:
        self._deadline = monotonic() + PATIENCE
        parent: Any = super()
        return parent._ensure_retryable(func, *args, **options)  # noqa: SLF001 - Celery's own hook


class PatientSentinelBackend(PatientRedisBackend, SentinelBackend):
    """The same, for a Redis that sentinels name."""
