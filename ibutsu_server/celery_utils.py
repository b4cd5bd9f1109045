"""Build the Celery apps: one that needs only the broker, and one that lives in a Flask app."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from celery import Celery
from celery.app.utils import Settings
from celery.utils.imports import import_from_cwd

from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings.broker import BrokerSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask import Flask

    from ibutsu_server.exceptions import Fault
    from ibutsu_server.settings import BeatSettings, FlaskCelerySettings, ServerSettings
    from ibutsu_server.settings.base import SettingsGroup
    from ibutsu_server.util.celery_task import IbutsuTask

logger = logging.getLogger(__name__)


class _SealedSettings(Settings):
    """Celery's configuration as it was validated.

    Celery's own class looks into the environment first, past everything that was given to it.
    """

    @property
    def broker_url(self) -> str:
        return str(self["broker_url"])

    @property
    def broker_read_url(self) -> str:
        return str(self["broker_read_url"] or self.broker_url)

    @property
    def broker_write_url(self) -> str:
        return str(self["broker_write_url"] or self.broker_url)

    @property
    def result_backend(self) -> str:
        return str(self["result_backend"])


def create_broker_celery_app(
    name: str = "ibutsu_server_flower", *, settings: BrokerSettings | None = None
) -> Celery:
    """Build a Celery app that knows the broker and nothing else: no Flask, no database, no tasks.

    With ``settings`` given the environment is not read. The app is neither Celery's default nor its current
    app, so that no shared task is ever sent through it.

    Raises:
        ConfigurationError: the environment holds faults, such as no ``CELERY_BROKER_URL``.
    """
    settings = settings or BrokerSettings()
    for warning in settings.warnings:
        logger.warning("%s", warning)
    return _seal(Celery(name, set_as_current=False), settings.to_celery())


def create_flask_celery_app(
    app: Flask | None,
    name: str = "ibutsu_server",
    *,
    settings: ServerSettings | FlaskCelerySettings | None = None,
    beat: BeatSettings | None = None,
    groups: Iterable[SettingsGroup] = (),
) -> Celery:
    """Build the Celery app of a worker or a scheduler, and store it in ``app.extensions["celery"]``.

    Its tasks run inside ``app``, whose database is set up here unless it is already. The objects are those
    of :func:`ibutsu_server.app.create_app`, and replace what ``app`` was made with, group by group. With
    ``settings`` given neither the Flask config nor the environment is read.

    The app becomes Celery's default app, which is global to the process, and the current app of this
    thread, so that shared tasks use it in every thread.

    Raises:
        ConfigurationError: with every fault of the Flask config and the environment.
        ValueError: ``app`` is None.
    """
    if app is None:
        message = "Flask app instance is required for Flask-integrated Celery app: pass create_app()'s"
        raise ValueError(message)
    from ibutsu_server.db.setup import configure_database
    from ibutsu_server.settings import ServerSettings
    from ibutsu_server.util.celery_signals import watch_connections
    from ibutsu_server.worker import install

    server = ServerSettings.of_app(app, settings, beat, *groups)
    configure_database(app, server.celery.database_url, server.database)
    watch_connections(app)
    celery_app: Celery = Celery(name, task_cls=_task_class(app, server))
    _seal(celery_app, server.to_celery())
    install(celery_app)
    faults = import_task_modules(server)
    if faults:
        raise ConfigurationError(faults)
    celery_app.set_default()
    app.extensions["celery"] = celery_app
    return celery_app


def import_task_modules(settings: ServerSettings) -> list[Fault]:
    """Import the task modules as a worker does, and return a fault for each that is missing."""
    from ibutsu_server.settings.task_modules import unimportable

    faults = []
    for module in settings.modules_to_import:
        try:
            import_from_cwd(module)
        except ImportError as error:
            faults.append(unimportable(settings, module, str(error)))
    return faults


def _seal(celery_app: Celery, configuration: dict[str, Any]) -> Celery:
    """Configure the app from validated values alone, past which Celery does not look again."""
    celery_app.config_from_object(configuration)
    # Celery offers no place to name the class; a plain assignment would become a setting.
    object.__setattr__(celery_app.conf, "__class__", _SealedSettings)
    return celery_app


def _task_class(app: Flask, server: ServerSettings) -> type[IbutsuTask]:
    from ibutsu_server.util.celery_task import IbutsuTask

    settings, outages = server.celery, server.outages

    class AppTask(IbutsuTask):
        abstract = True
        flask_app = app
        max_retries = settings.task_max_retries
        default_retry_delay = settings.task_retry_backoff
        retry_backoff = settings.task_retry_backoff
        retry_backoff_max = settings.task_retry_backoff_max
        retry_jitter = settings.task_retry_jitter
        outage_limit = outages.limit
        outage_longest_wait = outages.longest_wait

    return AppTask
