"""What keeps a worker honest: it sends again what was lost, and stores what it did.

Celery finds the classes by the names below, so that a process that only sends tasks imports none of them.
"""

from __future__ import annotations

from typing import Final

CONSUMER_STEPS: Final = (f"{__name__}.rescue:RescueBell",)
"""Steps of the consumer in the worker's main process."""

RESULT_BACKENDS: Final = {
    "redis": f"{__name__}.results:PatientRedisBackend",
    "rediss": f"{__name__}.results:PatientRedisBackend",
    "sentinel": f"{__name__}.results:PatientSentinelBackend",
}
"""Class of the result backend, by the scheme of its URL."""
