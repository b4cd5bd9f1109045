"""What keeps a worker honest: it sends again what was lost, and stores what it did.

Celery finds the classes by the names below, so that a process that only sends tasks imports none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kombu import transport as kombu_transport

if TYPE_CHECKING:
    from celery import Celery

WORKER_STEPS: Final = (f"{__name__}.stopping:SoftStop", f"{__name__}.watchdog:Watchdog")
"""Steps of the worker's main process."""

DISPATCHER: Final = f"{__name__}.events:SteadyDispatcher"
"""Class that sends the events of a worker."""

CONSUMER_STEPS: Final = (f"{__name__}.rescue:RescueBell",)
"""Steps of the consumer in the worker's main process."""

RESULT_BACKENDS: Final = {
    "redis": f"{__name__}.results:PatientRedisBackend",
    "rediss": f"{__name__}.results:PatientRedisBackend",
    "sentinel": f"{__name__}.results:PatientSentinelBackend",
}
"""Class of the result backend, by the scheme of its URL."""

TRANSPORTS: Final = {
    "redis": f"{__name__}.transport:SteadyTransport",
    "rediss": f"{__name__}.transport:SteadyTransport",
    "sentinel": f"{__name__}.transport:SteadySentinelTransport",
}
"""Class of the broker's transport, by the scheme of its URL. With a class in ``broker_transport`` kombu would
no longer look at the scheme: TLS, sockets and sentinels would be lost."""


def install(celery_app: Celery) -> None:
    """Make a worker of ``celery_app`` use the classes named here.

    The transports are registered with kombu, for all apps of this process.
    """
    kombu_transport.TRANSPORT_ALIASES.update(TRANSPORTS)
    for scheme in TRANSPORTS:
        vars(kombu_transport)["_transport_cache"].pop(scheme, None)  # somebody may have connected before
    celery_app.loader.override_backends = RESULT_BACKENDS
    celery_app.events.dispatcher_cls = DISPATCHER
    celery_app.steps["worker"].update(WORKER_STEPS)
    celery_app.steps["consumer"].update(CONSUMER_STEPS)
