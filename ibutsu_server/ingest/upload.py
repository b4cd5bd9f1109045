"""Store an uploaded file beside an import that waits for a worker."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

from sqlalchemy import select

from ibutsu_server.db.base import db
from ibutsu_server.db.models import Import, ImportFile, Project
from ibutsu_server.exceptions import ImportRejectedError, InvalidInputError
from ibutsu_server.ingest.opening import Look
from ibutsu_server.ingest.ownership import projects_called

TASKS: Final = {
    "junit": "ibutsu_server.tasks.importers.run_junit_import",
    "archive": "ibutsu_server.tasks.importers.run_archive_import",
}
"""Task that imports a file, by the format of the import."""

RESULT_SUFFIXES: Final = (".xml", ".xml.gz", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
"""Endings of the names that are taken from a folder or a bucket."""


def is_result_name(name: str) -> bool:
    """Return whether a file that is called so is taken for a result file."""
    return name.lower().endswith(RESULT_SUFFIXES)


def store_upload(
    filename: str,
    content: bytes,
    *,
    project: str | None = None,
    source: str | None = None,
    metadata: dict[str, Any] | None = None,
    import_id: str | None = None,
) -> Import:
    """Store a file and a pending import of it; ``project`` is the name or the id of one that exists.

    The import gets an id of its own where ``import_id`` is not given.

    Raises:
        ImportRejectedError: the file is neither XML nor an archive of a usual kind.
        InvalidInputError: there is no such project.
        sqlalchemy.exc.IntegrityError: there is an import with that id.
    """
    data = {"source": source, "metadata": metadata or {}}
    if project is not None:
        data["project_id"] = project_id_of(project)
    import_ = Import(filename=filename, format=_format_of(content), data=data, status="pending")
    if import_id is not None:
        import_.id = import_id
    import_.file = ImportFile(content=content)
    db.session.add(import_)
    db.session.commit()
    return import_


def project_id_of(name_or_id: str) -> str:
    """Return the id of a project that is given by its name or id.

    Raises:
        InvalidInputError: there is none, or there are several.
    """
    found = projects_called(name_or_id)
    if len(found) == 1:
        return found[0].id
    told = "There is no project" if not found else "There is more than one project"
    message = f"{told} called {name_or_id!r}; give the name or the id of a project that exists."
    raise InvalidInputError(message)


def find_or_create_project(name: str) -> Project:
    """Return the project called ``name``; make it where there is none."""
    project = db.session.scalar(select(Project).where(Project.name == name).limit(1))
    if project is None:
        project = Project(name=name, title=name)
        db.session.add(project)
        db.session.commit()
    return project


def task_of(filename: str | None, format_: str | None, start: bytes) -> str:
    """Return the task that imports a file; ``start`` is its first 512 bytes or more.

    The existing API stores no format and sends ``.xml`` to one task, ``.tar.gz`` to the other. What is
    neither goes to the JUnit importer, which reports what is wrong with it.
    """
    if format_ in TASKS:
        return TASKS[format_]
    name = (filename or "").lower()
    if name.endswith(".xml"):
        return TASKS["junit"]
    if name.endswith((".tar.gz", ".tgz", ".tar")):
        return TASKS["archive"]
    try:
        is_archive = Look(BytesIO(start)).packing is not None
    except ImportRejectedError:  # the start of a compressed file may be too little to unpack
        is_archive = True
    return TASKS["archive" if is_archive else "junit"]


def _format_of(content: bytes) -> str:
    look = Look(BytesIO(content))
    if look.packing is not None:
        return "archive"
    look.refuse_others()
    return "junit"
