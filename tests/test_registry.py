"""Show the names that the package serves lazily, and the registry behind them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest

import ibutsu_server
from ibutsu_server import _AppRegistry
from ibutsu_server.db import db
from ibutsu_server.exceptions import ConfigurationError, IbutsuError
from ibutsu_server.tasks.db import clear_import_file_content
from tests.processes import environment

IN_MEMORY = {"SQLALCHEMY_DATABASE_URI": "sqlite://", "CELERY_BROKER_URL": "redis://broker/0", "TESTING": True}


def test_importing_the_package_imports_no_framework() -> None:
    """Neither Celery nor Flask nor SQLAlchemy is loaded by ``import ibutsu_server`` alone."""
    program = (
        "import sys, ibutsu_server;"
        "print([name for name in ('celery', 'flask', 'sqlalchemy', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "program", ["pydoc.doc('ibutsu_server')", "import ibutsu_server; help(ibutsu_server)"]
)
def test_the_package_documents_itself_without_a_configuration(program: str) -> None:
    """pydoc and help() show the names, and build none of the apps behind them."""
    command = [sys.executable, "-c", f"import pydoc; {program}"]
    shown = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True).stdout
    assert "worker_app" in shown
    assert f"VERSION\n    {ibutsu_server.__version__}\n" in shown


def test_the_version_is_that_of_the_project_file() -> None:
    """There is one place where the version is written."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    assert ibutsu_server.__version__ == project["project"]["version"]


def test_the_five_names_are_served_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each name gives one app, the registry's, under its documented Celery name."""
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://broker/0")
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", "sqlite://")
    from ibutsu_server import celery_app, flask_app, flower_app, scheduler_app, worker_app

    assert flask_app is _AppRegistry.flask_app
    assert [app.main for app in (celery_app, worker_app, scheduler_app, flower_app)] == [
        "ibutsu_server",
        "ibutsu_server_worker",
        "ibutsu_server_scheduler",
        "ibutsu_server_flower",
    ]
    assert worker_app is ibutsu_server.worker_app


def test_an_unknown_name_is_an_attribute_error_and_an_import_error() -> None:
    """The lazy names do not hide a misspelt one."""
    with pytest.raises(AttributeError, match="module 'ibutsu_server' has no attribute 'wroker_app'"):
        _ = ibutsu_server.wroker_app
    with pytest.raises(ImportError):
        from ibutsu_server import wroker_app  # noqa: F401 - that is the point


def test_the_registry_holds_nothing_until_it_is_asked() -> None:
    """All five attributes are None at first, and again after a reset."""
    names = ("flask_app", "celery_app", "flower_app", "worker_app", "scheduler_app")
    assert [getattr(_AppRegistry, name) for name in names] == [None] * 5
    _AppRegistry.get_flask_app(**IN_MEMORY)
    _AppRegistry.reset()
    assert [getattr(_AppRegistry, name) for name in names] == [None] * 5


def test_extra_config_is_flask_configuration() -> None:
    """TESTING, the database and the broker can be given without an environment."""
    flask_app = _AppRegistry.get_flask_app(**IN_MEMORY)
    assert flask_app.config["TESTING"] is True
    assert _AppRegistry.get_celery_app().conf.broker_url == "redis://broker/0"


def test_initialize_apps_builds_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call builds the five apps."""
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://broker/0")
    _AppRegistry.initialize_apps(**IN_MEMORY)
    assert None not in (
        _AppRegistry.flask_app,
        _AppRegistry.celery_app,
        _AppRegistry.flower_app,
        _AppRegistry.worker_app,
        _AppRegistry.scheduler_app,
    )


def test_after_initialize_apps_a_task_called_directly_has_its_context(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A shared task finds its Flask app and database in every thread, though Flower's app was built too."""
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://broker/0")
    _AppRegistry.initialize_apps(**IN_MEMORY)
    with _AppRegistry.get_flask_app().app_context():
        db.create_all()
    import_id = str(uuid4())
    with ThreadPoolExecutor(1) as another_thread:
        answers = [
            clear_import_file_content(import_id),
            another_thread.submit(clear_import_file_content, import_id).result(),
        ]
    assert answers == [f"There is no file content of import {import_id}."] * 2


def test_threads_that_ask_at_once_get_one_app() -> None:
    """Eight threads that start together share what the first of them builds."""
    _AppRegistry.get_flask_app(**IN_MEMORY)
    barrier, apps = Barrier(8), []

    def ask() -> None:
        barrier.wait()
        apps.append(_AppRegistry.get_worker_app())

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(apps) == 8
    assert len(set(map(id, apps))) == 1


def test_a_configuration_error_reaches_an_importer_as_it_is() -> None:
    """In a program ``from ibutsu_server import worker_app`` raises; only the celery command exits."""
    with pytest.raises(ConfigurationError, match="CELERY_BROKER_URL environment variable must be set"):
        from ibutsu_server import worker_app  # noqa: F401 - its building is the point


def test_a_task_module_that_asks_for_the_app_in_work_is_told_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """An import circle through the registry ends with a sentence, not with a recursion."""
    (tmp_path / "circular_tasks.py").write_text("import ibutsu_server\nibutsu_server.worker_app\n")
    monkeypatch.syspath_prepend(tmp_path)
    _AppRegistry.get_flask_app(**IN_MEMORY, CELERY_INCLUDE="circular_tasks")
    with pytest.raises(IbutsuError, match="worker_app is being built; a task module must use shared_task"):
        _AppRegistry.get_worker_app()
