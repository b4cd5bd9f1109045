"""The environment that a file gives a process elsewhere, and how it is put together."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ibutsu_server.constants import LARGEST_SETTINGS_FILE
from ibutsu_server.exceptions import ConfigurationError, Fault
from ibutsu_server.settings.origins import UNKNOWN, Found, Origin
from ibutsu_server.settings.server import ServerSettings
from ibutsu_server.settings.source_kinds import FILE_SUFFIX
from ibutsu_server.settings.sources import PLACES, Sources, read_env_file
from ibutsu_server.settings.spelling import known_names
from ibutsu_server.settings.tree import roles_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ibutsu_server.settings.manifest.nodes import Node

_LONGEST: Final = 20_000_000
"""Characters that all environments may have together, each variable counted as :data:`_ONE_VARIABLE` more."""

_ONE_VARIABLE: Final = 100


class Environment(NamedTuple):
    """The variables that files give one container, or one process."""

    name: str
    """Such as ``service worker`` or ``Deployment ibutsu-worker, container worker``."""

    role: str | None
    """The role of the process in it, as far as its command or its name says so."""

    file: str
    line: int | None
    """Where it begins, counted from 1."""

    variables: Mapping[str, Found]
    is_complete: bool
    """False where it refers to variables that cannot be read here."""

    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    notes: tuple[Fault, ...] = ()
    """What cannot be judged from here, which is neither a fault nor a warning."""

    @property
    def sources(self) -> Sources:
        """Return what settings are read from in it."""
        return Sources(deployed=self.variables, is_complete=self.is_complete)

    def placed(self, fault: Fault) -> Fault:
        """Return ``fault`` with its file and line: that of its variable, else of the environment."""
        if fault.file is not None:
            return fault
        name = fault.name.partition(" in ")[0]
        found = self.variables.get(name)
        origin = found.origin if found else Origin("file", name, self.file, self.line)
        return Fault(origin.typed, fault.problem, origin.file, origin.line)


class Budget:
    """The length of all environments together, which repeated references would make grow without bound."""

    def __init__(self) -> None:
        self._left = _LONGEST

    def spend(self, characters: int) -> None:
        """Take ``characters`` away.

        Raises:
            ConfigurationError: there are none left.
        """
        self._left -= characters
        if self._left < 0:
            problem = (
                "refer to each other so often that they stand for too many variables; check fewer at once"
            )
            raise ConfigurationError([Fault("The given files", problem)])


@dataclass
class Draft:
    """An environment that is being put together from the parts of a file."""

    budget: Budget = field(default_factory=Budget)
    variables: dict[str, Found] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)
    is_complete: bool = True

    def set(self, name: str, value: Any, origin: Origin) -> None:
        """Set a variable; what was set before is replaced."""
        self.budget.spend(_ONE_VARIABLE + len(name))
        self.variables[name] = Found(value, origin._replace(name=name))

    def set_unknown(self, name: str, origin: Origin, reason: str) -> None:
        """Set a variable to a value that cannot be known here; ``reason`` says why."""
        self.set(name, UNKNOWN, origin)
        if name in known_names(ServerSettings) or _names_a_secret_file(name):
            self._note(self.variables[name].origin, reason)

    def set_faulty(self, name: str, node: Node, problem: str) -> None:
        """Set a variable whose value ``node`` cannot be used, and which gets no second fault."""
        self.set(name, UNKNOWN, node.origin(name))
        self.faults.append(node.fault(problem, name))

    def lacks(self, name: str, node: Node, reason: str, source: str = "it") -> None:
        """Note that ``source``, by default what is called ``name``, has variables that are not read here."""
        self.is_complete = False
        self._note(node.origin(name), f"{reason}: settings that are missing may be in {source}")

    def _note(self, origin: Origin, reason: str) -> None:
        self.notes.append(Fault(origin.typed, reason, origin.file, origin.line))

    def finish(self, name: str, role: str | None, file: str, line: int | None) -> Environment:
        """Return the environment, with a note for each variable that names a file of the container."""
        for variable, found in list(self.variables.items()):
            if not found.value or found.value is UNKNOWN:
                continue
            if variable in PLACES:
                self.is_complete = False
                reason = "names a place in the container: settings that are missing may be in it"
                self._note(found.origin, reason)
            elif _names_a_secret_file(variable):
                reason = "names a file in the container, whose content is not known here"
                self.set_unknown(variable, found.origin, reason)
        return Environment(
            name,
            role,
            file,
            line,
            self.variables,
            self.is_complete,
            tuple(self.faults),
            tuple(self.warnings),
            tuple(self.notes),
        )


def _names_a_secret_file(name: str) -> bool:
    """Tell whether ``name`` gives a setting as a file; CELERY_REDIS_TLS_CA_FILE is a setting itself."""
    known = known_names(ServerSettings)
    return name not in known and name.endswith(FILE_SUFFIX) and name.removesuffix(FILE_SUFFIX) in known


def role_of(command: Iterable[str], *names: str) -> str | None:
    """Return the role that ``command`` starts, else the first that one of ``names`` contains as a word."""
    roles = roles_of(ServerSettings)
    entry_point = re.search(rf"\bibutsu_server:({'|'.join(roles)})_app\b", " ".join(command))
    if entry_point:
        return entry_point[1]
    for name in names:
        words = re.split(r"[^a-z]", name.lower())
        named = [role for role in roles if role in words]
        if named:
            return named[0]
    return None


def environment_of_files(files: Mapping[str, bytes]) -> Environment:
    """Return the environment of ``.env`` files, given as their contents by path; later ones win."""
    draft = Draft()
    for path, data in files.items():
        if len(data) > LARGEST_SETTINGS_FILE:
            problem = f"is larger than {LARGEST_SETTINGS_FILE:,} bytes; check a smaller file"
            draft.faults.append(Fault(path, problem, path))
            continue
        try:
            variables, faults = read_env_file(data.decode(), path)
        except UnicodeDecodeError:
            draft.faults.append(Fault(path, "is not UTF-8; write the file in UTF-8", path))
            continue
        draft.variables.update(variables)
        draft.faults.extend(faults)
    return draft.finish(", ".join(files), None, next(iter(files)), None)
