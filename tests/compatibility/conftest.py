"""Provide a worker of a deployment as the existing templates configure it, and an API server beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from sqlalchemy.engine import make_url

from ibutsu_server.app import create_app
from ibutsu_server.db import db
from ibutsu_server.db.schema import create_schema
from ibutsu_server.settings import FlaskCelerySettings
from ibutsu_server.testing import scratch_database
from tests.compatibility.fake_api_server import FakeApiServer
from tests.processes import WORKER, Process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import URL

LINK: Final = "tcp://10.0.0.1:5432"

TEMPLATE: Final = {
    "BACKEND_URL": "https://ibutsu-api.example.com",
    "FRONTEND_URL": "https://ibutsu.example.com",
    "CELERY_TASK_TIME_LIMIT": "3600",
    "CELERY_WORKER_LOGLEVEL": "info",
    "FLOWER_BASIC_AUTH": "admin:hunter2",
    "POSTGRES_DB": "ibutsu",
    "POSTGRES_HOSTNAME": "postgresql",
    "POSTGRESQL_PORT": LINK,
    "POSTGRESQL_PORT_5432_TCP": LINK,
    "POSTGRESQL_PORT_5432_TCP_ADDR": "10.0.0.1",
    "POSTGRESQL_PORT_5432_TCP_PORT": "5432",
    "POSTGRESQL_PORT_5432_TCP_PROTO": "tcp",
    "POSTGRESQL_SERVICE_HOST": "10.0.0.1",
    "POSTGRESQL_SERVICE_PORT": "5432",
    "CELERY_FLOWER_SERVICE_HOST": "10.0.0.2",
    "CELERY_FLOWER_SERVICE_PORT": "5555",
    "CELERY_FLOWER_PORT": "tcp://10.0.0.2:5555",
    "CELERY_FLOWER_PORT_5555_TCP": "tcp://10.0.0.2:5555",
    "CELERY_FLOWER_PORT_5555_TCP_ADDR": "10.0.0.2",
}
"""What the templates and OpenShift set, beside the addresses of the servers."""


@pytest.fixture(scope="package")
def database_url(ibutsu_postgres: URL) -> Iterator[URL]:
    """Give the URL of a database with all tables."""
    with scratch_database(ibutsu_postgres) as uri:
        settings = FlaskCelerySettings.hermetic(broker_url="redis://unused", sqlalchemy_database_uri=uri)
        with create_app(settings).app_context():
            create_schema()
            db.engine.dispose()
        yield make_url(uri)


@pytest.fixture(scope="package")
def deployment(database_url: URL, ibutsu_valkey_url: str) -> dict[str, str]:
    """Give the environment of the deployment."""
    parts = {
        "POSTGRESQL_HOST": str(database_url.host or database_url.query["host"]),
        "POSTGRESQL_USER": database_url.username,
        "POSTGRESQL_PASSWORD": database_url.password,
        "POSTGRESQL_DATABASE": database_url.database,
        "POSTGRES_PORT": str(database_url.port) if database_url.port else None,
    }
    set_parts = {name: value for name, value in parts.items() if value}
    return {**TEMPLATE, **set_parts, "CELERY_BROKER_URL": f"{ibutsu_valkey_url.removesuffix('/0')}/3"}


@pytest.fixture(scope="package")
def worker(deployment: dict[str, str]) -> Iterator[Process]:
    """Run the documented command of the worker in that environment."""
    with Process(WORKER, {**deployment, "CELERY_WORKER_CONCURRENCY": "2"}) as process:
        process.wait_for(" ready.")
        yield process


@pytest.fixture(scope="package")
def api(worker: Process, deployment: dict[str, str], database_url: URL) -> Iterator[FakeApiServer]:
    """Give an API server over the same servers as the worker."""
    del worker
    uri = database_url.render_as_string(hide_password=False)
    with FakeApiServer(uri, deployment["CELERY_BROKER_URL"]) as server:
        yield server
