"""Carry out an import: claim it, read its file, write its run, and end it, in one transaction."""

from __future__ import annotations

import platform
from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

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
    from ibutsu_server.ingest.opening import OpenReader
    from ibutsu_server.settings import ImportSettings

Report = Callable[[int, int | None, str], None]
"""Takes the results so far, how many there are (None where it is not known), and the phase."""

CLAIM_TIMEOUT: Final = 2
"""Seconds to wait for an import that somebody else has locked, before it is left for later."""

CLAIM: Final = "claim"
"""Key of ``Import.data`` that says, until the import has ended, that a worker which locks the row took it."""

_ENDED: Final = ("done", "error")


def carry_out(import_id: str, open_reader: OpenReader, settings: ImportSettings, report: Report) -> None:
    """Import the stored file, unless the import has ended already.

    All rows and the status ``done`` become visible together, and the file's content is cleared. A file
    that can never be imported leaves no row but the status ``error``, with the reason in
    ``Import.data["error"]``; its content stays, so that a person can look into it and retry it.

    Raises:
        InvalidInputError: there is no such import.
        sqlalchemy.exc.OperationalError: somebody else holds the import's lock; it is not known whether they
            will end it.
    """
    if not _claim(import_id):
        return
    _mark_claim(import_id)
    db.session.commit()  # everybody can see that it is running
    if not _claim(import_id):
        return
    import_ = db.session.get_one(Import, import_id, populate_existing=True)
    upload = _without_claim(import_.data)
    try:
        with db.session.begin_nested():
            run_id = _write(import_, _read_upload(upload), open_reader, settings, report)
    except ImportRejectedError as error:
        end_in_error(import_id, str(error))
        return
    import_.data = {**upload, "run_id": [run_id]}
    import_.status = "done"
    clear_content(import_id)


def end_in_error(import_id: str, reason: str) -> None:
    """Set the status ``error`` and say why, unless the import has ended already."""
    _limit_waiting(f"{CLAIM_TIMEOUT}s")
    import_ = db.session.get(Import, import_id, populate_existing=True, with_for_update=True)
    if import_ is not None and import_.status not in _ENDED:
        import_.status = "error"
        import_.data = {**_without_claim(import_.data), "error": reason}
        db.session.flush()


def _claim(import_id: str) -> bool:
    """Take an import for this transaction; return whether it has not ended.

    PostgreSQL locks the row. On SQLite the update takes the one lock of the database.
    """
    _lock(import_id)
    unfinished = func.coalesce(Import.status, "").not_in(_ENDED)
    claim = update(Import).where(Import.id == import_id, unfinished).values(status="running")
    return db.session.scalar(claim.returning(Import.id)) is not None


def _mark_claim(import_id: str) -> None:
    """Say in the row that whoever runs this import keeps it locked, which older workers do not."""
    import_ = db.session.get_one(Import, import_id, populate_existing=True)
    claim = {"worker": platform.node(), "at": utc_now().isoformat(timespec="seconds")}
    import_.data = {**(import_.data or {}), CLAIM: {**claim_of(import_), **claim}}


def claim_of(import_: Import) -> dict[str, Any]:
    """Return what the worker that claimed an import wrote into it, empty where none of ours did."""
    claim = (import_.data or {}).get(CLAIM)
    return claim if isinstance(claim, dict) else {}


def _without_claim(data: dict[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (data or {}).items() if key != CLAIM}


def _lock(import_id: str) -> None:
    """Lock the row; a lock of somebody else that lasts is an error, after which the task comes again.

    The lock of a worker that was killed lasts until the database has noticed, which may be after the
    message came to another one.
    """
    _limit_waiting(f"{CLAIM_TIMEOUT}s")
    query = select(Import.id).where(Import.id == import_id).with_for_update(key_share=True)
    found = db.session.scalar(query)
    _limit_waiting("0")
    if found is None:
        message = f"There is no import {import_id}: store the file before the task is sent."
        raise InvalidInputError(message)


def _limit_waiting(limit: str) -> None:
    if db.engine.dialect.name == "postgresql":
        db.session.execute(select(func.set_config("lock_timeout", limit, True)))


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
    import_: Import, upload: UploadRecord, open_reader: OpenReader, settings: ImportSettings, report: Report
) -> str:
    filename = import_.filename or ""
    with open_content(import_.id) as content, open_reader(filename, content, settings) as reader:
        report(0, reader.total, "reading")
        results = reader.results()
        first = next(results, None)
        ownership = Ownership.of(upload, reader.run.metadata.get("project"), settings)
        with RunWriter(reader.run.id, ownership, upload, settings) as writer:
            report(0, reader.total, "results")
            for record in results if first is None else chain([first], results):
                if writer.add(record):
                    report(writer.written, reader.total, "results")
            return writer.finish(reader.run).id
