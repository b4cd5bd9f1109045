"""The work of the soak, and the check of what became of it."""

from __future__ import annotations

from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from _soak_files import make_upload
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from sqlalchemy import create_engine, func, make_url, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from ibutsu_server.celery_utils import create_broker_celery_app
from ibutsu_server.db.models import Artifact, Import, Result, Run
from ibutsu_server.ingest.upload import TASKS
from ibutsu_server.settings import BrokerSettings
from ibutsu_server.util.outages import is_outage
from tests.db.rows import make_file, make_import, make_result, make_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from _soak_files import Upload

_TASKS: Final = "ibutsu_server.tasks."
_OLD: Final = 400
"""Days: older than every retention."""


@dataclass
class Stored:
    """An import, and when it was stored and seen to have ended, on the monotonic clock."""

    upload: Upload
    at: float = field(default_factory=monotonic)
    ended: float | None = None


class Work:
    """Uploads, updates, prunes and queries, as an API server sends them, and what must become of them."""

    def __init__(self, database: str, broker: str, random: Random) -> None:
        url = make_url(database).set(drivername="postgresql+psycopg")
        self._engine = create_engine(url, pool_pre_ping=True, connect_args={"options": "-c lock_timeout=1s"})
        self._broker = broker
        self._random = random
        self._is_over = Event()
        self.imports: dict[str, Stored] = {}
        self.counts: Counter[str] = Counter()
        Import.metadata.create_all(self._engine)
        self._watcher = Thread(target=self._watch)
        self._watcher.start()

    def close(self) -> None:
        """Stop looking, and close the connections."""
        self._is_over.set()
        self._watcher.join()
        self._engine.dispose()

    def go_on_for(self, seconds: float) -> None:
        """Work for so long."""
        end = monotonic() + seconds
        settings = BrokerSettings.hermetic(broker_url=self._broker)
        with closing(create_broker_celery_app("soak", settings=settings)) as sender:
            while monotonic() < end:
                self._is_over.wait(self._random.uniform(0.1, 1))
                try:
                    for task, arguments in self._next_messages():
                        self._send(sender, task, arguments)
                except DBAPIError as error:
                    if not is_outage(error):
                        raise
                    self.counts["uploads refused by PostgreSQL"] += 1

    def open_imports(self) -> int:
        """Return how many imports have not ended."""
        return sum(stored.ended is None for stored in self.imports.values())

    @property
    def longest_wait(self) -> float:
        """Return the seconds that passed at most until an import was seen to have ended."""
        return max(((each.ended or monotonic()) - each.at for each in self.imports.values()), default=0.0)

    def faults(self) -> Iterator[str]:
        """Yield what is wrong with the imports and the rows."""
        with Session(self._engine) as session:
            imports = {each.id: each for each in session.scalars(select(Import))}
            runs = {each.id: each for each in session.scalars(select(Run))}
            results = _numbers(session, Result.run_id)
            files = _numbers(session, Artifact.run_id)
            of_results = select(Result.run_id, func.count()).join(Artifact, Artifact.result_id == Result.id)
            files.update(dict(session.execute(of_results.group_by(Result.run_id)).tuples().all()))
        for import_id in imports.keys() ^ self.imports.keys():
            yield f"import {import_id} is {'missing' if import_id in self.imports else 'not ours'}"
        made = set()
        for import_id in imports.keys() & self.imports.keys():
            upload, import_ = self.imports[import_id].upload, imports[import_id]
            (run_id,) = (import_.data or {}).get("run_id", [None])
            made.add(run_id)
            if import_.status != "done" or run_id not in runs:
                yield f"import {import_id} is {import_.status}: {import_.data}"
            elif (results[run_id], files[run_id]) != (upload.results, upload.artifacts):
                yield f"run {run_id} has {results[run_id]} results, {files[run_id]} files: {upload[2:]}"
            elif runs[run_id].summary != upload.summary:
                yield f"run {run_id} has the summary {runs[run_id].summary}, not {upload.summary}"
        yield from (f"run {run_id} was not pruned, or made twice" for run_id in runs.keys() - made)

    def _next_messages(self) -> Iterator[tuple[str, list[Any]]]:
        kind = self._random.choices(("import", "update", "query", "prune", "clear"), (12, 3, 3, 1, 1))[0]
        if kind == "import":
            yield from self._store(self._random.randint(1, 4))
        elif kind == "update":
            with Session(self._engine) as session:
                for run_id in session.scalars(select(Run.id).order_by(func.random()).limit(2)):
                    yield "runs.update_run", [run_id]
        elif kind == "query":
            yield "query.query_task", [["result=failed"]]
        elif kind == "prune":
            self._store_old_run()
            for task, months in (("files", 5), ("results", 6), ("runs", 12)):
                yield f"db.prune_old_{task}", [months]
            yield "db.prune_old_import_files", [7]
        elif self.imports:
            yield "db.clear_import_file_content", [self._random.choice(list(self.imports))]

    def _store(self, number: int) -> Iterator[tuple[str, list[Any]]]:
        for _ in range(number):
            upload = make_upload(self._random)
            import_ = make_import(upload.content, format=upload.format, filename=f"soak.{upload.format}")
            import_id = import_.id
            with Session(self._engine) as session:
                session.add(import_)
                session.commit()
            self.imports[import_id] = Stored(upload)
            yield TASKS[upload.format].removeprefix(_TASKS), [{"id": import_id}]

    def _store_old_run(self) -> None:
        run = make_run(_OLD)
        result = make_result(run, age=_OLD)
        with Session(self._engine) as session:
            for row in (run, result, make_file(result, _OLD)):
                session.add(row)
                session.flush()
            session.commit()

    def _send(self, sender: Any, task: str, arguments: list[Any]) -> None:
        try:
            sender.send_task(f"{_TASKS}{task}", args=arguments, retry=False, ignore_result=True)
        except (OperationalError, RedisError):
            self.counts["messages refused by Redis"] += 1
        else:
            self.counts[task] += 1

    def _watch(self) -> None:
        while not self._is_over.wait(0.5):
            with suppress(DBAPIError), Session(self._engine) as session:
                ended = session.scalars(select(Import.id).where(Import.status.in_(("done", "error")))).all()
                for import_id in ended:
                    stored = self.imports.get(import_id)
                    if stored is not None and stored.ended is None:
                        stored.ended = monotonic()


def _numbers(session: Session, column: Any) -> Counter[str]:
    counted = select(column, func.count()).where(column.is_not(None)).group_by(column)
    return Counter(dict(session.execute(counted).tuples().all()))
