"""The root of the settings: one field per group, and nothing else that lists them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from pydantic_settings import InitSettingsSource, SettingsConfigDict

from ibutsu_server.exceptions import ConfigurationError, Fault
from ibutsu_server.settings.base import CrossFault, SettingsGroup
from ibutsu_server.settings.beat import BeatSettings
from ibutsu_server.settings.database_limits import DatabaseLimits
from ibutsu_server.settings.fields import seconds_in_words, setting
from ibutsu_server.settings.flask_celery import FlaskCelerySettings
from ibutsu_server.settings.flower import FlowerSettings
from ibutsu_server.settings.imports import ImportSettings
from ibutsu_server.settings.intake import IntakeSettings
from ibutsu_server.settings.outages import OutageSettings
from ibutsu_server.settings.pruning import PruneSettings
from ibutsu_server.settings.queries import QuerySettings
from ibutsu_server.settings.sources import Sources
from ibutsu_server.settings.spelling import misspelt_names
from ibutsu_server.settings.tree import GroupsSource, groups_of, parts_of, read_groups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from pydantic_settings import PydanticBaseSettingsSource

    from ibutsu_server.settings.origins import Notes

logger = logging.getLogger(__name__)

EXTENSION: Final = "ibutsu_server"
"""Key of the settings in ``Flask.extensions``."""


class RoleSettings(NamedTuple):
    """What one role is configured with."""

    groups: dict[str, SettingsGroup]
    warnings: tuple[Fault, ...]
    server: ServerSettings | None
    """The whole tree, for a role that runs tasks."""


class ServerSettings(SettingsGroup):
    """All settings of a worker or a scheduler, group by group."""

    model_config = SettingsConfigDict(env_prefix="")

    celery: FlaskCelerySettings = setting()
    beat: BeatSettings = setting()
    database: DatabaseLimits = setting()
    imports: ImportSettings = setting()
    intake: IntakeSettings = setting()
    outages: OutageSettings = setting()
    prune: PruneSettings = setting()
    query: QuerySettings = setting()
    flower: FlowerSettings | None = None

    @classmethod
    def of_app(cls, app: Flask, *objects: SettingsGroup | None) -> Self:
        """Return the settings of ``app``, validated on first use and kept in ``app.extensions``.

        ``objects`` are groups, or a whole ``ServerSettings``. They replace what is kept, group by group; what
        an earlier call was given or read stays. With a ``FlaskCelerySettings`` among them nothing is read.

        Raises:
            ConfigurationError: with the faults of all groups at once.
        """
        kept: Self | None = app.extensions.get(EXTENSION)
        given = cls._by_field(objects)
        if kept is None:
            sources = Sources() if "celery" in given else Sources.of_process(app.config)
            kept = cls.from_sources(sources, **given)
            for warning in kept.warnings:
                logger.warning("%s", warning)
        elif given:
            kept = cls.from_sources(Sources(), **{**kept.groups(), **given})
        app.extensions[EXTENSION] = kept
        return kept

    @classmethod
    def _by_field(cls, objects: tuple[SettingsGroup | None, ...]) -> dict[str, SettingsGroup]:
        given: dict[str, SettingsGroup] = {}
        for each in objects:
            if isinstance(each, ServerSettings):
                given.update(each.groups())
            elif each is not None:
                given[cls.field_of(type(each))] = each
        return given

    @classmethod
    def field_of(cls, group: type[SettingsGroup]) -> str:
        """Return the field whose class is ``group`` or a base of it.

        Raises:
            TypeError: the tree has no such group.
        """
        for field, known in groups_of(cls).items():
            if issubclass(group, known):
                return field
        message = f"{group.__name__} is not a group of {cls.__name__}; give one of its groups, or all of it"
        raise TypeError(message)

    @classmethod
    def sources_for(
        cls, arguments: dict[str, Any], sources: Sources, notes: Notes
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the groups that a worker reads, those that were given among them, as one source."""
        notes.warnings.extend(misspelt_names(cls, sources))
        groups = GroupsSource(cls, parts_of(cls, "worker"), arguments, sources, notes)
        return (groups, InitSettingsSource(cls, init_kwargs=arguments))

    def groups(self) -> dict[str, SettingsGroup]:
        """Return the groups by their fields; those that another role reads are left out."""
        return {
            field: group for field in type(self).model_fields if (group := getattr(self, field)) is not None
        }

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """Return what is odd but usable in all groups, each once."""
        return _once((*_warnings_of(self.groups()), *super().warnings))

    @property
    def modules_to_import(self) -> tuple[str, ...]:
        """Return the modules with tasks that a worker imports, each once."""
        others = (module for group in self.groups().values() for module in group.task_modules())
        return tuple(dict.fromkeys((*self.celery.include, *others)))

    def cross_faults(self) -> Iterator[CrossFault]:
        """Yield what does not fit between the groups."""
        yield from super().cross_faults()
        budget = self.prune.time_budget
        if budget >= self.celery.task_soft_time_limit:
            limit, seconds = self.celery.first_limit()
            problem = (
                f"is {seconds_in_words(budget)}, not shorter than {limit}, which is "
                f"{seconds_in_words(seconds)}: the prune would end as a failure; lower it"
            )
            yield CrossFault((), problem, self.prune.typed_name("time_budget"))
        further = self.celery.celery.get("beat_schedule", {})
        if further and (ours := further.keys() & self._beat_entries().keys()):
            names = ", ".join(sorted(ours))
            problem = (
                f"names {names}, which other settings already plan; change those, or choose another name"
            )
            yield CrossFault((), problem, self.celery.typed_name("celery.beat_schedule"))

    def to_celery(self) -> dict[str, Any]:
        """Return Celery's whole configuration of a worker or a scheduler, by its lower-case names."""
        configuration = {
            **self.celery.to_celery(),
            **self.beat.to_celery(),
            "include": self.modules_to_import,
        }
        further = self.celery.celery.thaw().get("beat_schedule", {})
        return {**configuration, "beat_schedule": {**self._beat_entries(), **further}}

    def _beat_entries(self) -> dict[str, dict[str, Any]]:
        return {
            name: entry for group in self.groups().values() for name, entry in group.beat_entries().items()
        }


def read_role(role: str, sources: Sources) -> RoleSettings:
    """Return the groups that ``role`` reads.

    Raises:
        ConfigurationError: with the faults of all groups at once, and what was noticed beside them.
    """
    parts = parts_of(ServerSettings, role)
    if parts == parts_of(ServerSettings, "worker"):
        server = ServerSettings.from_sources(sources)
        return RoleSettings(server.groups(), server.warnings, server)
    odd = tuple(misspelt_names(ServerSettings, sources))
    try:
        groups = read_groups(parts, sources, {})
    except ConfigurationError as error:
        raise ConfigurationError(error.faults, (*error.warnings, *odd)) from None
    return RoleSettings(groups, _once((*_warnings_of(groups), *odd)), None)


def _warnings_of(groups: dict[str, SettingsGroup]) -> Iterator[Fault]:
    return (warning for group in groups.values() for warning in group.warnings)


def _once(warnings: tuple[Fault, ...]) -> tuple[Fault, ...]:
    return tuple(dict.fromkeys(warnings))
