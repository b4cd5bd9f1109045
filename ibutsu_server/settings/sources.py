"""The sources of settings, in their order.

Arguments come before all of them and defaults after. A value that is empty counts as not set.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ibutsu_server.exceptions import Fault
from ibutsu_server.settings.origins import UNKNOWN, Found, Notes, Origin
from ibutsu_server.settings.source_kinds import (
    FlaskConfigSource,
    SecretFilesSource,
    TracedSource,
    UnseenSource,
    VariablesSource,
    is_unicode,
    read_text,
    unreadable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ibutsu_server.settings.base import SettingsGroup

ENV_FILE_VARIABLE: Final = "IBUTSU_ENV_FILE"
SECRETS_DIRECTORY_VARIABLE: Final = "IBUTSU_SECRETS_DIR"
SECRETS_DIRECTORY: Final = "/run/secrets"
PLACES: Final = {
    ENV_FILE_VARIABLE: "Path of the .env file to read; .env in the working directory where it is not set.",
    SECRETS_DIRECTORY_VARIABLE: f"Directory of secret files; {SECRETS_DIRECTORY} where it is not set.",
}
"""The variables that say where settings are read from, each with its meaning."""


@dataclass(frozen=True)
class Sources:
    """The places that settings are read from; without arguments there are none."""

    flask_config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """A Flask app's config."""

    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The environment of a process."""

    env_file: Path | None = None
    """A ``.env`` file, which need not exist."""

    secrets_directory: Path | None = None
    """A directory of secret files, which need not exist."""

    deployed: Mapping[str, Found] | None = None
    """The environment that a file gives a process elsewhere; the files it names are not of this machine."""

    is_complete: bool = True
    """False where ``deployed`` lacks variables that a file refers to and that cannot be read here."""

    @classmethod
    def of_process(cls, flask_config: Mapping[str, Any] | None = None) -> Sources:
        """Return those of this process: its environment, ``.env`` in its folder, and ``/run/secrets``."""
        environ = dict(os.environ)
        return cls(
            flask_config=flask_config or {},
            environ=environ,
            env_file=Path(environ.get(ENV_FILE_VARIABLE) or ".env"),
            secrets_directory=Path(environ.get(SECRETS_DIRECTORY_VARIABLE) or SECRETS_DIRECTORY),
        )

    @property
    def are_of_this_machine(self) -> bool:
        """Tell whether the files that the settings name are files of this machine."""
        return self.deployed is None

    def of(self, model: type[SettingsGroup], notes: Notes | None = None) -> tuple[TracedSource, ...]:
        """Return the sources of ``model``, the first to win first; ``notes`` takes what they meet."""
        notes = notes if notes is not None else Notes()
        notes.faults.extend(self._faults)
        sources: list[TracedSource] = []
        if self.flask_config:
            sources.append(FlaskConfigSource(model, notes, self.flask_config))
        sources.append(VariablesSource(model, notes, self._variables))
        if self._env_file[0]:
            sources.append(VariablesSource(model, notes, self._env_file[0]))
        sources.append(SecretFilesSource(model, notes, self._paths, self._mounted_secrets[0]))
        if not self.is_complete:
            sources.append(UnseenSource(model, notes))
        return tuple(sources)

    def hold(self, model: type[SettingsGroup], *fields: str) -> bool:
        """Tell whether any source has a value for one of ``fields`` of ``model``."""
        return any(source.find_field(name) is not None for source in self.of(model) for name in fields)

    @cached_property
    def _variables(self) -> Mapping[str, Found]:
        if self.deployed is not None:
            return self.deployed
        return {
            name: Found(value, Origin("environment variable", name)) for name, value in self.environ.items()
        }

    @cached_property
    def _paths(self) -> Mapping[str, Found]:
        named = {**self._env_file[0], **self._variables}
        if self.are_of_this_machine:
            return named
        return {name: Found(UNKNOWN, found.origin) for name, found in named.items() if found.value}

    @cached_property
    def _faults(self) -> list[Fault]:
        return [*self._env_file[1], *self._mounted_secrets[1]]

    @cached_property
    def _env_file(self) -> tuple[Mapping[str, Found], list[Fault]]:
        path = self.env_file
        if path is None:
            return {}, []
        try:
            text = read_text(path)
        except FileNotFoundError:
            return {}, self._missing(ENV_FILE_VARIABLE, path)
        except (OSError, ValueError) as error:
            return {}, [Fault(ENV_FILE_VARIABLE, unreadable(path, error))]
        return read_env_file(text, str(path))

    @cached_property
    def _mounted_secrets(self) -> tuple[Mapping[str, str], list[Fault]]:
        directory = self.secrets_directory
        if directory is None:
            return {}, []
        try:
            files = [path for path in directory.iterdir() if path.is_file() and is_unicode(path.name)]
        except FileNotFoundError:
            return {}, self._missing(SECRETS_DIRECTORY_VARIABLE, directory)
        except OSError as error:
            problem = (
                f"names a directory that cannot be read: {directory} ({error.strerror}); "
                "correct the path or the permissions"
            )
            return {}, [Fault(SECRETS_DIRECTORY_VARIABLE, problem)]
        return {path.name.upper(): str(path) for path in files}, []

    def _missing(self, variable: str, path: Path) -> list[Fault]:
        """Return the fault of a place that ``variable`` names; nothing needs to be where it names none."""
        if not self.environ.get(variable):
            return []
        problem = f"names {path}, which does not exist; correct the path, or unset the variable"
        return [Fault(variable, problem)]


def read_env_file(text: str, path: str) -> tuple[Mapping[str, Found], list[Fault]]:
    """Return the variables of a ``.env`` file, and a fault for each line that is not ``NAME=value``."""
    from io import StringIO

    from dotenv.parser import parse_stream

    variables: dict[str, Found] = {}
    faults: list[Fault] = []
    for binding in parse_stream(StringIO(text)):
        line = binding.original.line + _blank_lines_before(binding.original.string)
        if binding.error or (binding.key is not None and binding.value is None):
            problem = "is not NAME=value; correct the line, or remove it"
            faults.append(Fault(f"{path}:{line}", problem, path, line))
        elif binding.key is not None and binding.value is not None:
            variables[binding.key] = Found(binding.value, Origin("file", binding.key, path, line))
    return variables, faults


def _blank_lines_before(statement: str) -> int:
    return statement[: len(statement) - len(statement.lstrip())].count("\n")
