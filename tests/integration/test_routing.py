"""Show that settings of Celery's own, given as text, have their effect at a real broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from redis import Redis

from ibutsu_server.app import create_app
from ibutsu_server.celery_utils import create_flask_celery_app

if TYPE_CHECKING:
    from celery import Celery


@pytest.fixture
def configured_by_text(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> Celery:
    """Return the Celery app of an environment that routes one task to a queue of its own."""
    environ = {
        "CELERY_BROKER_URL": broker_url,
        "SQLALCHEMY_DATABASE_URI": "sqlite://",
        "CELERY_TASK_ROUTES": '{"ibutsu_server.tasks.importers.*": {"queue": "imports"}}',
        "CELERY_TASK_ANNOTATIONS": '{"ibutsu_server.tasks.runs.update_run": {"priority": 5}}',
        "CELERY_TASK_DEFAULT_QUEUE": "others",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return create_flask_celery_app(create_app())


def test_a_task_is_sent_to_the_queue_that_the_routes_name(
    configured_by_text: Celery, broker_url: str
) -> None:
    """CELERY_TASK_ROUTES as JSON text decides where a message lies; other tasks go to the default queue."""
    configured_by_text.send_task("ibutsu_server.tasks.importers.run_junit_import", args=[{"id": "1"}])
    configured_by_text.tasks["ibutsu_server.tasks.importers.run_archive_import"].delay({"id": "2"})
    configured_by_text.send_task("ibutsu_server.tasks.runs.sync_aborted_runs")
    configured_by_text.close()
    with Redis.from_url(broker_url) as client:
        lengths = {queue: client.llen(queue) for queue in ("imports", "others", "celery")}
    assert lengths == {"imports": 2, "others": 1, "celery": 0}


def test_an_annotation_changes_the_task(configured_by_text: Celery) -> None:
    """CELERY_TASK_ANNOTATIONS as JSON text reaches the task's attributes."""
    configured_by_text.finalize()
    assert configured_by_text.tasks["ibutsu_server.tasks.runs.update_run"].priority == 5
    assert configured_by_text.tasks["ibutsu_server.tasks.importers.run_junit_import"].priority is None
