"""Show when a context is opened."""

from __future__ import annotations

from flask import Flask, current_app, has_app_context

from ibutsu_server.util.app_context import with_app_context
from ibutsu_server.util.celery_task import set_flask_app


@with_app_context
def name_of_the_app() -> str:
    """Return the name of the active Flask app."""
    return current_app.name


def test_the_context_of_the_process_is_opened_where_none_is_active() -> None:
    """A plain function finds its app, and the context is closed again."""
    set_flask_app(Flask("own"))
    assert name_of_the_app() == "own"
    assert not has_app_context()


def test_an_active_context_is_left_as_it_is() -> None:
    """A caller's own context wins."""
    set_flask_app(Flask("own"))
    with Flask("active").app_context():
        assert name_of_the_app() == "active"
