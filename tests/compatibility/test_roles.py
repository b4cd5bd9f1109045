"""Show that the environment of existing templates starts every role and passes the strict check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ibutsu_server.cli import main
from tests.processes import FLOWER, SCHEDULER, Process
from tests.servers import free_port

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("role", ["worker", "scheduler", "flower"])
def test_the_environment_passes_the_strict_check(role: str, deployment: dict[str, str]) -> None:
    """Nothing in it is taken for a misspelt name."""
    result = CliRunner(env=deployment).invoke(main, ["config", "check", "--strict", "--role", role])
    assert result.output == f"The configuration of the {role} is valid.\n"


def test_the_worker_comes_up(worker: Process) -> None:
    """A time limit alone, as the templates set it, is enough; the fixture has waited for " ready."."""
    assert "ibutsu_server.tasks.runs.update_run" in worker.output


def test_the_scheduler_comes_up(deployment: dict[str, str], tmp_path: Path) -> None:
    """It reports the plan of newer deployments, with the prune of import files."""
    with Process(SCHEDULER, deployment, folder=tmp_path) as scheduler:
        scheduler.wait_for("prune-old-artifact-files, prune-old-import-files, prune-old-results")


def test_flower_comes_up(deployment: dict[str, str]) -> None:
    """It takes the login of the template."""
    with Process(FLOWER.format(port=free_port()), deployment) as flower:
        flower.wait_for("Visit me at")
    assert "hunter2" not in flower.output
