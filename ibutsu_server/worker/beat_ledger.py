"""The part of the scheduler that lives in Redis: who is active, and when each entry was last sent."""

from __future__ import annotations

import datetime as dt
import logging
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from redis.backoff import NoBackoff
from redis.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from redis import Redis

logger = logging.getLogger(__name__)

LEASE: Final = "ibutsu-beat-lease"
LAST_RUNS: Final = "ibutsu-beat-last-runs"

_MOST_AHEAD: Final = dt.timedelta(days=1)
"""How far ahead of ours the clock of another scheduler may be."""

# A lease without a holder was released or has expired. It is free while the last runs are still there. When
# they are gone too, Redis was emptied or is new, and only a caller that may begin gets it.
_CLAIM: Final = """
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return 'held'
elseif holder then
    return 'others'
elseif ARGV[3] == '0' and redis.call('EXISTS', KEYS[2]) == 0 then
    return 'unknown'
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 'taken'
"""

_SAVE: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
redis.call('DEL', KEYS[2])
if #ARGV > 1 then
    redis.call('HSET', KEYS[2], unpack(ARGV, 2))
end
return 1
"""

_RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('DEL', KEYS[1])
end
"""


class Claim(StrEnum):
    """What became of a claim to the lease."""

    HELD = "held"
    """The caller had it, and keeps it."""

    TAKEN = "taken"
    """Nobody had it, and now the caller has."""

    OTHERS = "others"
    """Another scheduler has it."""

    UNKNOWN = "unknown"
    """Nobody has it, and nothing is known of the last runs: whoever was active last comes first."""


class Ledger:
    """A lease that one scheduler of a deployment has at a time, and the last runs that it keeps.

    ``prefix`` is what the keys of the deployment begin with; ``seconds`` is how long the lease outlives its
    holder.
    """

    def __init__(self, redis: Redis, prefix: str, seconds: float) -> None:
        # The scheduler tries again by itself, and must not be held up when it is asked to end.
        redis.set_retry(Retry(NoBackoff(), 0))
        self._redis = redis
        self._milliseconds = int(seconds * 1000)
        self._keys = [prefix + LEASE, prefix + LAST_RUNS]
        self._token = uuid4().hex
        self._claim, self._save, self._release = map(redis.register_script, (_CLAIM, _SAVE, _RELEASE))

    def claim(self, *, may_begin: bool) -> Claim:
        """Take or prolong the lease, if nobody else has it.

        ``may_begin`` says whether it may be taken though no last run is known.
        """
        answer = self._claim(self._keys, [self._token, self._milliseconds, int(may_begin)])
        return Claim(answer.decode())

    def last_runs(self, now: dt.datetime) -> dict[str, dt.datetime]:
        """Return when each entry was last sent; what cannot be a time is left out."""
        stored: Any = self._redis.hgetall(self._keys[1])
        found = {name.decode(): _read(value, now) for name, value in stored.items()}
        for name in [name for name, when in found.items() if when is None]:
            logger.warning(
                "The last run of %s in Redis (%s) is not a time, or is more than a day ahead, and counts as "
                "now; check the clocks of the schedulers",
                name,
                self._keys[1],
            )
        return {name: when for name, when in found.items() if when is not None}

    def save(self, last_runs: Mapping[str, dt.datetime]) -> bool:
        """Keep these last runs in place of the others; return False when another scheduler has the lease."""
        fields = [part for name, when in last_runs.items() for part in (name, repr(when.timestamp()))]
        return bool(self._save(self._keys, [self._token, *fields]))

    def release(self) -> None:
        """Give the lease up, if the caller has it."""
        self._release(self._keys, [self._token])


def _read(value: bytes, now: dt.datetime) -> dt.datetime | None:
    try:
        when = dt.datetime.fromtimestamp(float(value), dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return when if when <= now + _MOST_AHEAD else None
