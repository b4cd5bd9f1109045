"""A deployment that a test breaks: its servers, its worker, and imports whose end can be checked."""

from __future__ import annotations

import os
import signal
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self

from sqlalchemy import create_engine, func, make_url, select
from sqlalchemy.orm import Session

from ibutsu_server.celery_utils import create_broker_celery_app
from ibutsu_server.db.models import Artifact, Import, Result, Run
from ibutsu_server.ingest.upload import TASKS
from ibutsu_server.settings import BrokerSettings
from tests.db.rows import make_import
from tests.processes import Process, running_worker
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

CASES: Final = 3
LONG_CASES: Final = 20_000
RESCUE: Final = "ibutsu_server.tasks.importers.rescue_imports"
_CASE: Final = (
    '<testcase classname="tests.TestCart" name="test_total[%d]"><system-out>said</system-out></testcase>'
)


def report_of(cases: int) -> bytes:
    """Return a JUnit report of so many cases, each with one artifact."""
    return b"<testsuite>%s</testsuite>" % "".join(_CASE % number for number in range(cases)).encode()


class Deployment:
    """A database with its imports, seen past every fault, and the settings of a worker that meets the faults.

    ``database`` is the URI that the test itself uses; the worker's may lead through a proxy.
    """

    def __init__(self, database: str, broker: str, **settings: str) -> None:
        self._engine = create_engine(
            make_url(database).set(drivername="postgresql+psycopg"), pool_pre_ping=True
        )
        self._sender = create_broker_celery_app("api", settings=BrokerSettings.hermetic(broker_url=broker))
        self._expected: dict[str, int] = {}
        self.settings: Mapping[str, str] = {
            "SQLALCHEMY_DATABASE_URI": database,
            "CELERY_BROKER_URL": broker,
            "CELERY_WORKER_CONCURRENCY": "2",
            **settings,
        }

    def __enter__(self) -> Self:
        Import.metadata.create_all(self._engine)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sender.close()
        self._engine.dispose()

    @contextmanager
    def worker(self) -> Iterator[Process]:
        """Run a worker of two children until the block is left."""
        with running_worker(self.settings) as process:
            yield process

    def store(self, number: int, cases: int = CASES) -> list[str]:
        """Store imports of reports with so many cases, and return their ids."""
        imports = [make_import(report_of(cases)) for _ in range(number)]
        ids = [each.id for each in imports]
        with Session(self._engine) as session:
            session.add_all(imports)
            session.commit()
        self._expected |= dict.fromkeys(ids, cases)
        return ids

    def send(self, ids: Sequence[str]) -> None:
        """Send the message of each import, as the API does."""
        for import_id in ids:
            self.call(TASKS["junit"], {"id": import_id}, task_id=import_id)

    def call(self, task: str, *arguments: object, task_id: str | None = None) -> None:
        """Send the message of any task."""
        self._sender.send_task(task, args=arguments, task_id=task_id)

    def wait_for_success(self, import_id: str) -> None:
        """Wait until the task that was sent for an import has ended, and check that it succeeded."""
        wait_until(lambda: self._sender.AsyncResult(import_id).ready())
        assert self._sender.AsyncResult(import_id).state == "SUCCESS"

    def upload(self, number: int, cases: int = CASES) -> list[str]:
        """Store imports and send their messages."""
        ids = self.store(number, cases)
        self.send(ids)
        return ids

    def expect(self, cases: int) -> None:
        """Expect the imports that somebody else stored to make a run of so many cases each."""
        with Session(self._engine) as session:
            for import_id in session.scalars(select(Import.id)):
                self._expected.setdefault(import_id, cases)

    def statuses(self) -> Counter[str]:
        """Return how many imports have each status."""
        with Session(self._engine) as session:
            return Counter(str(status) for status in session.scalars(select(Import.status)))

    def wait_until_running(self, import_id: str) -> None:
        """Wait until a worker has an import."""
        wait_until(lambda: self._status_of(import_id) == "running")

    def wait_until_done(self, seconds: float = 240) -> None:
        """Wait until no import is open, and check every row of all of them."""
        wait_until(lambda: not self.statuses().keys() & {"pending", "running"}, seconds)
        assert self.statuses() == {"done": len(self._expected)}, self._errors()
        with Session(self._engine) as session:
            runs = {each.id: (each.data or {})["run_id"] for each in session.scalars(select(Import))}
            counted = select(Result.run_id, func.count()).group_by(Result.run_id)
            results = {row[0]: row[1] for row in session.execute(counted)}
            files = session.scalar(select(func.count()).select_from(Artifact))
            stored = set(session.scalars(select(Run.id)))
        assert {import_id: results[run_id] for import_id, (run_id,) in runs.items()} == self._expected
        assert stored == {run_id for (run_id,) in runs.values()}
        assert files == sum(self._expected.values())

    def execute(self, statement: str) -> Any:
        """Execute a statement past the faults."""
        with self._engine.begin() as connection:
            return connection.exec_driver_sql(statement)

    @contextmanager
    def transaction(self, statement: str) -> Iterator[None]:
        """Execute a statement, and end its transaction when the block is left."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql(statement)
            yield
            connection.rollback()

    def _status_of(self, import_id: str) -> str | None:
        with Session(self._engine) as session:
            return session.scalar(select(Import.status).where(Import.id == import_id))

    def _errors(self) -> list[Any]:
        with Session(self._engine) as session:
            return [each.data for each in session.scalars(select(Import).where(Import.status != "done"))]


def kill(process: Process) -> None:
    """Kill a worker with its children, as when its machine loses power."""
    os.killpg(process.pid, signal.SIGKILL)
