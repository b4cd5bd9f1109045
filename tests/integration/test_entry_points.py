"""Show what the entry points load, and how they end when nothing is configured."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.processes import FLOWER, SCHEDULER, WORKER, Process, environment, loaded_modules

BROKER = "CELERY_BROKER_URL environment variable must be set"
DATABASE = "SQLALCHEMY_DATABASE_URI environment variable must be set"


@pytest.mark.parametrize(
    ("command", "missing"),
    [(WORKER, (BROKER, DATABASE)), (SCHEDULER, (BROKER, DATABASE)), (FLOWER.format(port=5555), (BROKER,))],
)
def test_an_unconfigured_process_ends_with_the_list_of_what_to_set(
    command: str, missing: tuple[str, ...]
) -> None:
    """The process ends at once, says what is missing, and shows no traceback."""
    with Process(command, {}) as process:
        assert process.wait() != 0
    assert all(sentence in process.output for sentence in missing)
    assert "Traceback" not in process.output
    assert len(process.lines) < 10


def test_a_faulty_secret_is_not_shown() -> None:
    """A message about a URL shows no password, not even one of a URL that is wrong."""
    settings = {
        "CELERY_BROKER_URL": "amqp://user:hunter2@localhost",
        "SQLALCHEMY_DATABASE_URI": "x://a:hunter2@b",
    }
    with Process(WORKER, settings) as process:
        assert process.wait() != 0
    assert "CELERY_BROKER_URL" in process.output
    assert "hunter2" not in process.output


def loaded_by(statement: str, **settings: str) -> set[str]:
    """Give the modules that a fresh interpreter loads for a statement."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", statement],
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=True,
    )
    return loaded_modules(ended.stderr.splitlines())


def test_the_monitor_loads_neither_flask_nor_database_nor_tasks() -> None:
    """Building the app of Flower imports the broker's side alone."""
    loaded = loaded_by(
        "from ibutsu_server import flower_app; flower_app.conf.broker_url",
        CELERY_BROKER_URL="redis://localhost:6379/0",
    )
    assert "celery" in loaded
    assert loaded.isdisjoint({"flask", "flask_sqlalchemy", "sqlalchemy", "psycopg"})
    assert not [name for name in loaded if name.startswith(("ibutsu_server.tasks", "ibutsu_server.db"))]


def test_the_bare_package_loads_nothing_large() -> None:
    """Importing the package alone imports neither Celery nor Flask nor SQLAlchemy."""
    assert loaded_by("import ibutsu_server").isdisjoint(
        {"celery", "flask", "sqlalchemy", "pydantic", "kombu"}
    )
