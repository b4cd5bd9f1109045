"""Take in an uploaded file: store its bytes beside an import that waits for a worker."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select

from ibutsu_server.db.base import db
from ibutsu_server.db.models import Import, ImportFile, Project
from ibutsu_server.exceptions import ImportRejectedError, InvalidInputError
from ibutsu_server.ingest.ownership import projects_called

TASKS: Final = {
    "junit": "ibutsu_server.tasks.importers.run_junit_import",
    "archive": "ibutsu_server.tasks.importers.run_archive_import",
}
"""Task that imports a file, by the format of the import."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_TAR_MAGIC: Final = b"ustar"
_TAR_MAGIC_OFFSET: Final = 257
_BYTE_ORDER_MARKS: Final = b"\xef\xbb\xbf\xff\xfe\x00"


def store_upload(
    filename: str,
    content: bytes,
    *,
    project: str | None = None,
    source: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> Import:
    """Store a file and a pending import of it; ``project`` is the name or the id of one that exists.

    Raises:
        ImportRejectedError: the file is neither XML nor a tar archive.
        InvalidInputError: there is no such project.
    """
    data = {"source": source, "metadata": metadata or {}}
    if project is not None:
        data["project_id"] = _project_id(project)
    import_ = Import(filename=filename, format=_format_of(filename, content), data=data, status="pending")
    import_.file = ImportFile(content=content)
    db.session.add(import_)
    db.session.commit()
    return import_


def find_or_create_project(name: str) -> Project:
    """Return the project called ``name``; make it where there is none."""
    project = db.session.scalar(select(Project).where(Project.name == name).limit(1))
    if project is None:
        project = Project(name=name, title=name)
        db.session.add(project)
        db.session.commit()
    return project


def _project_id(name_or_id: str) -> str:
    found = projects_called(name_or_id)
    if len(found) == 1:
        return found[0].id
    told = "There is no project" if not found else "There is more than one project"
    message = f"{told} called {name_or_id!r}; give the name or the id of a project that exists."
    raise InvalidInputError(message)


def _format_of(filename: str, content: bytes) -> str:
    magic = content[_TAR_MAGIC_OFFSET : _TAR_MAGIC_OFFSET + len(_TAR_MAGIC)]
    if content.startswith(_GZIP_MAGIC) or magic == _TAR_MAGIC:
        return "archive"
    if content[:64].lstrip(_BYTE_ORDER_MARKS + b" \t\r\n").startswith(b"<"):
        return "junit"
    message = f"{filename} is neither JUnit XML nor a tar archive of pytest-ibutsu; upload one of these."
    raise ImportRejectedError(message)
