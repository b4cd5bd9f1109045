"""Show which imports are sent again, through which task, how often and how many."""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from contextlib import contextmanager
from json import loads
from tarfile import TarInfo
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.orm import Session

from ibutsu_server.db import db
from ibutsu_server.db.models import Import
from ibutsu_server.ingest.importing import CLAIM
from ibutsu_server.ingest.rescue import MOST_RESCUES, rescue_imports
from ibutsu_server.ingest.upload import TASKS
from ibutsu_server.settings import OutageSettings
from ibutsu_server.tasks.importers import run_junit_import
from ibutsu_server.util.redis_lock import get_redis_client
from ibutsu_server.worker.rescue import ImportMessages, rescue_through
from tests.db.rows import make_import, stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from celery import Celery
    from flask import Flask

    from ibutsu_server.ingest.rescue import Rescued

OLD = 0.5
"""Age in days of an import that is older than every limit."""

OURS = {CLAIM: {"worker": "gone", "at": "2026-03-01T10:00:00"}}
ONLY_POSTGRESQL = pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)


def rescue(celery_app: Celery, **settings: Any) -> Rescued:
    """Rescue with these settings, the others as they are by default."""
    rescued = rescue_through(celery_app, OutageSettings.hermetic(**settings))
    db.session.rollback()
    return rescued


def messages() -> list[tuple[str, str]]:
    """Return the task and the import of each message in the queue, the oldest first."""
    found = []
    for raw in reversed(get_redis_client().lrange("celery", 0, -1)):
        message = loads(raw)
        (record,), _, _ = loads(b64decode(message["body"]))
        found.append((message["headers"]["task"], record["id"]))
    return found


def make_imports(number: int, **columns: Any) -> list[str]:
    """Store old imports and return their ids."""
    imports = [make_import(age=OLD, **columns) for _ in range(number)]
    stored(*imports)
    return [each.id for each in imports]


@contextmanager
def worked_on(import_id: str) -> Iterator[None]:
    """Hold the lock of an import, as the worker does that carries it out."""
    with Session(db.engine) as worker:
        worker.execute(db.select(Import.id).where(Import.id == import_id).with_for_update(key_share=True))
        worker.execute(db.update(Import).where(Import.id == import_id).values(status="running"))
        yield
        worker.rollback()


@pytest.mark.parametrize(("status", "data"), [("pending", {}), ("running", OURS)])
def test_an_import_that_no_worker_has_is_sent_again(
    app: Flask, celery_app: Celery, status: str, data: dict[str, Any]
) -> None:
    """Whether its message or its worker was lost; the record that is sent is the import's."""
    (import_id,) = make_imports(1, status=status, data=data)
    assert rescue(celery_app).sent == 1
    assert messages() == [(TASKS["junit"], import_id)]


@pytest.mark.parametrize("status", ["done", "error"])
def test_an_import_that_has_ended_is_left_alone(app: Flask, celery_app: Celery, status: str) -> None:
    """There is nothing to do for it."""
    make_imports(1, status=status)
    assert rescue(celery_app) == (0, 0, 0, 0)
    assert messages() == []


def test_an_import_that_was_just_uploaded_is_left_to_its_own_message(app: Flask, celery_app: Celery) -> None:
    """Whoever stored it is about to send it."""
    stored(make_import())
    assert rescue(celery_app).sent == 0
    assert rescue(celery_app, rescue_grace=1e-9).sent == 1


@ONLY_POSTGRESQL
def test_an_import_that_a_worker_has_is_left_to_it(app: Flask, celery_app: Celery) -> None:
    """The lock of its row says that it is alive; the other one is sent."""
    busy, free = make_imports(2, status="running", data=OURS)
    with worked_on(busy):
        assert rescue(celery_app).sent == 1
    assert messages() == [(TASKS["junit"], free)]


@pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)
def test_on_sqlite_nothing_is_sent_while_an_import_runs(app: Flask, celery_app: Celery) -> None:
    """An import holds the lock of the whole database; whoever can write knows that none runs."""
    busy, _ = make_imports(2)
    db.session.execute(db.text("PRAGMA busy_timeout = 0"))
    with worked_on(busy):
        assert rescue(celery_app).sent == 0
    assert rescue(celery_app).sent == 2


@ONLY_POSTGRESQL
def test_what_an_older_worker_may_have_is_left_to_it_for_an_hour(app: Flask, celery_app: Celery) -> None:
    """It locks nothing; its import is taken when it has been seen running for so long."""
    (import_id,) = make_imports(1, status="running")
    assert rescue(celery_app).sent == 0
    assert rescue(celery_app).sent == 0
    get_redis_client().incrbyfloat(f"ibutsu-import-seen-{import_id}", -3600)
    assert rescue(celery_app).sent == 1


def test_an_import_is_sent_once_in_an_interval(app: Flask, celery_app: Celery) -> None:
    """Whoever asks; when Redis has lost its memory, with the messages in it, it is sent again at once."""
    make_imports(1)
    assert rescue(celery_app).sent == 1
    get_redis_client().delete("celery")
    assert rescue(celery_app).sent == 0
    get_redis_client().flushall()
    assert rescue(celery_app).sent == 1


def test_after_the_interval_it_is_sent_again(app: Flask, celery_app: Celery) -> None:
    """The mark in Redis ends by itself."""
    make_imports(1)
    for _ in range(2):
        get_redis_client().delete("celery")
        assert rescue(celery_app, rescue_interval=0.001).sent == 1


@ONLY_POSTGRESQL
def test_a_queue_that_is_merely_long_is_not_doubled(app: Flask, celery_app: Celery) -> None:
    """Of 10,000 pending imports, those are sent that have no message; the others wait for their turn."""
    waiting = make_imports(9_990)
    with celery_app.producer_or_acquire() as producer:
        for import_id in waiting:
            celery_app.send_task(run_junit_import.name, args=[{"id": import_id}], producer=producer)
    assert rescue(celery_app).sent == 0
    make_imports(10)
    assert rescue(celery_app) == (10_000, 9_990, 10, 0)
    assert len(messages()) == 10_000
    assert rescue(celery_app).sent == 0


def test_all_are_sent_when_all_messages_are_lost(app: Flask, celery_app: Celery) -> None:
    """Page by page, each once, the oldest first."""
    imports = make_imports(450)
    assert rescue(celery_app).sent == len(imports)
    assert Counter(import_id for _, import_id in messages()) == Counter(imports)


@ONLY_POSTGRESQL
def test_the_imports_at_work_do_not_count_as_lost(app: Flask, celery_app: Celery) -> None:
    """An import whose message is in a worker's hands makes no room for another message."""
    busy, *waiting = make_imports(3)
    for import_id in waiting:
        celery_app.send_task(run_junit_import.name, args=[{"id": import_id}])
    with worked_on(busy):
        assert rescue(celery_app) == (3, 2, 0, 0)


@pytest.mark.parametrize(
    ("filename", "format_", "content", "task"),
    [
        ("report", "junit", b"", "junit"),
        ("report.xml", "archive", b"", "archive"),
        ("report.XML", "", b"\x1f\x8b", "junit"),
        ("run.tar.gz", "", b"<", "archive"),
        ("report", "", b"\n <testsuite/>", "junit"),
        ("run", None, b"\x1f\x8b\x08", "archive"),
        ("run", "", TarInfo("run.json").tobuf(), "archive"),
        (None, "", b"what is this", "junit"),
        ("report", "", None, "junit"),
    ],
)
def test_the_task_is_found_by_format_name_or_content(
    app: Flask, celery_app: Celery, filename: str | None, format_: str, content: bytes | None, task: str
) -> None:
    """The existing API leaves the format empty, and file names may say nothing."""
    stored(make_import(content, age=OLD, filename=filename, format=format_))
    rescue(celery_app)
    assert [sent for sent, _ in messages()] == [TASKS[task]]


def test_an_import_that_kills_its_worker_every_time_ends_in_error(app: Flask, celery_app: Celery) -> None:
    """It is taken up again five times, then it says why it is not; its file stays."""
    (import_id,) = make_imports(1, status="running", data=OURS | {"source": "ci"})
    for _ in range(MOST_RESCUES):
        get_redis_client().flushall()
        assert rescue(celery_app)[2:] == (1, 0)
    get_redis_client().flushall()
    assert rescue(celery_app)[2:] == (0, 1)
    ended = db.session.get_one(Import, import_id)
    assert ended.status == "error"
    assert ended.data is not None
    assert ended.data.keys() == {"source", "error"}
    assert f"killed {MOST_RESCUES + 1} times" in ended.data["error"]


def test_a_rescued_import_that_ends_leaves_no_trace_of_its_workers(app: Flask, celery_app: Celery) -> None:
    """Its data is what it was, with the run."""
    (import_id,) = make_imports(1, status="running", data=OURS | {"source": "ci"})
    rescue(celery_app)
    run_junit_import({"id": import_id})
    ended = db.session.get_one(Import, import_id)
    assert ended.status == "done"
    assert (ended.data or {}).keys() == {"source", "run_id"}


class Refused(ImportMessages):
    """Messages that the broker refuses after the first one."""

    sent = 0

    def send(self, task: str, record: dict[str, Any]) -> None:
        """Send the first one only."""
        if self.sent:
            message = "Connection refused"
            raise ConnectionError(message)
        self.sent += 1
        super().send(task, record)


def test_what_could_not_be_sent_is_not_marked_as_sent(app: Flask, celery_app: Celery) -> None:
    """The next rescue sends it, and only it."""
    first, *others = make_imports(3)
    settings = OutageSettings.hermetic()
    with pytest.raises(ConnectionError):
        rescue_imports(Refused(celery_app, settings), settings)
    db.session.rollback()
    assert rescue(celery_app).sent == len(others)
    assert sorted(import_id for _, import_id in messages()) == sorted([first, *others])


def test_the_old_is_sent_before_the_new(app: Flask, celery_app: Celery) -> None:
    """Whoever waited longest comes first."""
    young, old = make_import(age=0.1), make_import(age=0.2)
    stored(young, old)
    rescue(celery_app)
    assert [import_id for _, import_id in messages()] == [old.id, young.id]
