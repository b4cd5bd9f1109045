"""Send again the imports that no worker has: the database says what is due, whatever became of a message."""

from __future__ import annotations

import datetime as dt
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from sqlalchemy import func, literal, select, tuple_, update
from sqlalchemy.exc import OperationalError

from ibutsu_server.db.base import db
from ibutsu_server.db.models import Import, ImportFile
from ibutsu_server.db.types import utc_now
from ibutsu_server.ingest.importing import CLAIM, claim_of, end_in_error
from ibutsu_server.ingest.upload import task_of
from ibutsu_server.util.outages import is_held_lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ibutsu_server.settings import OutageSettings

_OPEN: Final = ("pending", "running")
_AT_ONCE: Final = 200
"""Imports that are looked at in one transaction."""

_START_BYTES: Final = 512
"""Bytes of a file that say what it is."""

MOST_RESCUES: Final = 5
"""Times that an import is taken up again after its worker vanished: the next time it is to blame itself."""

_TO_BLAME: Final = (
    f"The worker that had the import was killed {MOST_RESCUES + 1} times while it read the file, which may "
    "need more memory than a worker has. Split the file, and upload it again."
)


class Messages(Protocol):
    """The messages of imports in the broker, and what is remembered there."""

    def waiting(self) -> int:
        """Return how many messages wait in the queue of the imports."""

    def may_send(self, import_id: str) -> bool:
        """Return whether the import was not sent again lately, and remember that it is sent now."""

    def forget(self, import_id: str) -> None:
        """Forget that the import was sent."""

    def seen_for(self, import_id: str) -> float:
        """Return for how many seconds the import has been asked for by this method; 0 the first time."""

    def send(self, task: str, record: dict[str, Any]) -> None:
        """Send the task that carries out an import."""


class Rescued(NamedTuple):
    """What a rescue found and did."""

    unfinished: int
    waiting: int
    sent: int = 0
    ended: int = 0

    def __str__(self) -> str:
        ended = f", {self.ended} ended in error" if self.ended else ""
        return (
            f"Sent {self.sent} imports again{ended}; "
            f"{self.unfinished} are not finished, and {self.waiting} messages wait in the queue."
        )


def rescue_imports(messages: Messages, settings: OutageSettings) -> Rescued:
    """Send every import that is due and that no worker has.

    A worker locks the row of the import that it carries out, so that a free row says that none does. A
    worker of an earlier version locks nothing, and what it may have is left to it for an hour. No more are
    sent than there are free imports beyond the messages that wait, so that a queue that is merely long is
    not doubled.

    Raises:
        redis.exceptions.RedisError, kombu.exceptions.OperationalError: the broker does not answer.
    """
    unfinished = db.session.scalar(select(func.count()).where(Import.status.in_(_OPEN))) or 0
    waiting = messages.waiting()
    if unfinished <= waiting or not _can_write():
        db.session.rollback()
        return Rescued(unfinished, waiting)
    left = _count_free() - waiting
    sent = ended = 0
    if left <= 0:
        return Rescued(unfinished, waiting)
    for imports in _free_imports(before=utc_now() - dt.timedelta(seconds=settings.rescue_grace)):
        due = (each for each in imports if _is_due(each, messages, settings) and messages.may_send(each.id))
        chosen = list(islice(due, left - sent))
        lost = [each for each in chosen if _has_lost_its_worker_too_often(each)]
        records = [(_task_of(each), each.to_dict()) for each in chosen if each not in lost]
        for each in lost:
            end_in_error(each.id, _TO_BLAME)
        db.session.commit()
        _send(messages, records)
        sent += len(records)
        ended += len(lost)
        if sent >= left:
            break
    return Rescued(unfinished, waiting, sent, ended)


def _can_write() -> bool:
    """Return whether no import runs, on SQLite: each holds the one lock for writing as long as it runs."""
    if not _is_sqlite():
        return True
    try:
        db.session.execute(update(Import).where(Import.id.is_(None)).values(status=Import.status))
    except OperationalError as error:
        if not is_held_lock(error):
            raise
        return False
    return True


def _is_sqlite() -> bool:
    return db.engine.dialect.name == "sqlite"


def _count_free() -> int:
    free = select(Import.id).where(Import.status.in_(_OPEN)).with_for_update(key_share=True, skip_locked=True)
    number = db.session.scalar(select(func.count()).select_from(free.subquery())) or 0
    db.session.commit()  # the locks are gone again
    return number


def _free_imports(before: dt.datetime) -> Iterator[Sequence[Import]]:
    """Yield the imports that are not finished and that no worker has, page by page, each page locked.

    A page begins where the last one ended, so that each import is looked at once.
    """
    order = tuple_(Import.created, Import.id)
    query = select(Import).where(Import.status.in_(_OPEN), Import.created < before).order_by(*order.clauses)
    query = query.limit(_AT_ONCE).with_for_update(key_share=True, skip_locked=True)
    page = db.session.scalars(query, execution_options={"populate_existing": True}).all()
    while page:
        reached = tuple_(literal(page[-1].created, Import.created.type), literal(page[-1].id, Import.id.type))
        yield page
        rest = query.where(order > reached)
        page = db.session.scalars(rest, execution_options={"populate_existing": True}).all()


def _is_due(import_: Import, messages: Messages, settings: OutageSettings) -> bool:
    if import_.status == "pending" or claim_of(import_) or _is_sqlite():
        return True
    return messages.seen_for(import_.id) >= settings.foreign_age


def _has_lost_its_worker_too_often(import_: Import) -> bool:
    """Count that the import lost the worker that had claimed it, and return whether that is too often."""
    claim = claim_of(import_)
    if not claim:
        return False
    rescues: int = claim.get("rescues", 0) + 1
    import_.data = {**(import_.data or {}), CLAIM: {**claim, "rescues": rescues}}
    return rescues > MOST_RESCUES


def _task_of(import_: Import) -> str:
    start = b""
    if not import_.format:
        content = func.substr(ImportFile.content, 1, _START_BYTES)
        start = db.session.scalar(select(content).where(ImportFile.import_id == import_.id).limit(1)) or b""
    return task_of(import_.filename, import_.format, start)


def _send(messages: Messages, records: Sequence[tuple[str, dict[str, Any]]]) -> None:
    for number, (task, record) in enumerate(records):
        try:
            messages.send(task, record)
        except BaseException:  # whatever ends the sending: a mark of an unsent import would delay its rescue
            for _, unsent in records[number:]:
                messages.forget(unsent["id"])
            raise
