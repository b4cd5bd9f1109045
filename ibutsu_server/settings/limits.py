"""Derive the limits that nobody gave from those that were given, so that they fit each other.

A task that works for a given time must not meet the soft time limit, which must act before the hard one. With
late acknowledgement the message of a task must not be delivered again while the task may run, nor may that of
a retry while it waits:

    work < soft limit < hard limit < visibility timeout, longest wait before a retry < visibility timeout
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

TIME_LIMIT: Final = 7200
SOFT_SHARE: Final = 23 / 24
"""The soft time limit as a share of the hard one: 6,900 of 7,200 seconds."""

VISIBILITY_TIMEOUT: Final = 10_800
VISIBILITY_FACTOR: Final = 1.5
"""The visibility timeout over the longest time that a message may rightly stay unacknowledged."""

BACKOFF_MAX: Final = 600

Derived = tuple[str, float, str]
"""A field of ``FlaskCelerySettings``, its value, and the setting that it follows."""


class Limits(NamedTuple):
    """The limits that were given, in seconds; the others follow them."""

    hard: float | None = None
    soft: float | None = None
    visibility: float | None = None
    backoff: int | None = None
    acks_late: bool = True
    work: float = 0.0
    """The longest time that a task was told to work."""

    work_setting: str = ""
    """The setting that says so."""

    def derived(self) -> Iterator[Derived]:
        """Yield each limit that was not given and is not what it is by default."""
        hard, backoff = self.hard, self.backoff
        if hard is None:
            hard, followed = self._hard_limit()
            if followed:
                yield "task_time_limit", hard, followed
        if self.soft is None:
            yield from self._soft_limit(hard)
        if backoff is None:
            backoff = self._longest_wait()
            if backoff != BACKOFF_MAX:
                yield "task_retry_backoff_max", backoff, "CELERY_BROKER_VISIBILITY_TIMEOUT"
        if self.visibility is None:
            yield from _visibility_timeout(hard, backoff)

    def _hard_limit(self) -> tuple[float, str]:
        """Return the hard limit, and the setting that it follows where it is not the default."""
        least, followed = (
            (self.work, self.work_setting)
            if self.soft is None
            else (self.soft, "CELERY_TASK_SOFT_TIME_LIMIT")
        )
        limit = float(TIME_LIMIT)
        if least >= limit * SOFT_SHARE:
            limit = least / SOFT_SHARE
        else:
            followed = ""
        timeout = self.visibility if self.visibility is not None and self.acks_late else math.inf
        longest = timeout / VISIBILITY_FACTOR
        if limit <= longest:
            return limit, followed
        limit = longest if least <= longest * SOFT_SHARE else (least + timeout) / 2
        return limit, "CELERY_BROKER_VISIBILITY_TIMEOUT"

    def _soft_limit(self, hard: float) -> Iterator[Derived]:
        limit = hard * SOFT_SHARE
        if limit <= self.work < hard:
            yield "task_soft_time_limit", (self.work + hard) / 2, self.work_setting
        elif hard != TIME_LIMIT:
            yield "task_soft_time_limit", limit, "CELERY_TASK_TIME_LIMIT"

    def _longest_wait(self) -> int:
        if self.visibility is None:
            return BACKOFF_MAX
        return min(BACKOFF_MAX, max(1, int(self.visibility / VISIBILITY_FACTOR)))


def _visibility_timeout(hard: float, backoff: int) -> Iterator[Derived]:
    longest, followed = max((hard, "CELERY_TASK_TIME_LIMIT"), (backoff, "CELERY_TASK_RETRY_BACKOFF_MAX"))
    timeout = math.ceil(longest * VISIBILITY_FACTOR)
    if timeout > VISIBILITY_TIMEOUT:
        yield "broker_visibility_timeout", timeout, followed
