"""Check the configuration of a role: that of this process, or one that files give a process elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ibutsu_server.exceptions import ConfigurationError, Fault
from ibutsu_server.settings.server import read_role
from ibutsu_server.settings.sources import Sources
from ibutsu_server.settings.task_modules import missing_task_modules

if TYPE_CHECKING:
    from collections.abc import Callable

    from ibutsu_server.settings.manifest.environment import Environment
    from ibutsu_server.settings.server import ServerSettings


class Report(NamedTuple):
    """What the check of one configuration found."""

    subject: str
    """What was checked, such as ``the worker in compose.yaml:2 (service worker)``."""

    role: str
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    notes: tuple[Fault, ...] = ()
    """What cannot be judged from here."""

    file: str | None = None
    line: int | None = None
    """Where the configuration is written, where that is a file."""

    def strict(self) -> Report:
        """Return the report with its warnings as faults."""
        return self._replace(faults=(*self.faults, *self.warnings), warnings=())


def check_process(
    role: str, module_faults: Callable[[ServerSettings], list[Fault]] = missing_task_modules
) -> Report:
    """Check what this process would be configured with as ``role``.

    Args:
        module_faults: returns a fault for each task module that cannot be used.
    """
    try:
        _, warnings, server = read_role(role, Sources.of_process())
    except ConfigurationError as error:
        return Report(f"the {role}", role, error.faults, error.warnings)
    faults = module_faults(server) if server else ()
    return Report(f"the {role}", role, tuple(faults), warnings)


def check_environment(environment: Environment, role: str) -> Report:
    """Check what a process would be configured with as ``role`` in ``environment``.

    The task modules are not looked for: they are those of the machine that the process will run on.
    """
    faults: tuple[Fault, ...] = ()
    try:
        _, warnings, _ = read_role(role, environment.sources)
    except ConfigurationError as error:
        faults, warnings = error.faults, error.warnings
    place = environment.file if environment.line is None else f"{environment.file}:{environment.line}"
    return Report(
        f"the {role} in {place}" + (f" ({environment.name})" if environment.name != place else ""),
        role,
        (*environment.faults, *map(environment.placed, faults)),
        (*environment.warnings, *map(environment.placed, warnings)),
        environment.notes,
        environment.file,
        environment.line,
    )
