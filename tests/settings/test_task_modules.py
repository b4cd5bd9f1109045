"""Show that ``ibutsu config check`` finds the task modules without running them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.processes import environment, loaded_modules

if TYPE_CHECKING:
    from collections.abc import Mapping

REACHABLE: Final = {"CELERY_BROKER_URL": "redis://broker/0", "SQLALCHEMY_DATABASE_URI": "sqlite://"}
VALID: Final = "The configuration of the worker is valid.\n"
LOUD: Final = "raise RuntimeError('it was run')\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a working directory with modules that fail when they are run, in packages of both kinds."""
    files: Mapping[str, str] = {
        "alone.py": LOUD,
        "quiet.py": "",
        "package/__init__.py": LOUD,
        "package/tasks.py": LOUD,
        "package/inner/__init__.py": LOUD,
        "package/inner/tasks.py": LOUD,
        "spread/over/folders/tasks.py": LOUD,
        "broken.py": "import nothing_of_that_name\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def check(folder: Path, include: str, *arguments: str) -> str:
    """Return what the check prints in ``folder``, which is not on the module path of the command."""
    command = [str(Path(sys.executable).with_name("ibutsu")), "config", "check", *arguments]
    environ = {**environment(**REACHABLE, CELERY_INCLUDE=include), "PYTHONPATH": ""}
    ended = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.stderr == ""
    return ended.stdout


@pytest.mark.parametrize(
    "module",
    [
        "alone",
        "package",
        "package.tasks",
        "package.inner.tasks",
        "spread",
        "spread.over.folders",
        "spread.over.folders.tasks",
        "ibutsu_server.tasks.db",
        "celery.contrib.abortable",
    ],
)
def test_a_module_is_found_and_not_run(folder: Path, module: str) -> None:
    """It lies in the working directory or is installed; no package around it is run either."""
    assert check(folder, module) == VALID


@pytest.mark.parametrize(
    "module",
    [
        "nowhere",
        "package.nowhere",
        "alone.tasks",
        "nowhere.tasks",
        "spread.over.nowhere",
        "package.tasks.nowhere",
    ],
)
def test_a_module_that_is_not_there_is_a_fault(folder: Path, module: str) -> None:
    """The variable, the module and the reason are named."""
    assert check(folder, module) == (
        f"CELERY_INCLUDE names the task module {module}, which cannot be imported "
        "(there is no such module); correct the name\n"
    )


@pytest.mark.parametrize(
    "name", ["package/tasks", ".tasks", "package..tasks", "package.tasks.", "pack age", "a-b"]
)
def test_text_that_is_no_name_of_a_module_is_a_fault(folder: Path, name: str) -> None:
    """A path or a relative name would end the worker with a traceback."""
    assert check(folder, f"ibutsu_server.tasks.db,{name}") == (
        f"CELERY_INCLUDE holds {name}, which is not the name of a module; write it as package.module\n"
    )


def test_a_module_is_imported_where_that_is_asked_for(folder: Path) -> None:
    """With --import a module that itself imports a missing one is a fault; without, it is found."""
    assert check(folder, "broken") == check(folder, "quiet", "--import") == VALID
    assert check(folder, "broken", "--import") == (
        "CELERY_INCLUDE names the task module broken, which cannot be imported "
        "(No module named 'nothing_of_that_name'); correct the name\n"
    )


def test_the_check_loads_no_task(folder: Path) -> None:
    """Neither our task modules nor Flask nor SQLAlchemy are imported to look for modules."""
    command = [sys.executable, "-X", "importtime", "-m", "ibutsu_server", "config", "check"]
    ended = subprocess.run(
        command, env=environment(**REACHABLE), cwd=folder, capture_output=True, text=True, check=True
    )
    loaded = loaded_modules(ended.stderr.splitlines())
    assert ended.stdout == VALID
    assert not {"ibutsu_server.tasks", "ibutsu_server.db", "flask", "sqlalchemy"} & loaded
