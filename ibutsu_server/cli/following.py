"""Wait until imports have ended, whoever ends them, and draw how far they are."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import RedisError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from ibutsu_server.cli.uploads import Sent, outcome
from ibutsu_server.db.base import db
from ibutsu_server.db.models import Import
from ibutsu_server.util.outages import is_outage, reason_of
from ibutsu_server.worker.rescue import queues_of_imports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from celery import Celery

    from ibutsu_server.cli.uploads import Outcome

_POLL_SECONDS: Final = 0.5
_ASK_SECONDS: Final = 30.0
"""Seconds between two questions to the workers, and without progress after Redis did not answer."""

_ANSWER_SECONDS: Final = 1.0
_COLUMNS: Final = (
    TextColumn("{task.description}", markup=False),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
)


def follow(celery_app: Celery, imports: Sequence[Sent | Outcome]) -> list[Outcome]:
    """Wait for the imports to end, with a progress bar for each, and return how they ended.

    The row of an import says that it has ended, not the result of a task, which may be lost. No transaction
    stays open while waiting.
    """
    console = Console(stderr=True)
    consumers = _Consumers(celery_app, console)
    statuses = _Statuses(console)
    with Progress(*_COLUMNS, console=console) as progress:
        waiting = [each for each in imports if isinstance(each, Sent)]
        bars = {sent.import_id: progress.add_task(sent.file, total=None) for sent in waiting}
        progress_of = _ProgressOfTasks(celery_app)
        while waiting:
            known = statuses.read([sent.import_id for sent in waiting])
            if "pending" in known.values():
                consumers.ask()
            for sent in [each for each in waiting if known.get(each.import_id) in ("done", "error")]:
                tests = sum(run["summary"]["tests"] for run in outcome(sent).runs)
                progress.update(bars[sent.import_id], completed=tests, total=tests)
                waiting.remove(sent)
            for sent in waiting:
                progress.update(bars[sent.import_id], **progress_of(sent.task_id))
            if waiting:
                sleep(_POLL_SECONDS)
    return [outcome(each) for each in imports]


class _Statuses:
    """The status of each import, as long as the database answers; meanwhile nothing is known."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._is_away = False

    def read(self, import_ids: Sequence[str]) -> Mapping[str, str | None]:
        """Return the status by the id of the import."""
        try:
            rows = db.session.execute(select(Import.id, Import.status).where(Import.id.in_(import_ids)))
            known = {import_id: status for import_id, status in rows}  # noqa: C416 - typed rows
            db.session.rollback()
        except DBAPIError as error:
            if not is_outage(error):
                raise
            db.session().invalidate()
            if not self._is_away:
                self._console.print(f"The database does not answer: {reason_of(error)} Still waiting.")
            self._is_away = True
            return {}
        self._is_away = False
        return known


class _Consumers:
    """The workers that could take the imports."""

    def __init__(self, celery_app: Celery, console: Console) -> None:
        self._app = celery_app
        self._console = console
        self._next = 0.0
        self._last = ""

    def ask(self) -> None:
        """Print, now and then, that no worker takes the imports."""
        if monotonic() < self._next:
            return
        sentence = self._sentence()
        if sentence != self._last and sentence:
            self._console.print(sentence)
        self._last = sentence
        self._next = monotonic() + _ASK_SECONDS

    def _sentence(self) -> str:
        try:
            answers = self._app.control.inspect(timeout=_ANSWER_SECONDS).active_queues()
            queues = queues_of_imports(self._app)
        except (RedisError, OSError) as error:
            return f"The broker does not answer: {reason_of(error)} The imports are sent when it does."
        if not answers:
            return "No worker answers: the imports wait in the queue until one starts."
        consumed = {queue["name"] for each in answers.values() for queue in each}
        if queues <= consumed:
            return ""
        names = ", ".join(sorted(queues - consumed))
        return f"No worker consumes the queue {names}: the imports wait until one does."


class _ProgressOfTasks:
    """What running tasks say of their progress; it only informs, and is left out where Redis is away."""

    def __init__(self, celery_app: Celery) -> None:
        self._backend: Any = celery_app.backend
        self._next = 0.0

    def __call__(self, task_id: str | None) -> dict[str, Any]:
        """Return how far a task is, by the names of a progress bar; empty where that is not known."""
        if task_id is None or monotonic() < self._next:
            return {}
        try:
            stored = self._backend.get(self._backend.get_key_for_task(task_id))
        except RedisError:
            self._next = monotonic() + _ASK_SECONDS
            return {}
        meta = self._backend.decode_result(stored) if stored else {}
        if meta.get("status") != "PROGRESS":
            return {}
        return {"completed": meta["result"]["current"], "total": meta["result"]["total"]}
