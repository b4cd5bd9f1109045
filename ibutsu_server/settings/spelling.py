"""Find names that are probably meant for a setting and are not one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from ibutsu_server.exceptions import Fault
from ibutsu_server.settings.celery_options import CeleryOptions
from ibutsu_server.settings.celery_table import nearest, newer_name
from ibutsu_server.settings.flower import OTHER_OPTIONS
from ibutsu_server.settings.foreign_names import COMMAND_VARIABLES, is_foreign
from ibutsu_server.settings.source_kinds import CELERY_PREFIX, FILE_SUFFIX
from ibutsu_server.settings.sources import PLACES
from ibutsu_server.settings.tree import find_setting, names_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibutsu_server.settings.base import SettingsGroup
    from ibutsu_server.settings.source_kinds import TracedSource
    from ibutsu_server.settings.sources import Sources

_LIKENESS: Final = 0.85
"""Ratio of difflib from which on one name is taken for another: other programs have such prefixes too."""

ALWAYS_OURS: Final = ("IBUTSU_", CELERY_PREFIX)
"""Prefixes that no other program of a deployment uses, but for the names that ``is_foreign`` knows."""


def misspelt_names(root: type[SettingsGroup], sources: Sources) -> Iterator[Fault]:
    """Yield the names in ``sources`` that look like a setting and do nothing, each with what to write.

    A name is left alone where the setting it resembles has a value.
    """
    known = known_names(root)
    prefixes = tuple(
        {f"{name.partition('_')[0]}_" for name in known} | {"CELERYD_", "CELERYBEAT_", "BROKER_"}
    )
    for source in sources.of(root):
        for name in source.names():
            plain = name.removesuffix(FILE_SUFFIX)
            if name in COMMAND_VARIABLES:
                problem = _overwriting(source, name)
            elif name.startswith(prefixes) and known.isdisjoint({name, plain}) and not is_foreign(name):
                problem = _problem(root, sources, plain, known)
            else:
                problem = None
            found = source.find(name) if problem else None
            if problem and found is not None:
                yield Fault(found.origin.typed, problem, found.origin.file, found.origin.line)


def _overwriting(source: TracedSource, name: str) -> str | None:
    """Return the problem of a variable that the ``celery`` command puts in place of another value."""
    present = COMMAND_VARIABLES[name]
    found, replaced = source.find(name), source.find(present)
    if found is None or (replaced is not None and replaced.value == found.value):
        return None
    return f"is read by the celery command alone, which puts it in place of {present}; write {present}"


@cache
def known_names(root: type[SettingsGroup]) -> frozenset[str]:
    """Return every name that a process reads: those of ``root``, of Celery's settings and of Flower's."""
    celerys = (f"{CELERY_PREFIX}{name.upper()}" for name in CeleryOptions.__annotations__)
    flowers = (f"FLOWER_{name.upper()}" for name in OTHER_OPTIONS)
    return frozenset({*names_in(root), *PLACES, *celerys, *flowers})


def _problem(root: type[SettingsGroup], sources: Sources, name: str, known: frozenset[str]) -> str | None:
    newer = newer_name(name)
    if newer:
        present = f"{CELERY_PREFIX}{newer.upper()}"
        return (
            None if _has_value(root, sources, present) else f"is an old name and is ignored; write {present}"
        )
    near = nearest_known(name, known)
    if near and _has_value(root, sources, near):
        return None
    kind = "a Celery setting" if name.startswith(CELERY_PREFIX) else "a setting"
    if near:
        return f"is not {kind} and is ignored; did you mean '{near}'?"
    if not name.startswith(ALWAYS_OURS):
        return None
    return f"is not {kind} and is ignored; remove it, or find its name with 'ibutsu config show'"


def nearest_known(name: str, known: frozenset[str], likeness: float = _LIKENESS) -> str | None:
    """Return the known upper-case name that ``name`` was probably meant to be."""
    near = nearest(name, (each.lower() for each in known), likeness)
    return near.upper() if near else None


def _has_value(root: type[SettingsGroup], sources: Sources, name: str) -> bool:
    found = find_setting(root, name)
    if found is None:
        return any(source.find(name) is not None for source in sources.of(root))
    return sources.hold(*found)
