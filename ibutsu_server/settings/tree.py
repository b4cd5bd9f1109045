"""Walk the tree of settings: the groups of the root model, and which of them a role reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic_settings import PydanticBaseSettingsSource

from ibutsu_server.exceptions import ConfigurationError, Fault
from ibutsu_server.settings.base import SettingsGroup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic.fields import FieldInfo

    from ibutsu_server.settings.origins import Notes
    from ibutsu_server.settings.sources import Sources

Group = TypeVar("Group", bound=SettingsGroup)


def groups_of(root: type[SettingsGroup]) -> dict[str, type[SettingsGroup]]:
    """Return the class of each group of ``root`` by its field."""
    return {name: _group_class(field) for name, field in root.model_fields.items()}


def _group_class(field: FieldInfo) -> type[SettingsGroup]:
    candidates = (field.annotation, *get_args(field.annotation))
    return next(each for each in candidates if isinstance(each, type) and issubclass(each, SettingsGroup))


def parts_of(root: type[SettingsGroup], role: str) -> dict[str, type[SettingsGroup]]:
    """Return what ``role`` reads of each group: the group, the base of it that the role needs, or nothing."""
    parts = {field: _part_of(group, role) for field, group in groups_of(root).items()}
    return {field: part for field, part in parts.items() if part is not None}


def roles_of(root: type[SettingsGroup]) -> tuple[str, ...]:
    """Return the roles that any group of ``root``, or a base of one, is read by: worker first."""
    groups = [base for group in groups_of(root).values() for base in group.__mro__]
    named = {role for base in groups if issubclass(base, SettingsGroup) for role in base.roles}
    return tuple(sorted(named, key=lambda role: (role != "worker", role == "flower", role)))


def _part_of(group: type[SettingsGroup], role: str) -> type[SettingsGroup] | None:
    for base in group.__mro__:
        if base is SettingsGroup:
            return None
        if issubclass(base, SettingsGroup) and role in base.roles:
            return base
    return None


def read_groups(
    parts: Mapping[str, type[SettingsGroup]], sources: Sources, given: Mapping[str, SettingsGroup]
) -> dict[str, SettingsGroup]:
    """Return the groups that are ``given``, and the other ones read from ``sources``, by their fields.

    They are adapted to each other in their order: each one to what those before it have become.

    Raises:
        ConfigurationError: with the faults of all groups at once.
    """
    groups: dict[str, SettingsGroup] = {}
    faults: list[Fault] = []
    warnings: list[Fault] = []
    for field, part in parts.items():
        try:
            group = given[field] if field in given else part.from_sources(sources)
        except ConfigurationError as error:
            faults.extend(error.faults)
            warnings.extend(error.warnings)
        else:
            groups[field] = group
            warnings.extend(group.warnings)
    if faults:
        raise ConfigurationError(faults, warnings)
    adapted = {field: group.as_given() for field, group in groups.items()}
    for field in adapted:
        adapted[field] = adapted[field].adapted_to(adapted)
    return adapted


def find_setting(root: type[SettingsGroup], name: str) -> tuple[type[SettingsGroup], str] | None:
    """Return the group and the field that have ``name``, present or older, as their environment name."""
    for group in groups_of(root).values():
        for field in group.model_fields:
            if field not in group.open_fields and name in group.names_of(field):
                return group, field
    return None


def names_in(root: type[SettingsGroup]) -> Iterator[str]:
    """Yield every environment name of every group, older ones included."""
    for group in groups_of(root).values():
        for field in group.model_fields:
            if field not in group.open_fields:
                yield from group.names_of(field)


class GroupsSource(PydanticBaseSettingsSource):
    """The groups of a root model, each given or read from its own sources, and adapted to each other."""

    def __init__(
        self,
        root: type[SettingsGroup],
        parts: Mapping[str, type[SettingsGroup]],
        arguments: Mapping[str, Any],
        sources: Sources,
        notes: Notes,
    ) -> None:
        super().__init__(root)
        self.settings_cls: type[SettingsGroup] = root
        self._parts = parts
        self._arguments = arguments
        self._sources = sources
        self._notes = notes

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return nothing: the groups depend on each other and are read together."""
        del field
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the groups, those that were given as arguments included."""
        groups = groups_of(self.settings_cls)
        given = {name: group for name, group in self._arguments.items() if name in groups}
        faults = [
            Fault(name, f"must be an object of the class {groups[name].__name__}")
            for name, group in given.items()
            if not isinstance(group, groups[name])
        ]
        if faults:
            raise ConfigurationError(faults)
        try:
            return dict(read_groups(self._parts, self._sources, given))
        except ConfigurationError as error:
            raise ConfigurationError(error.faults, (*error.warnings, *self._notes.warnings)) from None
