"""Import what lies in a store, each object once, and clear it away when its import is done.

Whoever sweeps, and however often, the id of an import is computed from the object and its version, so that
the primary key allows it once. The database says how far an object is: a sweep only does what comes next.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID, uuid5

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from ibutsu_server.db.base import db
from ibutsu_server.db.models import Import
from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.stores import IMPORTED, ObjectGoneError, StoreError
from ibutsu_server.ingest.upload import TASKS, is_result_name, project_id_of, store_upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ibutsu_server.ingest.stores import Store, StoredObject
    from ibutsu_server.settings import IntakeSettings

    Send = Callable[[str, dict[str, Any]], object]
    """Sends the task that carries out an import, with the record of it."""

logger = logging.getLogger(__name__)

REPORTED: Final = "intake_reported"
"""Key of ``Import.data`` that says that the reason of an error was written beside the object."""

_NAMESPACE: Final = UUID("5f0c2f0e-3d39-4e0b-9a0e-6b7b1c1a8f43")
"""Namespace of the ids of imports from a store."""

_AT_ONCE: Final = 200
"""Objects whose imports are looked up in one query."""

_STORABLE: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+")
"""Names that a database, and a line of a log, can hold: no control characters, and nothing but Unicode."""


class Candidate(NamedTuple):
    """A result file in the store, and the import that belongs to this version of it."""

    object: StoredObject
    import_id: str
    has_reason: bool = False
    """Whether the reason of an error lies beside it."""

    @classmethod
    def of(cls, each: StoredObject, url: str) -> Candidate:
        """Return the candidate of an object in the store at ``url``."""
        return cls(each, str(uuid5(_NAMESPACE, f"{url}/{each.name}\n{each.version}")))

    @property
    def mark(self) -> str:
        """Return the name of the object that remembers that this version was imported."""
        return f"{self.object.name}.{self.import_id}.imported"

    @property
    def reason(self) -> str:
        """Return the name of the object that says why this version was not imported."""
        return f"{self.object.name}.{self.import_id}.error.txt"

    @property
    def moved(self) -> str:
        """Return the name of the object after it was imported."""
        return f"{IMPORTED}{self.import_id}/{self.object.name}"


@dataclass
class Swept:
    """What a sweep did and found."""

    sent: int = 0
    """Objects that were stored as imports."""
    imported: int = 0
    """Objects that were moved, deleted or marked."""
    failed: int = 0
    """Objects whose reason was written beside them."""
    waiting: int = 0
    """Objects whose import has not ended."""
    given_up: int = 0
    """Objects beside which a reason lies."""
    others: int = 0
    """Objects that are not result files."""
    problems: list[str] = field(default_factory=list)
    """What the store refused, with the object."""

    @property
    def acted(self) -> int:
        """Return how many objects the sweep has done something with."""
        return self.sent + self.imported + self.failed + len(self.problems)

    def __str__(self) -> str:
        return (
            f"Sent {self.sent} imports, cleared away {self.imported} imported objects, and wrote why "
            f"{self.failed} failed; {self.waiting} wait for a worker, {self.given_up} failed before, and "
            f"{self.others} are not result files."
        )


def sweep(url: str, store: Store, settings: IntakeSettings, send: Send) -> Swept:
    """Take every object in the store one step further, and return what was done.

    An object that the store refuses to give or to move does not keep the others from being imported.

    Raises:
        InvalidInputError: there is no such project.
        StoreError, StoreOutageError: the store cannot be listed, or stopped answering.
        redis.exceptions.RedisError, kombu.exceptions.OperationalError: the broker does not answer.
    """
    project_id = None if settings.project is None else project_id_of(settings.project)
    db.session.rollback()
    return _Sweep(url, store, settings, send, project_id).carry_out()


class _Sweep:
    def __init__(
        self, url: str, store: Store, settings: IntakeSettings, send: Send, project_id: str | None
    ) -> None:
        self._url = url
        self._store = store
        self._settings = settings
        self._send = send
        self._project_id = project_id
        self._swept = Swept()

    def carry_out(self) -> Swept:
        candidates = self._unmarked(self._store.objects())
        while page := list(islice(candidates, _AT_ONCE)):
            known = _states([each.import_id for each in page])
            for each in page:
                if self._swept.acted >= self._settings.max_objects:
                    return self._swept
                try:
                    self._advance(each, *known.get(each.import_id, (None, False)))
                except ObjectGoneError:
                    logger.info("%s/%s was taken away or replaced meanwhile", self._url, each.object.name)
                except ConnectionError:  # an outage is not the fault of the object
                    raise
                except (StoreError, OSError) as error:
                    self._swept.problems.append(f"{self._url}/{each.object.name}: {error}")
                finally:
                    db.session.rollback()
        return self._swept

    def _unmarked(self, listed: Iterable[StoredObject]) -> Iterator[Candidate]:
        """Yield the result files that no marker says are imported.

        A marker is listed after its object, and what is listed between them begins with the object's name
        too. So the names of the candidates that are held back begin with each other, and there are no more of
        them than a name has characters.
        """
        held: list[Candidate] = []
        for each in listed:
            while held and not each.name.startswith(held[-1].object.name):
                yield held.pop()
            for place, candidate in enumerate(held):
                if each.name == candidate.mark:
                    del held[place]
                    break
                if each.name == candidate.reason:
                    held[place] = candidate._replace(has_reason=True)
                    break
            else:
                if _is_taken(each.name):
                    held.append(Candidate.of(each, self._url))
                else:
                    self._swept.others += 1
        yield from reversed(held)

    def _advance(self, candidate: Candidate, status: str | None, is_reported: bool) -> None:
        if status == "done":
            self._clear_away(candidate)
        elif status == "error" and not (candidate.has_reason and is_reported):
            self._end_or_retry(candidate)
        elif candidate.has_reason:
            self._swept.given_up += 1
        elif status is None:
            self._take_in(candidate)
        else:
            self._swept.waiting += 1

    def _take_in(self, candidate: Candidate) -> None:
        """Store the object as an import, and send it; the import's own record may be pruned."""
        if self._is_remembered(candidate):
            self._clear_away(candidate)
            return
        try:
            content = self._store.read(candidate.object, self._settings.max_object_bytes)
            import_ = store_upload(
                candidate.object.name.rpartition("/")[2],
                content,
                project=self._project_id,
                import_id=candidate.import_id,
            )
        except ImportRejectedError as error:
            db.session.rollback()
            self._write_reason(candidate, str(error))
            return
        except IntegrityError:  # another sweep was faster
            self._swept.waiting += 1
            return
        task, record = TASKS[str(import_.format)], import_.to_dict()
        db.session.rollback()  # no transaction stays open while the broker is asked
        self._swept.sent += 1
        self._send(task, record)  # where this is lost, the rescue of imports sends it

    def _is_remembered(self, candidate: Candidate) -> bool:
        match self._settings.after:
            case "move":
                return self._store.find(candidate.moved) is not None
            case "keep":
                return self._store.find(candidate.mark) is not None
            case _:
                return False

    def _clear_away(self, candidate: Candidate) -> None:
        match self._settings.after:
            case "move":
                self._store.move(candidate.object, candidate.moved)
            case "keep":
                self._store.write(candidate.mark, f"Imported as {candidate.import_id}.\n".encode())
            case _:
                self._store.remove(candidate.object)
        self._swept.imported += 1

    def _end_or_retry(self, candidate: Candidate) -> None:
        """Write why an import failed beside the object or, where somebody has taken that away, try again."""
        is_error = (Import.id == candidate.import_id, Import.status == "error")
        row = db.session.execute(select(Import.data).where(*is_error).with_for_update()).one_or_none()
        if row is None:  # another sweep has tried it again meanwhile
            return
        data = row[0] or {}
        if data.get(REPORTED) and self._store.find(candidate.reason) is None:
            # The condition counts again: another sweep may have done the same.
            if db.session.scalar(delete(Import).where(*is_error).returning(Import.id)):
                self._take_in(candidate)
            return
        if candidate.has_reason:
            self._swept.given_up += 1
        else:
            self._write_reason(candidate, str(data.get("error")))
        db.session.execute(update(Import).where(*is_error).values(data={**data, REPORTED: True}))
        db.session.commit()

    def _write_reason(self, candidate: Candidate, reason: str) -> None:
        again = f"Delete this file to try again, or replace {candidate.object.name} by another version."
        self._store.write(candidate.reason, f"{reason}\n\n{again}\n".encode())
        self._swept.failed += 1


def _is_taken(name: str) -> bool:
    """Return whether an object is a result file; what begins with a dot is hidden, or still being written."""
    is_hidden = any(part.startswith(".") for part in name.split("/"))
    return is_result_name(name) and not is_hidden and bool(_STORABLE.fullmatch(name))


def _states(import_ids: list[str]) -> dict[str, tuple[str | None, bool]]:
    """Return the status of each import that exists, and whether the reason of its error was written."""
    query = select(Import.id, Import.status, Import.data).where(Import.id.in_(import_ids))
    states = {
        import_id: (status, bool((data or {}).get(REPORTED)))
        for import_id, status, data in db.session.execute(query)
    }
    db.session.rollback()
    return states
