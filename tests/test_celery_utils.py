"""Show the two factories: what each Celery app is configured with, and what it keeps apart."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, current_app, has_app_context

from ibutsu_server import constants
from ibutsu_server.celery_utils import create_broker_celery_app, create_flask_celery_app
from ibutsu_server.db import db
from ibutsu_server.db.models import Project
from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings import BeatSettings, BrokerSettings, FlaskCelerySettings
from ibutsu_server.settings.flask_celery import TASK_MODULES
from ibutsu_server.tasks import create_celery_app
from ibutsu_server.tasks.db import prune_old_runs
from ibutsu_server.util.celery_task import IbutsuTask
from ibutsu_server.util.redis_lock import get_redis_client

if TYPE_CHECKING:
    from celery import Celery, Task
    from flask.testing import FlaskClient


def bare_app(**celery: Any) -> Flask:
    """Return the documented example: a bare Flask app with a CELERY dictionary and a database URI."""
    app = Flask("example")
    app.config["CELERY"] = {"broker_url": "redis://broker/3", **celery}
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    return app


def test_the_broker_app_takes_its_broker_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """CELERY_BROKER_URL is all that Flower needs."""
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://environment/0")
    app = create_broker_celery_app()
    assert app.main == "ibutsu_server_flower"
    assert app.conf.broker_url == "redis://environment/0"
    assert app.conf.result_backend == "redis://environment/0"


def test_the_broker_app_says_which_variable_is_missing() -> None:
    """Without a broker the documented sentence comes in a ValueError."""
    with pytest.raises(ValueError, match="CELERY_BROKER_URL environment variable must be set"):
        create_broker_celery_app()


def test_an_injected_broker_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an object given neither our settings nor Celery itself look into the environment."""
    for name in ("BROKER_URL", "BROKER_READ_URL", "BROKER_WRITE_URL", "RESULT_BACKEND"):
        monkeypatch.setenv(f"CELERY_{name}", "redis://environment/0")
    app = create_broker_celery_app("monitor", settings=BrokerSettings.hermetic(broker_url="redis://object/0"))
    assert app.main == "monitor"
    for name in ("broker_url", "broker_read_url", "broker_write_url", "result_backend"):
        assert getattr(app.conf, name) == "redis://object/0"


def test_the_broker_app_imports_no_flask_no_database_and_no_task() -> None:
    """A process that serves Flower never loads the server."""
    program = (
        "import sys; from ibutsu_server.celery_utils import create_broker_celery_app as create;"
        "from ibutsu_server.settings.broker import BrokerSettings;"
        "create(settings=BrokerSettings.hermetic(broker_url='redis://a/0')).conf.broker_url;"
        "print([name for name in sys.modules if name.split('.')[0] in"
        " ('flask', 'flask_sqlalchemy', 'sqlalchemy', 'psycopg') or 'ibutsu_server.tasks' in name"
        " or 'ibutsu_server.db' in name])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_documented_example_needs_no_environment() -> None:
    """Broker, includes and safety switches of config["CELERY"] are what the worker runs with."""
    app = bare_app(
        include=["ibutsu_server.tasks"],
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=False,
        worker_concurrency=3,
    )
    celery_app = create_flask_celery_app(app)
    assert celery_app.main == "ibutsu_server"
    assert celery_app.conf.broker_url == "redis://broker/3"
    assert celery_app.conf.include == ("ibutsu_server.tasks",)
    assert celery_app.conf.worker_cancel_long_running_tasks_on_connection_loss is False
    assert celery_app.conf.broker_connection_retry_on_startup is False
    assert celery_app.conf.worker_concurrency == 3
    assert app.extensions["celery"] is celery_app


def test_the_flask_config_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Celery itself would let CELERY_BROKER_URL win over everything."""
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://environment/0")
    assert create_flask_celery_app(bare_app()).conf.broker_url == "redis://broker/3"


def test_a_flask_app_is_required() -> None:
    """None is answered with the documented sentence."""
    with pytest.raises(ValueError, match="Flask app instance is required for Flask-integrated Celery app"):
        create_flask_celery_app(None)


def test_every_fault_of_the_flask_config_comes_at_once() -> None:
    """Broker, database and schedule are told together."""
    app = Flask("example")
    app.config["CELERY"] = {"broker_url": "amqp://user:hunter2@h//", "broker_ulr": "x"}
    app.config["IBUTSU_BEAT_PRUNE_RUNS_MONTHS"] = 1
    with pytest.raises(ConfigurationError) as caught:
        create_flask_celery_app(app)
    assert {fault.name for fault in caught.value.faults} == {
        'CELERY["broker_url"]',
        'CELERY["broker_ulr"]',
        "SQLALCHEMY_DATABASE_URI",
        "IBUTSU_BEAT_PRUNE_RUNS_MONTHS",
    }
    assert "hunter2" not in str(caught.value)


def test_redis_timeouts_stand_in_all_three_places(settings: FlaskCelerySettings) -> None:
    """redis_*, broker options and result backend options, in two dictionaries that are not one."""
    conf = create_flask_celery_app(Flask("x"), settings=settings).conf
    assert conf.redis_socket_timeout == constants.SOCKET_TIMEOUT
    assert conf.broker_transport_options["socket_timeout"] == constants.SOCKET_TIMEOUT
    assert conf.result_backend_transport_options["socket_timeout"] == constants.SOCKET_TIMEOUT
    assert conf.broker_transport_options is not conf.result_backend_transport_options


def test_the_five_task_modules_are_registered_under_their_documented_names(
    flask_app: tuple[FlaskClient, str],
) -> None:
    """The API server and beat find every task by name."""
    client, _token = flask_app
    celery_app = create_flask_celery_app(client.application)
    assert celery_app.conf.include == TASK_MODULES
    assert {name for name in celery_app.tasks if name.startswith("ibutsu_server.")} >= {
        "ibutsu_server.tasks.importers.run_junit_import",
        "ibutsu_server.tasks.importers.run_archive_import",
        "ibutsu_server.tasks.runs.update_run",
        "ibutsu_server.tasks.runs.sync_aborted_runs",
        "ibutsu_server.tasks.results.add_result_start_time",
        "ibutsu_server.tasks.query.query_task",
        "ibutsu_server.tasks.db.prune_old_files",
        "ibutsu_server.tasks.db.prune_old_results",
        "ibutsu_server.tasks.db.prune_old_runs",
        "ibutsu_server.tasks.db.prune_old_import_files",
        "ibutsu_server.tasks.db.clear_import_file_content",
        "ibutsu_server.tasks.db.seed_users",
    }


def test_the_flask_app_carries_database_and_celery(flask_app: tuple[FlaskClient, str]) -> None:
    """The app of a test client is the one that tasks run in."""
    client, token = flask_app
    celery_app = create_flask_celery_app(client.application, "named")
    assert celery_app.main == "named"
    assert client.application.extensions["celery"] is celery_app
    assert issubclass(celery_app.Task, IbutsuTask)
    assert celery_app.Task.flask_app is client.application
    assert token


def test_beat_settings_can_be_injected() -> None:
    """The plan of the object is the plan of the app; entries of the Flask config stay beside it."""
    own = {"own": {"task": "own.task", "schedule": 10}}
    plan = BeatSettings.hermetic(prune_runs_enabled=False, timezone="Europe/Prague")
    conf = create_flask_celery_app(bare_app(beat_schedule=own), beat=plan).conf
    assert str(conf.timezone) == "Europe/Prague"
    assert conf.beat_schedule.keys() == {
        "prune-old-artifact-files",
        "prune-old-import-files",
        "prune-old-results",
        "rescue-imports",
        "sync-aborted-runs",
        "own",
    }


def test_an_injected_object_keeps_the_environment_out(
    settings: FlaskCelerySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even a faulty environment does not matter when settings are given."""
    monkeypatch.setenv("CELERY_TASK_TIME_LIMIT", "abc")
    monkeypatch.setenv("IBUTSU_BEAT_PRUNE_RUNS_MONTHS", "abc")
    monkeypatch.setenv("CELERY_CONFIG_MODULE", "no_such_module")
    celery_app = create_flask_celery_app(Flask("x"), settings=settings)
    assert celery_app.conf.task_time_limit == settings.task_time_limit


def test_a_task_module_that_is_missing_is_told_by_name() -> None:
    """A misspelt include ends the start, under the name that was typed."""
    with pytest.raises(ConfigurationError) as caught:
        create_flask_celery_app(bare_app(include=["ibutsu_server.task.db"]))
    assert str(caught.value) == (
        'CELERY["include"] names the task module ibutsu_server.task.db, which cannot be imported '
        "(No module named 'ibutsu_server.task'); correct the name"
    )


def test_a_task_runs_in_the_flask_app_of_its_own_celery_app() -> None:
    """Two apps in one process stay apart, whichever was built last."""
    first, second = bare_app(), bare_app()
    celery_apps = [create_flask_celery_app(app) for app in (first, second)]

    def whose() -> str:
        return str(id(current_app._get_current_object()))  # type: ignore[attr-defined]  # a LocalProxy's

    tasks = [celery_app.task(shared=False, name="whose")(whose) for celery_app in celery_apps]
    assert [task() for task in tasks] == [str(id(first)), str(id(second))]
    assert [task.apply().get() for task in tasks] == [str(id(first)), str(id(second))]
    with second.app_context():
        assert tasks[0]() == str(id(first))


def test_a_shared_task_is_sent_through_the_flask_app_from_any_thread(app: Flask, celery_app: Celery) -> None:
    """Its message reaches the configured broker, not that of Flower, which was built last."""
    create_broker_celery_app(settings=BrokerSettings(broker_url="redis://monitor/0"))
    with ThreadPoolExecutor(1) as another_thread:
        sent = [prune_old_runs.delay(), another_thread.submit(lambda: prune_old_runs.delay()).result()]
    assert [result.app for result in sent] == [celery_app] * 2
    assert get_redis_client(app).llen("celery") == 2


def test_another_thread_uses_the_app_that_was_built_last() -> None:
    """Celery's default app is global: the newest Flask app serves all threads that have built none."""
    with ThreadPoolExecutor(1) as another_thread:
        for name in ("first", "second"):
            celery_app = create_flask_celery_app(bare_app(), name)
            assert another_thread.submit(lambda: prune_old_runs.app).result() is celery_app


def test_a_second_app_changes_nothing_in_the_first() -> None:
    """Configuration, schedule and task class of an app are its own."""
    first = create_flask_celery_app(bare_app(worker_concurrency=3))
    before = dict(first.conf)
    second = create_flask_celery_app(bare_app(worker_concurrency=9, broker_url="redis://other/0"))
    second.conf.beat_schedule.clear()
    second.conf.broker_transport_options["socket_timeout"] = 99
    assert dict(first.conf) == before
    assert first.conf.beat_schedule
    assert first.conf.broker_transport_options["socket_timeout"] == constants.SOCKET_TIMEOUT


def test_the_wrapper_of_the_task_package_builds_the_same_app() -> None:
    """tasks.create_celery_app() is the factory under its older name."""
    app = bare_app()
    assert create_celery_app(app, "wrapped") is app.extensions["celery"]
    with pytest.raises(ValueError, match="Flask app instance is required"):
        create_celery_app()


def test_a_task_that_returns_is_committed_and_one_that_raises_is_not(app: Flask) -> None:
    """The session is committed on success, rolled back on failure and gone either way."""
    celery_app = create_flask_celery_app(app)

    @celery_app.task(shared=False, name="store", autoretry_for=())
    def store(name: str, *, fail: bool) -> None:
        db.session.add(Project(name=name))
        db.session.flush()
        if fail:
            raise RuntimeError(name)

    store("kept", fail=False)
    with pytest.raises(RuntimeError, match="lost"):
        store("lost", fail=True)
    assert [project.name for project in db.session.query(Project)] == ["kept"]


def test_a_direct_call_outside_any_context_opens_one_and_closes_it() -> None:
    """A task called as a function finds its app, and has itself as the current task."""
    celery_app = create_flask_celery_app(bare_app())

    @celery_app.task(shared=False, name="look", bind=True)
    def look(self: Task[Any, Any]) -> tuple[bool, bool]:
        return has_app_context(), celery_app.current_task is not None and self.request.called_directly

    assert look() == (True, True)
    assert not has_app_context()
