"""Find the Flask app that a task or a function runs in."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from flask import has_app_context
from flask.globals import app_ctx

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

P = ParamSpec("P")
T = TypeVar("T")


_default: dict[str, Flask] = {}


def set_flask_app(app: Flask | None) -> None:
    """Make ``app`` the one whose context a task opens where its Celery app has none; None forgets it."""
    _default.clear()
    if app is not None:
        _default["app"] = app


def get_flask_app() -> Flask:
    """Return the app of :func:`set_flask_app`, else the process's own."""
    if "app" in _default:
        return _default["app"]
    from ibutsu_server import _AppRegistry

    return _AppRegistry.get_flask_app()


def active_app() -> Flask | None:
    """Return the Flask app whose context is active, if any is."""
    return app_ctx.app if has_app_context() else None


def with_app_context(function: Callable[P, T]) -> Callable[P, T]:
    """Run ``function`` inside the context of the process's Flask app.

    An active context, of whatever app, is left as it is.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if has_app_context():
            return function(*args, **kwargs)
        with get_flask_app().app_context():
            return function(*args, **kwargs)

    return run
