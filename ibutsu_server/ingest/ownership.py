"""Keep an import inside its project."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from ibutsu_server.db.base import db
from ibutsu_server.db.models import Project
from ibutsu_server.exceptions import ImportRejectedError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ibutsu_server.ingest.records import UploadRecord


class Ownership:
    """Know the project that an import belongs to, and reject what points to another one.

    The project is the one the upload gives; only where it gives none may its metadata name one. What a
    file says of a project that does not exist is mere metadata.
    """

    def __init__(self, upload: UploadRecord) -> None:
        self.project_id = self._project_of(upload)

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

    def check_names(self, owners: Mapping[str, str]) -> None:
        """Reject a ``project`` property or metadata, a name or an id, that means another project.

        Args:
            owners: what has the property, such as ``The run``, by the name or id it gives.

        Raises:
            ImportRejectedError: one of them does.
        """
        for name, meant in ids_of_projects(owners).items():
            if self.project_id not in meant:
                message = (
                    f"{owners[name]} names the project {name[:100]!r}, but the upload belongs to "
                    f"{self._told}; upload it to the project it belongs to, or remove the name."
                )
                raise ImportRejectedError(message)

    @property
    def _told(self) -> str:
        return f"the project {self.project_id}" if self.project_id else "no project"

    def _project_of(self, upload: UploadRecord) -> str | None:
        if upload.project is None:
            return None
        meant = ids_of_projects([upload.project]).get(upload.project, set())
        if len(meant) == 1:
            return meant.pop()
        problem = "does not exist" if not meant else "is not the only one of that name"
        message = (
            f"The project {upload.project[:100]!r} of the upload {problem}; upload to a project by its id."
        )
        raise ImportRejectedError(message)


def ids_of_projects(names_or_ids: Collection[str]) -> dict[str, set[str]]:
    """Find the projects that have one of these names or ids: their ids, by what was given of them."""
    given_by_id: defaultdict[str, set[str]] = defaultdict(set)
    for given in names_or_ids:
        with suppress(ValueError):
            given_by_id[str(UUID(given))].add(given)
    matches = Project.name.in_(names_or_ids) | Project.id.in_(list(given_by_id))
    found: defaultdict[str, set[str]] = defaultdict(set)
    for project in db.session.execute(select(Project.id, Project.name).where(matches)):
        for given in given_by_id[project.id].union({project.name}.intersection(names_or_ids)):
            found[given].add(project.id)
    return dict(found)
