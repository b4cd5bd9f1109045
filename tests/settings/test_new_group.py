"""Show that a group of settings, with its task and its beat entry, is one new file and one field.

The file is the one that the page "Add settings, a task and a beat entry" shows.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Final

import pytest

import ibutsu_server
from tests.processes import SCHEDULER, WORKER, Process, environment

PACKAGE: Final = Path(ibutsu_server.__file__).parent
DOCS: Final = Path(__file__).parents[2] / "docs"

BLOCK: Final = re.compile(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", re.M)
FIELD: Final = "    greeting: GreetingSettings = setting()\n"
IMPORT: Final = "from ibutsu_server.settings.greeting import GreetingSettings\n"
BESIDE: Final = "    imports: ImportSettings = setting()\n"
VALID: Final = {
    "CELERY_BROKER_URL": "redis://localhost:1/0",
    "SQLALCHEMY_DATABASE_URI": "sqlite://",
    "IBUTSU_GREETING_GUEST": "Ada",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a copy of the package to which the group was added."""
    folder = tmp_path_factory.mktemp("greeting")
    copy = folder / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    block = BLOCK.search((DOCS / "extend.rst").read_text())
    assert block is not None
    (copy / "settings" / "greeting.py").write_text(dedent(block[1]))
    root = copy / "settings" / "server.py"
    text = root.read_text()
    assert text.count(BESIDE) == 1
    first_import = text.index("from ibutsu_server.settings.imports")
    text = text[:first_import] + IMPORT + text[first_import:]
    root.write_text(text.replace(BESIDE, FIELD + BESIDE))
    return folder


def variables(folder: Path) -> dict[str, str]:
    """Return the environment of a process that runs the copy."""
    return {**VALID, "PYTHONPATH": str(folder)}


def run(folder: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the copy."""
    environ = environment(**{**variables(folder), **more})
    return subprocess.run(
        [sys.executable, *command], env=environ, cwd=folder, capture_output=True, text=True, check=False
    )


def config(folder: Path, *arguments: str, **more: str) -> str:
    """Return what ``ibutsu config`` prints with the copy."""
    ended = run(folder, "-m", "ibutsu_server", "config", *arguments, **more)
    assert "Traceback" not in ended.stderr
    return ended.stdout + ended.stderr


def test_the_check_knows_the_group(folder: Path) -> None:
    """A misspelt name of the new prefix gets the right one as a suggestion."""
    assert config(folder, "check", "--strict") == "The configuration of the worker is valid.\n"
    assert "did you mean 'IBUTSU_GREETING_GUEST'?" in config(
        folder, "check", IBUTSU_GREETING_GUEST="", IBUTSU_GREETING_GEST="Ada"
    )


def test_show_and_explain_know_the_group(folder: Path) -> None:
    """The value in force, its origin and its meaning are there."""
    shown = {value["name"]: value for value in json.loads(config(folder, "show", "--json"))}
    assert shown["IBUTSU_GREETING_GUEST"]["value"] == "Ada"
    explained = config(folder, "explain", "ibutsu_greeting_guest")
    assert "Who is greeted every minute." in explained
    assert "environment variable IBUTSU_GREETING_GUEST" in explained


def test_the_schema_and_the_templates_have_the_group(folder: Path) -> None:
    """An editor completes the variable, and a starting point of every format names it."""
    schema = json.loads(config(folder, "schema"))
    greeted = schema["properties"]["IBUTSU_GREETING_GUEST"]["description"]
    assert greeted.startswith("Who is greeted every minute.")
    for format_ in ("env", "configmap", "compose"):
        assert "IBUTSU_GREETING_GUEST" in config(folder, "template", "--format", format_)


def test_the_documentation_has_the_group(folder: Path) -> None:
    """The generated page names the model and the variable."""
    script = shutil.copy(DOCS / "settings_reference.py", folder)
    assert run(folder, str(script)).returncode == 0
    page = (folder / "settings.rst").read_text()
    assert "GreetingSettings\n----------------\n\nWhom to greet.\n" in page
    assert "``IBUTSU_GREETING_GUEST``" in page


def test_the_worker_has_the_task(folder: Path) -> None:
    """The task module is imported, so that the worker lists the task when it starts."""
    with Process(WORKER, variables(folder), folder=folder) as worker:
        worker.wait_for(". greeting.greet")


def test_the_scheduler_has_the_entry(folder: Path) -> None:
    """The entry is part of the plan that the scheduler reports."""
    with Process(SCHEDULER, variables(folder), folder=folder) as beat:
        beat.wait_for("The schedule has 7 entries: greet, prune-old-artifact-files")
