"""Keep an import inside its project."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import UUID

from sqlalchemy import select

from ibutsu_server.db.base import db
from ibutsu_server.db.models import Project
from ibutsu_server.exceptions import ImportRejectedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ibutsu_server.ingest.records import UploadRecord
    from ibutsu_server.settings import ImportSettings

_KEY: Final = "project"
_ORIGINAL: Final = "original_project"


class Ownership:
    """The project that all rows of an import belong to, or none.

    Only an upload that was authorised for a project may replace a run. What else is said about a project,
    by the upload's metadata or by its file, never decides and is kept as ``original_project``.
    """

    def __init__(self, project: Project | None, *, is_authorised: bool) -> None:
        self.project_id = project.id if project else None
        self._name = project and (project.name or project.id)
        self._own_names = {project.id, project.name} if project else set()
        self._is_authorised = is_authorised

    @classmethod
    def of(cls, upload: UploadRecord, named_by_file: Any, settings: ImportSettings) -> Self:
        """Return the ownership of an upload.

        Args:
            named_by_file: the project that the file as a whole names, if it does; only a text counts.

        Raises:
            ImportRejectedError: there is no such project, the name is that of several, or the settings
                refuse a project that nobody has authorised.
        """
        if upload.project_id is not None:
            return cls(_authorised_project(upload.project_id), is_authorised=True)
        named = named_by_file if upload.project is None else upload.project
        if not isinstance(named, str) or not named:
            return cls(None, is_authorised=False)
        if not settings.project_from_metadata:
            message = (
                f"Only its metadata names the project {named[:100]!r}, which the settings of the server "
                "refuse (IBUTSU_IMPORT_PROJECT_FROM_METADATA); give the project with the upload."
            )
            raise ImportRejectedError(message)
        return cls(_project_called(named), is_authorised=False)

    def may_replace(self, project_id: str | None) -> bool:
        """Say whether a run of this project may be replaced; a run without a project never."""
        return self._is_authorised and project_id is not None and project_id == self.project_id

    def settle(self, metadata: dict[str, Any], *claims: Any) -> dict[str, Any]:
        """Return metadata that names no project but the row's own; ``original_project`` keeps the others.

        Args:
            claims: what is said about the project beside the metadata; None is nothing.
        """
        properties = metadata.get("properties")
        in_properties = isinstance(properties, dict) and _KEY in properties
        if not in_properties and _KEY not in metadata and claims.count(None) == len(claims):
            return metadata
        settled = dict(metadata)
        said = [metadata.get(_ORIGINAL), metadata.get(_KEY), *claims]
        if isinstance(properties, dict) and in_properties:
            said.append(properties[_KEY])
            settled["properties"] = {name: value for name, value in properties.items() if name != _KEY}
        if not self._is_own(metadata.get(_KEY)):
            settled[_KEY] = self._name
            if self._name is None:
                del settled[_KEY]
        others = self._others(said)
        if others:
            settled[_ORIGINAL] = others[0] if len(others) == 1 else others
        return settled

    def _others(self, said: Iterable[Any]) -> list[Any]:
        others: list[Any] = []
        for value in said:
            for one in value if isinstance(value, list) else [value]:
                if not self._is_own(one) and one not in others:
                    others.append(one)
        return others

    def _is_own(self, value: Any) -> bool:
        """Say whether a value means the project of the rows, or nothing."""
        if isinstance(value, str) and value:
            return value in self._own_names or value.lower() == self.project_id
        return value is None or value == ""


def projects_called(name_or_id: str) -> Sequence[Project]:
    """Return the project that has this id, else those that have this name."""
    with suppress(ValueError):
        project = db.session.get(Project, str(UUID(name_or_id)))
        if project is not None:
            return [project]
    return db.session.scalars(select(Project).where(Project.name == name_or_id)).all()


def _authorised_project(name_or_id: str) -> Project:
    project = _project_called(name_or_id)
    if project is None:
        message = f"The project {name_or_id[:100]!r} of the upload does not exist; upload to one that does."
        raise ImportRejectedError(message)
    return project


def _project_called(name_or_id: str) -> Project | None:
    found = projects_called(name_or_id)
    if len(found) > 1:
        message = f"More than one project is called {name_or_id[:100]!r}; upload to a project by its id."
        raise ImportRejectedError(message)
    return found[0] if found else None
