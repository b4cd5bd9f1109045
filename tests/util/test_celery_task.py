"""Show when a task is tried again, and what becomes of its session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import QueuePool

from ibutsu_server.celery_utils import create_flask_celery_app
from ibutsu_server.db import db
from ibutsu_server.db.models import User
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.util.celery_task import IbutsuTask, get_flask_app, set_flask_app

if TYPE_CHECKING:
    from celery import Celery

    from ibutsu_server.settings import FlaskCelerySettings


@pytest.fixture
def celery_app(app: Flask, settings: FlaskCelerySettings) -> Celery:
    """Give a Celery app whose tasks are tried twice more, at once."""
    quick = {"task_max_retries": 2, "task_retry_backoff": 1, "task_retry_backoff_max": 1}
    given = settings.model_copy(update=quick)
    return create_flask_celery_app(app, settings=given)


def attempts_of(celery_app: Celery, error: Exception, **options: Any) -> int:
    """Run a task that always raises ``error``; return how often it was run."""
    attempts = []

    @celery_app.task(shared=False, name=f"failing-{uuid4()}", **options)
    def failing() -> None:
        attempts.append(1)
        raise error

    assert failing.apply().state == "FAILURE"
    return len(attempts)


def test_an_unexpected_error_is_retried_up_to_the_bound_of_the_settings(celery_app: Celery) -> None:
    """With two retries allowed a task that always fails runs three times."""
    assert attempts_of(celery_app, RuntimeError("the network is away")) == 3


@pytest.mark.parametrize("error", [ValueError("no number"), TypeError("no text"), InvalidInputError("no id")])
def test_an_error_that_would_come_again_is_not_retried(celery_app: Celery, error: Exception) -> None:
    """Bad input ends the task at once."""
    assert attempts_of(celery_app, error) == 1


def test_a_decorator_can_say_otherwise(celery_app: Celery) -> None:
    """A task may refuse retries, or have a bound of its own."""
    assert attempts_of(celery_app, RuntimeError("x"), autoretry_for=()) == 1
    assert attempts_of(celery_app, RuntimeError("x"), max_retries=1) == 2


def test_a_task_that_fails_twice_and_then_works_succeeds(celery_app: Celery) -> None:
    """The third attempt's result is the task's."""
    attempts = []

    @celery_app.task(shared=False, name="flaky")
    def flaky() -> int:
        attempts.append(1)
        if len(attempts) < 3:
            raise RuntimeError("not yet")
        return len(attempts)

    assert flaky.apply().get() == 3


def test_a_failed_commit_is_retried_too(celery_app: Celery) -> None:
    """What only shows at the commit, after the task's last line, counts as an error of the task."""
    db.session.add(User(email="taken@example.com"))
    db.session.commit()
    attempts = []

    @celery_app.task(shared=False, name="late")
    def late() -> None:
        attempts.append(1)
        db.session.add(User(email="taken@example.com"))

    outcome = late.apply()
    assert len(attempts) == 3
    assert isinstance(outcome.result, IntegrityError)


def test_a_direct_call_raises_the_error_itself(celery_app: Celery) -> None:
    """Outside a worker nothing is retried behind the caller's back."""

    @celery_app.task(shared=False, name="direct")
    def direct() -> None:
        raise RuntimeError("seen by the caller")

    with pytest.raises(RuntimeError, match="seen by the caller"):
        direct()


@pytest.mark.parametrize("fails", [False, True])
def test_a_task_leaves_the_session_of_its_caller_alone(celery_app: Celery, fails: bool) -> None:
    """What the caller has not committed stays as it is, whether the task commits or rolls back."""
    pending = User(email="pending@example.com")
    db.session.add(pending)

    @celery_app.task(shared=False, name="store", autoretry_for=())
    def store() -> None:
        db.session.add(User(email="task@example.com"))
        db.session.flush()
        if fails:
            raise RuntimeError

    assert store.apply().failed() is fails
    assert pending in db.session.new
    with db.engine.connect() as connection:
        stored = connection.scalars(db.select(User.email)).all()
    assert stored == ([] if fails else ["task@example.com"])


def test_a_task_that_another_task_calls_has_a_transaction_of_its_own(celery_app: Celery) -> None:
    """The failure of the inner task does not undo the work of the outer one."""

    @celery_app.task(shared=False, name="inner")
    def inner() -> None:
        db.session.add(User(email="inner@example.com"))
        raise RuntimeError

    @celery_app.task(shared=False, name="outer")
    def outer() -> None:
        db.session.add(User(email="outer@example.com"))
        with pytest.raises(RuntimeError):
            inner()

    outer()
    assert db.session.scalars(db.select(User.email)).all() == ["outer@example.com"]


def test_the_session_of_a_task_ends_with_it(celery_app: Celery) -> None:
    """Its connection is free for others afterwards, also when the task failed half-way."""

    @celery_app.task(shared=False, name="leave", autoretry_for=())
    def leave() -> None:
        db.session.add(User(email="lost@example.com"))
        db.session.flush()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        leave()
    assert isinstance(db.engine.pool, QueuePool)
    assert db.engine.pool.checkedout() == 0


def test_a_task_of_a_foreign_celery_app_runs_in_the_app_that_was_set() -> None:
    """set_flask_app names the app for tasks whose Celery app has none."""
    from celery import Celery

    flask_app = Flask("set")
    flask_app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db.init_app(flask_app)
    set_flask_app(flask_app)

    @Celery("foreign", task_cls=IbutsuTask).task(shared=False, name="whose")
    def whose() -> str:
        from flask import current_app

        return current_app.name

    assert whose() == "set"
    assert get_flask_app() is flask_app
