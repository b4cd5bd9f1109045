"""Let Redis refuse writes while a person imports: the file is stored, and sent when Redis takes it."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from subprocess import run
from typing import TYPE_CHECKING

import pytest

from tests.integration.faults.deployment import LONG_CASES, report_of
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.faults.deployment import Deployment
    from tests.integration.faults.servers import OwnValkey


@contextmanager
def refusing(valkey: OwnValkey, fault: str) -> Iterator[None]:
    """Make Redis full, or a replica, until the block is left."""
    with valkey.client() as client:
        if fault == "full":
            client.config_set("maxmemory", "1")
            yield
            client.config_set("maxmemory", "0")
        else:
            client.execute_command("REPLICAOF", "127.0.0.1", free_port())
            yield
            client.execute_command("REPLICAOF", "NO", "ONE")


def ibutsu(deployment: Deployment, *arguments: str) -> tuple[int, str]:
    """Run the command; return its exit code and what it printed."""
    ended = run(
        [sys.executable, "-m", "ibutsu_server", *arguments],
        env={**os.environ, **deployment.settings},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_file_is_imported_though_redis_refused_its_message(
    deployment: Deployment, valkey: OwnValkey, tmp_path: Path, fault: str
) -> None:
    """The command reports that the file is stored and will be sent; the rescue sends it."""
    path = tmp_path / "report.xml"
    path.write_bytes(report_of(1))
    with refusing(valkey, fault):
        code, output = ibutsu(deployment, "import", "--no-wait", str(path))
    assert (code, "The file is stored as import " in output) == (0, True), output
    deployment.expect(1)
    assert deployment.statuses() == {"pending": 1}
    with deployment.worker():
        (running,) = deployment.upload(1, LONG_CASES)
        deployment.wait_until_running(running)
        deployment.wait_until_done()
