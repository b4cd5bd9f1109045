"""Provide the guards that every test shares, and short names for the fixtures of our own pytest plugin."""

from __future__ import annotations

import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from flask import has_app_context

from tests.wheel import install_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from celery import Celery
    from flask import Flask
    from flask.testing import FlaskClient

    from ibutsu_server.settings import FlaskCelerySettings
    from ibutsu_server.settings.celery_options import CeleryOptions

pytest_plugins = ["ibutsu_server.testing", "pytester", "tests.buckets"]


def _refuse_foreign_hosts(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = str(arguments[1][0])
        if host != "localhost" and not ip_address(host).is_loopback:
            message = f"a test tried to reach {host}; tests talk to servers they started"
            raise AssertionError(message)


sys.addaudithook(_refuse_foreign_hosts)


@pytest.fixture(autouse=True)
def _isolated(ibutsu_isolation: None) -> None:
    """Isolate every test, not only those with a fixture of the plugin."""


@pytest.fixture(autouse=True)
def _no_leaked_app_context() -> Iterator[None]:
    yield
    assert not has_app_context(), "the test left an application context behind"


@pytest.fixture
def broker_url(ibutsu_broker_url: str) -> str:
    """Return the URL of an empty Valkey."""
    return ibutsu_broker_url


@pytest.fixture(scope="session")
def python_with_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment that has a wheel of this project instead of its folder."""
    return install_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def valkey_port(ibutsu_valkey_url: str) -> int:
    """Return the port of the Valkey of this session."""
    port = urlsplit(ibutsu_valkey_url).port
    assert port is not None
    return port


@pytest.fixture
def postgres_uri(ibutsu_postgres_uri: str) -> str:
    """Return the URI of an empty PostgreSQL database."""
    return ibutsu_postgres_uri


@pytest.fixture
def sqlite_uri(ibutsu_sqlite_uri: str) -> str:
    """Return the URI of a SQLite database that does not exist yet."""
    return ibutsu_sqlite_uri


@pytest.fixture(params=["sqlite", "postgresql"])
def database_uri(request: pytest.FixtureRequest) -> str:
    """Return the URI of an empty database, once for each kind of database."""
    fixture = "ibutsu_sqlite_uri" if request.param == "sqlite" else "ibutsu_postgres_uri"
    uri: str = request.getfixturevalue(fixture)
    return uri


@pytest.fixture
def ibutsu_database_uri(database_uri: str) -> str:
    """Use both kinds of databases for the plugin's app."""
    return database_uri


@pytest.fixture
def ibutsu_celery_options() -> CeleryOptions:
    """Send tasks to the broker instead of running them at once."""
    return {}


@pytest.fixture
def settings(ibutsu_settings: FlaskCelerySettings) -> FlaskCelerySettings:
    """Return settings for the servers of this test, made without the environment."""
    return ibutsu_settings


@pytest.fixture
def app(ibutsu_app: Flask) -> Flask:
    """Return a Flask app over a database that has all tables, with its context active."""
    return ibutsu_app


@pytest.fixture
def celery_app(ibutsu_celery_app: Celery) -> Celery:
    """Return a Celery app that lives in ``app``; no worker consumes its queue."""
    return ibutsu_celery_app


@pytest.fixture
def flask_app(app: Flask) -> tuple[FlaskClient, str]:
    """Return a test client of the Flask app, and the API token of a user."""
    from ibutsu_server.db import db
    from ibutsu_server.db.models import Token, User

    token = Token(name="tests", token=uuid4().hex, user=User(email="tester@example.com", is_active=True))
    db.session.add(token)
    db.session.commit()
    return app.test_client(), str(token.token)
