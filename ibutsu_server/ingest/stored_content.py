"""Read and drop the stored bytes of an uploaded file."""

from __future__ import annotations

from io import BytesIO
from typing import Final

from sqlalchemy import LargeBinary, select, text, update

from ibutsu_server.db.base import db
from ibutsu_server.db.models import ImportFile

_PIECE_BYTES: Final = 1024**2

# The inner query unpacks the stored value once, or each piece would unpack all that is before it: a
# concatenation is not compressed, and the limit keeps it from being computed for each piece.
_PIECES: Final = (
    text("""
        SELECT substr(file.content, first, :size)
        FROM (SELECT content || ''::bytea AS content FROM import_files WHERE id = :id LIMIT 1) AS file,
            generate_series(1, length(file.content), :size) AS first
    """)
    .columns(content=LargeBinary)
    .bindparams(size=_PIECE_BYTES)
)


def read_content(import_id: str) -> bytes | None:
    """Read the bytes of an uploaded file, in memory once; None when they are gone.

    A value that comes whole is in memory several times with PostgreSQL's driver, as hexadecimal digits too.
    """
    stored = ImportFile.import_id == import_id, ImportFile.content.is_not(None)
    if db.engine.dialect.name != "postgresql":
        return db.session.scalar(select(ImportFile.content).where(*stored).limit(1))
    file_id = db.session.scalar(select(ImportFile.id).where(*stored).limit(1))
    return None if file_id is None else _read_pieces(file_id)


def _read_pieces(file_id: str) -> bytes:
    content = BytesIO()
    streamed = {"stream_results": True, "max_row_buffer": 1}
    for piece in db.session.scalars(_PIECES, {"id": file_id}, execution_options=streamed):
        content.write(piece)
    return content.getvalue()


def clear_content(import_id: str) -> bool:
    """Drop the bytes of the uploaded file; say whether there were any."""
    clear = update(ImportFile).where(ImportFile.import_id == import_id, ImportFile.content.is_not(None))
    return db.session.scalar(clear.values(content=None).returning(ImportFile.id)) is not None
