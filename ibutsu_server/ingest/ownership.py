"""Keep an import inside its project."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from ibutsu_server.db.base import db
from ibutsu_server.db.models import Project
from ibutsu_server.exceptions import ImportRejectedError

if TYPE_CHECKING:
    from ibutsu_server.ingest.records import UploadRecord


class Ownership:
    """Know the project that an import belongs to, and reject what points to another one.

    The project is the one the upload gives; only where it gives none may its metadata name one. What a
    file says of a project that does not exist is mere metadata.
    """

    def __init__(self, upload: UploadRecord) -> None:
        self.project_id = self._project_of(upload)
        self._allowed: set[str] = set()

    def check_id(self, project_id: str | None, owner: str) -> None:
        """Reject a ``project_id`` field of ``owner``, such as ``The run``, that is not the import's.

        Raises:
            ImportRejectedError: it is another one.
        """
        if project_id is not None and project_id != self.project_id:
            message = (
                f"{owner} claims the project {project_id[:100]!r}, but the upload belongs to "
                f"{self._told}; upload it to the project it belongs to, or remove its project_id."
            )
            raise ImportRejectedError(message)

    def check_name(self, name: Any, owner: str) -> None:
        """Reject a ``project`` property or metadata, a name or an id, that means another project.

        Raises:
            ImportRejectedError: it does.
        """
        if not isinstance(name, str) or name in self._allowed:
            return
        meant = ids_of_projects(name)
        if meant and self.project_id not in meant:
            message = (
                f"{owner} names the project {name[:100]!r}, but the upload belongs to {self._told}; "
                "upload it to the project it belongs to, or remove the name."
            )
            raise ImportRejectedError(message)
        self._allowed.add(name)

    @property
    def _told(self) -> str:
        return f"the project {self.project_id}" if self.project_id else "no project"

    def _project_of(self, upload: UploadRecord) -> str | None:
        if upload.project is None:
            return None
        meant = ids_of_projects(upload.project)
        if len(meant) == 1:
            return meant.pop()
        problem = "does not exist" if not meant else "is not the only one of that name"
        message = (
            f"The project {upload.project[:100]!r} of the upload {problem}; upload to a project by its id."
        )
        raise ImportRejectedError(message)


def ids_of_projects(name_or_id: str) -> set[str]:
    """Give the ids of the projects that have this name or this id."""
    matches = Project.name == name_or_id
    with suppress(ValueError):
        matches |= Project.id == str(UUID(name_or_id))
    return set(db.session.scalars(select(Project.id).where(matches)))
