"""Carry out an import: claim it, read its file, write its run, and end it, in one transaction."""

from __future__ import annotations

import platform
from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, select, update

from ibutsu_server.db.base import db
from ibutsu_server.db.models import Import
from ibutsu_server.db.types import utc_now
from ibutsu_server.exceptions import ImportRejectedError, InvalidInputError
from ibutsu_server.ingest.ownership import Ownership
from ibutsu_server.ingest.records import UploadRecord
from ibutsu_server.ingest.stored_content import clear_content, open_content
from ibutsu_server.ingest.values import clean_json
from ibutsu_server.ingest.writer import RunWriter

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Function

    from ibutsu_server.ingest.opening import OpenReader
    from ibutsu_server.settings import ImportSettings

Report = Callable[[int, int | None, str], None]
"""Takes the results so far, how many there are (None where it is not known), and the phase."""

CLAIM_TIMEOUT: Final = 2
"""Seconds to wait for an import that another session has locked, before it is left for later."""

CLAIM: Final = "claim"
"""Key of ``Import.data`` that says, until the import has ended, that a worker which locks the row took it."""

_ENDED: Final = ("done", "error")
_IMPORTS: Final = Import.metadata.tables["imports"]


def carry_out(import_id: str, open_reader: OpenReader, settings: ImportSettings, report: Report) -> None:
    """Import the stored file, unless the import has ended already.

    All rows and the status ``done`` become visible together, and the file's content is cleared. A file
    that can never be imported leaves no row but the status ``error``, with the reason in
    ``Import.data["error"]``; its content stays, so that a person can look into it and retry it.

    Raises:
        InvalidInputError: there is no such import.
        sqlalchemy.exc.OperationalError: another session holds the import's lock; it is not known whether it
            will end it.
    """
    claimed = _claim(import_id)
    if claimed is None:
        return
    _mark_claim(claimed)
    db.session.commit()  # everybody can see that it is running
    claimed = _claim(import_id)
    if claimed is None:
        return
    upload = _without_claim(claimed.data)
    try:
        run_id = _write(claimed, _read_upload(upload), open_reader, settings, report)
    except ImportRejectedError as error:
        db.session.rollback()
        end_in_error(import_id, str(error))
        return
    _end(import_id, "done", {**upload, "run_id": [run_id]})
    clear_content(import_id)


def end_in_error(import_id: str, reason: str) -> None:
    """Set the status ``error`` and say why, unless the import has ended already or is gone.

    Raises:
        sqlalchemy.exc.OperationalError: another session holds the import's lock.
    """
    db.session.flush()  # what follows does not go through the session's objects
    claimed = _take(import_id)
    if claimed is not None:
        _end(import_id, "error", {**_without_claim(claimed.data), "error": reason})


class _Claimed(NamedTuple):
    """An import that has not ended, and which this transaction has locked."""

    id: str
    filename: str
    data: dict[str, Any]


def _claim(import_id: str) -> _Claimed | None:
    """Take an import for this transaction; None where it has ended.

    Raises:
        InvalidInputError: there is no such import.
    """
    claimed = _take(import_id)
    if claimed is None and db.session.scalar(select(Import.id).where(Import.id == import_id)) is None:
        message = f"There is no import {import_id}: store the file before the task is sent."
        raise InvalidInputError(message)
    return claimed


def _take(import_id: str) -> _Claimed | None:
    """Lock an import that has not ended, and set its status to ``running``.

    On SQLite the update takes the one lock of the database. PostgreSQL locks the row; a lock of somebody
    else that lasts is an error, after which the task comes again. The lock of a worker that was killed lasts
    until the database has noticed, which may be after the message came to another one.
    """
    unfinished = func.coalesce(Import.status, "").not_in(_ENDED)
    take = update(_IMPORTS).where(Import.id == import_id, unfinished).values(status="running")
    columns: list[ColumnElement[Any]] = [_IMPORTS.c.id, _IMPORTS.c.filename, _IMPORTS.c.data]
    if db.engine.dialect.name == "postgresql":
        db.session.execute(select(_set_lock_timeout(f"{CLAIM_TIMEOUT}s")))
        columns.append(_set_lock_timeout("0"))  # it is lifted when the row is locked
    row = db.session.execute(take.returning(*columns)).one_or_none()
    return None if row is None else _Claimed(row.id, row.filename or "", row.data or {})


def _set_lock_timeout(timeout: str) -> Function[str]:
    return func.set_config("lock_timeout", timeout, True)


def _mark_claim(claimed: _Claimed) -> None:
    """Say in the row that whoever runs this import keeps it locked, which older workers do not."""
    claim = {"worker": platform.node(), "at": utc_now().isoformat(timespec="seconds")}
    data = {**claimed.data, CLAIM: {**_claim_in(claimed.data), **claim}}
    db.session.execute(update(_IMPORTS).where(Import.id == claimed.id).values(data=data))


def _end(import_id: str, status: str, data: dict[str, Any]) -> None:
    db.session.execute(update(_IMPORTS).where(Import.id == import_id).values(status=status, data=data))


def claim_of(import_: Import) -> dict[str, Any]:
    """Return what the worker that claimed an import wrote into it, empty where none of ours did."""
    return _claim_in(import_.data or {})


def _claim_in(data: dict[str, Any]) -> dict[str, Any]:
    claim = data.get(CLAIM)
    return claim if isinstance(claim, dict) else {}


def _without_claim(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != CLAIM}


def _read_upload(data: dict[str, Any]) -> UploadRecord:
    try:
        data = clean_json(data)
    except RecursionError:
        data = {"metadata": "nested too deep"}
    project_id, source, metadata = data.get("project_id"), data.get("source"), data.get("metadata") or {}
    if not (
        isinstance(project_id, str | None) and isinstance(source, str | None) and isinstance(metadata, dict)
    ):
        message = (
            "The upload's project_id and source must be text, and its metadata a JSON object that is not "
            "nested too deep; upload the file again with such values."
        )
        raise ImportRejectedError(message)
    texts = {name: value for name, value in metadata.items() if isinstance(value, str) and value}
    return UploadRecord(
        project_id,
        project=texts.get("project"),
        source=source or texts.get("source"),
        env=texts.get("env"),
        component=texts.get("component"),
        metadata=metadata,
    )


def _write(
    claimed: _Claimed, upload: UploadRecord, open_reader: OpenReader, settings: ImportSettings, report: Report
) -> str:
    with open_content(claimed.id) as content, open_reader(claimed.filename, content, settings) as reader:
        report(0, reader.total, "reading")
        results = reader.results()
        first = next(results, None)
        ownership = Ownership.of(upload, reader.run.metadata.get("project"), settings)
        with RunWriter(reader.run.id, ownership, upload, settings) as writer:
            report(0, reader.total, "results")
            for record in results if first is None else chain([first], results):
                if writer.add(record):
                    report(writer.written, reader.total, "results")
            return writer.finish(reader.run)
