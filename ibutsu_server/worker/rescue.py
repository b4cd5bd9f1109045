"""Send lost imports again through the broker, when a worker has reached it."""

from __future__ import annotations

import logging
from time import time
from typing import TYPE_CHECKING, Any, Final

from celery import bootsteps
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from ibutsu_server.ingest.rescue import Rescued, rescue_imports
from ibutsu_server.ingest.upload import TASKS
from ibutsu_server.util.redis_lock import get_redis_client

if TYPE_CHECKING:
    from celery import Celery
    from celery.worker.consumer import Consumer

    from ibutsu_server.settings import OutageSettings

logger = logging.getLogger(__name__)

RESCUE: Final = "ibutsu_server.tasks.importers.rescue_imports"

_SENT: Final = "ibutsu-import-sent-{}"
_SEEN: Final = "ibutsu-import-seen-{}"


def queues_of_imports(celery_app: Celery) -> set[str]:
    """Return the names of the queues that imports are sent to."""
    router = celery_app.amqp.router
    return {router.route({}, task)["queue"].name for task in TASKS.values()}


class ImportMessages:
    """The messages of imports in the queues of a Celery app, and what its Redis remembers of them.

    What is remembered only saves work, and is gone when Redis is: then everything is sent once more.
    """

    def __init__(self, celery_app: Celery, settings: OutageSettings) -> None:
        self._app = celery_app
        self._settings = settings
        self._redis = get_redis_client()

    def waiting(self) -> int:
        """Return how many messages wait in the queues that imports are sent to."""
        with self._app.connection_for_write() as connection:
            channel: Any = connection.default_channel
            return sum(channel.queue_declare(queue).message_count for queue in queues_of_imports(self._app))

    def may_send(self, import_id: str) -> bool:
        """Return whether the import was not sent in the last interval, and remember that it is sent now."""
        milliseconds = int(self._settings.rescue_interval * 1000)
        return bool(self._redis.set(_SENT.format(import_id), "1", nx=True, px=milliseconds))

    def forget(self, import_id: str) -> None:
        """Forget that the import was sent."""
        self._redis.delete(_SENT.format(import_id))

    def seen_for(self, import_id: str) -> float:
        """Return for how many seconds the import has been asked for; 0 the first time."""
        key, now = _SEEN.format(import_id), time()
        lifetime = int(self._settings.foreign_age * 2)
        if self._redis.set(key, now, nx=True, ex=max(lifetime, 1)):
            return 0.0
        first = self._redis.get(key)
        return now - float(first) if first is not None else 0.0

    def send(self, task: str, record: dict[str, Any]) -> None:
        """Send the task that carries out an import."""
        self._app.send_task(task, args=[record])


def rescue_through(celery_app: Celery, settings: OutageSettings) -> Rescued:
    """Send the imports that are due through ``celery_app``, inside the context of its Flask app."""
    return rescue_imports(ImportMessages(celery_app, settings), settings)


class RescueBell(bootsteps.StartStopStep):
    """The step of a worker that has lost imports sent again whenever it has reached the broker.

    It starts with every connection, the first as well as one that replaces a lost one. The second rescue
    finds what was uploaded shortly before the first.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Consumer) -> None:
        """Send the task that rescues."""
        task_class: Any = parent.app.Task
        grace = task_class.flask_app.extensions["ibutsu_server"].outages.rescue_grace
        for countdown in (None, grace + 1):
            try:
                parent.app.send_task(RESCUE, countdown=countdown)
            except (OperationalError, RedisError) as error:
                logger.warning("Imports that were lost are not looked for now: %s", error)
