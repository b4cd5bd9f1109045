"""The worker side of Ibutsu: its Celery apps, built when they are first used.

=================  ===================================================================
``worker_app``     the Celery app of ``celery --app ibutsu_server:worker_app worker``
``scheduler_app``  the Celery app of ``celery --app ibutsu_server:scheduler_app beat``
``flower_app``     the Celery app of ``celery --app ibutsu_server:flower_app flower``
``celery_app``     the Celery app for sending tasks
``flask_app``      the Flask app that tasks run in
``__version__``    the version of the installed package
=================  ===================================================================

Importing this package imports neither Celery nor Flask nor SQLAlchemy.
"""

from __future__ import annotations

import sys
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ibutsu_server.exceptions import ConfigurationError, IbutsuError

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery
    from flask import Flask

    celery_app: Celery
    flask_app: Flask
    flower_app: Celery
    scheduler_app: Celery
    worker_app: Celery
    __version__: str

App = TypeVar("App")

__all__ = ["celery_app", "flask_app", "flower_app", "scheduler_app", "worker_app"]


class _AppRegistry:
    """The apps of this process, each built once, by the first thread that asks for it."""

    flask_app: ClassVar[Flask | None] = None
    celery_app: ClassVar[Celery | None] = None
    flower_app: ClassVar[Celery | None] = None
    worker_app: ClassVar[Celery | None] = None
    scheduler_app: ClassVar[Celery | None] = None

    _lock: ClassVar = RLock()
    _in_work: ClassVar[set[str]] = set()

    @classmethod
    def get_flask_app(cls, **extra_config: Any) -> Flask:
        """Return the Flask app; ``extra_config`` is Flask configuration for its first building."""

        def build() -> Flask:
            from ibutsu_server.app import create_app

            return create_app(**extra_config)

        return cls._once("flask_app", build)

    @classmethod
    def get_celery_app(cls, **extra_config: Any) -> Celery:
        """Return the Celery app called ``ibutsu_server``, for sending tasks."""
        return cls._once("celery_app", lambda: cls._in_flask("ibutsu_server", **extra_config))

    @classmethod
    def get_worker_app(cls) -> Celery:
        """Return the Celery app of the worker."""
        return cls._once("worker_app", lambda: cls._in_flask("ibutsu_server_worker"))

    @classmethod
    def get_scheduler_app(cls) -> Celery:
        """Return the Celery app of the scheduler."""
        return cls._once("scheduler_app", lambda: cls._in_flask("ibutsu_server_scheduler"))

    @classmethod
    def get_flower_app(cls) -> Celery:
        """Return the Celery app of the monitor, which knows the broker only.

        In Flower's own process it becomes the current app of the main thread, which is global state of
        Celery: Flower takes the result backend and the time zone from there.
        """

        def build() -> Celery:
            from ibutsu_server.celery_utils import create_broker_celery_app

            if not _serves_celery_command():
                return create_broker_celery_app("ibutsu_server_flower")
            from ibutsu_server.util.flower_options import configure_flower

            app = create_broker_celery_app("ibutsu_server_flower", settings=configure_flower())
            app.set_current()
            return app

        return cls._once("flower_app", build)

    @classmethod
    def initialize_apps(cls, **extra_config: Any) -> None:
        """Build all apps now, the Flask app with ``extra_config``; shared tasks use ``celery_app``."""
        with cls._lock:
            cls.get_flask_app(**extra_config)
            cls.get_flower_app()
            cls.get_scheduler_app()
            cls.get_worker_app()
            cls.get_celery_app()

    @classmethod
    def reset(cls) -> None:
        """Forget all apps; the last of them stays Celery's default app until another one is built."""
        with cls._lock:
            cls.flask_app = cls.celery_app = cls.flower_app = cls.worker_app = cls.scheduler_app = None

    @classmethod
    def _once(cls, attribute: str, build: Callable[[], App]) -> App:
        with cls._lock:
            app: App | None = getattr(cls, attribute)
            if app is None:
                if attribute in cls._in_work:
                    message = f"{attribute} is being built; a task module must use shared_task instead"
                    raise IbutsuError(message)
                cls._in_work.add(attribute)
                try:
                    app = build()
                finally:
                    cls._in_work.remove(attribute)
                setattr(cls, attribute, app)
            return app

    @classmethod
    def _in_flask(cls, name: str, **extra_config: Any) -> Celery:
        from ibutsu_server.celery_utils import create_flask_celery_app

        return create_flask_celery_app(cls.get_flask_app(**extra_config), name)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("ibutsu-server")
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    try:
        return getattr(_AppRegistry, f"get_{name}")()
    except ConfigurationError as error:
        if _serves_celery_command():
            # Celery would print the traceback above the list of faults.
            sys.exit(f"The configuration is not valid:\n{error}")
        raise


def _serves_celery_command() -> bool:
    click = sys.modules.get("click")
    context = click.get_current_context(silent=True) if click else None
    return context is not None and context.find_root().command.name == "celery"
