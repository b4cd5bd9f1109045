"""Drop what imports that have ended no longer need."""

from __future__ import annotations

from sqlalchemy import select, update

from ibutsu_server.db.base import db
from ibutsu_server.db.models import ENDED_STATUSES, Import, ImportFile
from ibutsu_server.exceptions import InvalidInputError


def clear_ended_import(import_id: str) -> bool:
    """Drop the bytes of the uploaded file of an import; return whether there were any.

    Raises:
        InvalidInputError: the import has not ended.
    """
    if not _has_ended(import_id):
        if db.session.scalar(select(Import.id).where(Import.id == import_id)) is None:
            return False
        message = (
            f"The import {import_id} has not ended and needs the content of its file: "
            "clear it when the status is done or error."
        )
        raise InvalidInputError(message)
    stored = (ImportFile.import_id == import_id, ImportFile.content.is_not(None))
    clear = update(ImportFile).where(*stored).values(content=None)
    return db.session.scalar(clear.returning(ImportFile.id)) is not None


def _has_ended(import_id: str) -> bool:
    """Return whether the import has ended, and keep it so until the transaction ends.

    One that a worker has locked is at work.
    """
    query = select(Import.status).where(Import.id == import_id).with_for_update(read=True, skip_locked=True)
    return db.session.scalar(query) in ENDED_STATUSES
