"""Show that type checkers accept the documentation, and reject what is wrong, with an installed wheel."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from tests.docs.test_code_blocks import blocks

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD: Final = """
from datetime import timedelta

from celery.schedules import crontab
from kombu import Queue

from ibutsu_server.app import create_app
from ibutsu_server.celery_utils import create_broker_celery_app, create_flask_celery_app
from ibutsu_server.settings import BeatSettings, BrokerSettings, FlaskCelerySettings


def route(name: str, *rest: object, **options: object) -> dict[str, str] | None:
    return {"queue": "imports"} if name.endswith("import") else None


create_broker_celery_app(settings=BrokerSettings())
create_broker_celery_app(settings=BrokerSettings(broker_url="redis://localhost/0", redis_socket_timeout=3))
settings = FlaskCelerySettings.hermetic(
    broker_url="redis://localhost/0",
    sqlalchemy_database_uri="sqlite://",
    task_time_limit=3600,
    include=["ibutsu_server.tasks.runs"],
    accept_content=("json",),
    celery={
        "task_routes": [route, {"reports.*": {"queue": "reports"}}],
        "task_queues": [Queue("imports")],
        "result_expires": timedelta(days=1),
        "beat_schedule": {"nightly": {"task": "reports.send", "schedule": crontab(hour=3)}},
        "worker_concurrency": "auto",
    },
)
url: str = settings.broker_url.for_celery()
limit: float = settings.task_time_limit
modules: tuple[str, ...] = settings.include
celery_app = create_flask_celery_app(create_app(settings=settings, beat=BeatSettings.hermetic()))
"""

BAD: Final = """
from ibutsu_server.celery_utils import create_broker_celery_app
from ibutsu_server.settings import BeatSettings, BrokerSettings, FlaskCelerySettings

BrokerSettings(broker_ulr="redis://localhost/0")  # wrong
BrokerSettings(redis_socket_timeout=[3])  # wrong
FlaskCelerySettings(include=[7])  # wrong
BeatSettings(prune_runs_months="many", prune_runs_enabled=[])  # wrong
FlaskCelerySettings(celery={"task_rotes": {}})  # wrong
FlaskCelerySettings(celery={"task_time_limit": "long"})  # wrong
FlaskCelerySettings(celery={"worker_pool_start_method": "forkserver"})  # wrong
FlaskCelerySettings(celery={"beat_schedule": {"nightly": {"task": "reports.send"}}})  # wrong
create_broker_celery_app(settings={"broker_url": "redis://localhost/0"})  # wrong
number: int = BrokerSettings().broker_url  # wrong
"""


class Fault(NamedTuple):
    """What a type checker reports."""

    line: int
    message: str


Faults = dict[str, list[Fault]]


@pytest.fixture(scope="session")
def user_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the examples of the documentation and the two files of a user into a folder of their own."""
    folder = tmp_path_factory.mktemp("project")
    for number, block in enumerate(blocks()):
        if block.language == "python":
            name = block.page.partition(".")[0].replace("-", "_").lower()
            (folder / f"{name}_{number}.py").write_text(block.code, encoding="utf-8")
    (folder / "good.py").write_text(GOOD)
    (folder / "bad.py").write_text(BAD)
    return folder


def run(command: list[str], folder: Path | None = None, codes: tuple[int, ...] = (0,)) -> str:
    """Run a command and return what it wrote."""
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode in codes, ended.stdout + ended.stderr
    return ended.stdout


def mypy(files: Path, python: Path) -> Faults:
    """Return what ``mypy --strict`` reports for each file, without a plugin."""
    options = ["--strict", "--config-file=", f"--python-executable={python}", "--output=json", "."]
    faults: Faults = defaultdict(list)
    for line in run([sys.executable, "-m", "mypy", *options], files, (0, 1)).splitlines():
        report = json.loads(line)
        if report["severity"] == "error":
            faults[report["file"]].append(Fault(report["line"], report["message"]))
    return faults


def pyright(files: Path, python: Path) -> Faults:
    """Return what Pyright reports for each file."""
    (files / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    options = [f"--pythonpath={python}", "--outputjson"]
    reports = json.loads(run([sys.executable, "-m", "basedpyright", *options], files, (0, 1)))
    faults: Faults = defaultdict(list)
    for report in reports["generalDiagnostics"]:
        line = report["range"]["start"]["line"] + 1
        faults[Path(report["file"]).name].append(Fault(line, report["message"]))
    return faults


@pytest.mark.parametrize("check", [mypy, pyright])
def test_right_files_are_accepted_and_wrong_lines_rejected(
    check: Callable[[Path, Path], Faults], user_files: Path, python_with_wheel: Path
) -> None:
    """README, documentation and a user's file have no fault; a wrong file has one in each wrong line."""
    faults = check(user_files, python_with_wheel)
    found_in_bad = {fault.line for fault in faults.pop("bad.py")}
    assert faults == {}
    assert found_in_bad == {
        number for number, line in enumerate(BAD.splitlines(), 1) if line.endswith("# wrong")
    }


def test_the_right_file_runs_with_the_installed_wheel(user_files: Path, python_with_wheel: Path) -> None:
    """What the type checkers accept is also what the models accept."""
    run(
        [
            "env",
            "-i",
            "CELERY_BROKER_URL=redis://localhost/0",
            str(python_with_wheel),
            "-W",
            "error",
            "good.py",
        ],
        user_files,
    )
