"""Show that the signal handlers live, fire once, and what they do."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from celery.signals import worker_process_init
from flask import Flask
from sqlalchemy import text

from ibutsu_server.app import create_app
from ibutsu_server.celery_utils import create_flask_celery_app
from ibutsu_server.db import db
from ibutsu_server.settings import FlaskCelerySettings

if TYPE_CHECKING:
    import pytest


def settings_for(database_uri: str) -> FlaskCelerySettings:
    """Return settings whose broker is never asked."""
    return FlaskCelerySettings.hermetic(broker_url="redis://broker/0", sqlalchemy_database_uri=database_uri)


def test_a_final_failure_is_logged_once_after_ten_factory_calls(caplog: pytest.LogCaptureFixture) -> None:
    """One line with name, id and exception, though ten apps were built and their factories returned."""
    apps = [create_flask_celery_app(Flask(str(i)), settings=settings_for("sqlite://")) for i in range(10)]
    gc.collect()

    @apps[0].task(shared=False, name="doomed", autoretry_for=())
    def doomed() -> None:
        raise RuntimeError("no way")

    doomed.apply(task_id="the-id")
    messages = [record.getMessage() for record in caplog.records if "failed for good" in record.message]
    assert messages == ["Task doomed[the-id] failed for good: RuntimeError('no way')"]


def test_a_prefork_child_does_not_use_its_parents_connection(postgres_uri: str) -> None:
    """After worker_process_init the same app talks through another server process."""
    app = create_app(settings_for(postgres_uri))
    create_flask_celery_app(app)
    with app.app_context():
        parents = db.session.scalar(text("select pg_backend_pid()"))
        inherited = db.session.connection().connection.driver_connection
        db.session.remove()
        worker_process_init.send(sender=None)
        childs = db.session.scalar(text("select pg_backend_pid()"))
        db.session.remove()
        db.engine.dispose()
    assert inherited is not None
    inherited.close()
    assert parents != childs
