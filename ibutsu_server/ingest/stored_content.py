"""Read and drop the stored bytes of an uploaded file."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, Final

from sqlalchemy import select, update

from ibutsu_server.db.base import db
from ibutsu_server.db.models import ImportFile
from ibutsu_server.exceptions import ImportRejectedError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE_BYTES: Final = 1024**2
_MEMORY_BYTES: Final = 8 * 1024**2
"""Bytes of a file that stay in memory; more go to a temporary file on disk."""

# The inner query unpacks the stored value once, or each piece would unpack all that is before it: a
# concatenation is not compressed, and the limit keeps it from being computed for each piece. An empty file
# has one piece, which is empty.
_PIECES: Final = """
    COPY (
        SELECT substr(file.content, first, %(size)s)
        FROM (
            SELECT content || ''::bytea AS content FROM import_files
            WHERE import_id = %(import_id)s AND content IS NOT NULL LIMIT 1
        ) AS file, generate_series(1, greatest(length(file.content), 1), %(size)s) AS first
    ) TO STDOUT (FORMAT BINARY)
"""


def open_content(import_id: str) -> IO[bytes]:
    """Open the bytes of an uploaded file: a large one lies on disk, not in memory.

    Raises:
        ImportRejectedError: they are gone.
    """
    file = SpooledTemporaryFile(_MEMORY_BYTES)  # noqa: SIM115 - the caller closes it
    is_stored = False
    for piece in _pieces(import_id):
        is_stored = True
        file.write(piece)
    if not is_stored:
        file.close()
        message = "The uploaded file is no longer stored; upload it again."
        raise ImportRejectedError(message)
    file.seek(0)
    return file


def _pieces(import_id: str) -> Iterator[bytes]:
    """Give the content in pieces: whole, PostgreSQL's driver has it in memory several times."""
    if db.engine.dialect.name != "postgresql":
        stored = ImportFile.import_id == import_id, ImportFile.content.is_not(None)
        for content in db.session.scalars(select(ImportFile.content).where(*stored).limit(1)):
            yield content or b""
        return
    driver: Any = db.session.connection().connection.driver_connection
    with driver.cursor().copy(_PIECES, {"import_id": import_id, "size": _PIECE_BYTES}) as copy:
        copy.set_types(["bytea"])
        for (piece,) in copy.rows():
            yield piece


def clear_content(import_id: str) -> bool:
    """Drop the bytes of the uploaded file; say whether there were any."""
    clear = update(ImportFile).where(ImportFile.import_id == import_id, ImportFile.content.is_not(None))
    return db.session.scalar(clear.values(content=None).returning(ImportFile.id)) is not None
