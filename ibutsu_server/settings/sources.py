"""Read settings from the Flask config, the environment, a ``.env`` file and secret files.

The order of the sources stands in :meth:`Reading.layers`; arguments come before all of them and
defaults after. A value that is empty counts as not set.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

from ibutsu_server.exceptions import Fault
from ibutsu_server.settings.celery_table import newer_name

CELERY_PREFIX = "CELERY_"
FILE_SUFFIX = "_FILE"
"""End of a name that gives the path of a file in which the value stands."""

OriginKind = Literal["argument", "Flask config", "environment variable", "file", "default"]


class Origin(NamedTuple):
    """Tell where a value came from."""

    kind: OriginKind
    name: str
    """The name the user typed, or for a file the name and the path."""


DEFAULT_ORIGIN = Origin("default", "")


class Found(NamedTuple):
    """Be a raw value as one source holds it."""

    value: Any
    origin: Origin


class Layer:
    """Be one place that holds raw values under upper-case names such as ``CELERY_BROKER_URL``."""

    def find(self, name: str) -> Found | None:
        """Return the value under ``name``, or None where there is none."""
        raise NotImplementedError

    def names(self) -> Iterator[str]:
        """Return the names this place holds."""
        raise NotImplementedError

    def others(self, claimed: frozenset[str]) -> Iterator[tuple[str, Found]]:
        """Yield what it holds beyond the ``claimed`` names, under Celery's lower-case names."""
        for name in self.names():
            is_claimed = name in claimed or name.removesuffix(FILE_SUFFIX) in claimed
            found = self.find(name) if name.startswith(CELERY_PREFIX) and not is_claimed else None
            if found is not None:
                yield name.removeprefix(CELERY_PREFIX).lower(), found


class FlaskConfigLayer(Layer):
    """Read a Flask config: its ``CELERY`` dictionary, then its flat keys."""

    def __init__(self, config: Mapping[str, Any], reading: Reading) -> None:
        self._config = config
        celery = config.get("CELERY", {})
        if not isinstance(celery, Mapping):
            problem = 'is no dictionary; write CELERY = {"broker_url": ...} with Celery\'s lower-case names'
            reading.faults.append(Fault("CELERY", problem))
            celery = {}
        self._celery: dict[str, Found] = {}
        for typed, value in sorted(celery.items(), key=lambda item: str(item[0]).isupper()):
            self._add(str(typed), value, reading)

    def _add(self, typed: str, value: Any, reading: Reading) -> None:
        name = newer_name(typed) or typed
        if name != typed:
            reading.note_old_name(f'CELERY["{typed}"]', f'CELERY["{name}"]', ignored=name in self._celery)
        self._celery.setdefault(name, Found(value, Origin("Flask config", f'CELERY["{typed}"]')))

    def find(self, name: str) -> Found | None:
        """Return ``CELERY["broker_url"]``, else ``CELERY_BROKER_URL`` of the config."""
        if name.startswith(CELERY_PREFIX):
            in_dictionary = self._celery.get(name.removeprefix(CELERY_PREFIX).lower())
            if in_dictionary is not None and not _is_unset(in_dictionary.value):
                return in_dictionary
        value = self._config.get(name)
        return None if _is_unset(value) else Found(value, Origin("Flask config", name))

    def names(self) -> Iterator[str]:
        """Return the flat keys."""
        return iter(self._config)

    def others(self, claimed: frozenset[str]) -> Iterator[tuple[str, Found]]:
        """Yield what the ``CELERY`` dictionary holds beyond the ``claimed`` names, then the flat keys."""
        for name, found in self._celery.items():
            if name != name.lower() or f"{CELERY_PREFIX}{name.upper()}" not in claimed:
                yield name, found
        yield from super().others(claimed)


class MappingLayer(Layer):
    """Read a mapping of text to text: the environment, or the lines of a ``.env`` file."""

    def __init__(self, values: Mapping[str, str | None], kind: OriginKind, suffix: str = "") -> None:
        self._values = values
        self._kind: OriginKind = kind
        self._suffix = suffix

    def find(self, name: str) -> Found | None:
        """Return the variable called ``name``."""
        value = self._values.get(name)
        return None if _is_unset(value) else Found(value, Origin(self._kind, name + self._suffix))

    def names(self) -> Iterator[str]:
        """Return the names of the variables."""
        return iter(self._values)


class SecretFilesLayer(Layer):
    """Read one file per secret: the path in ``<NAME>_FILE``, else a file in the secrets directory."""

    def __init__(self, paths: Mapping[str, str], directory: Path, reading: Reading) -> None:
        self._paths = paths
        self._directory = directory
        self._reading = reading
        self._mounted: dict[str, Path] = {}
        if directory.is_dir():
            self._mounted = {path.name.upper(): path for path in directory.iterdir() if path.is_file()}

    def find(self, name: str) -> Found | None:
        """Return the content of the file for ``name``, without the line end."""
        named = self._paths.get(f"{name}{FILE_SUFFIX}")
        path = Path(named) if named else self._mounted.get(name)
        if path is None:
            return None
        try:
            value = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            problem = f"names a file that cannot be read: {path} ({_reason(error)}); mend path or rights"
            self._reading.faults.append(Fault(f"{name}_FILE" if named else name, problem))
            return None
        return Found(value, Origin("file", f"{name} in {path}")) if value else None

    def names(self) -> Iterator[str]:
        """Return the names of the mounted files."""
        return iter(self._mounted)


def _is_unset(value: Any) -> bool:
    return value is None or value == ""


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "unreadable" if isinstance(error, OSError) else "not UTF-8"


@dataclass
class Reading:
    """Read one object from its sources, and remember the origin of each value.

    ``flask_config`` is a Flask app's config; ``environ`` the process environment; ``env_file`` a
    ``.env`` file that may be absent; ``secrets_directory`` a directory of secret files, likewise.
    """

    flask_config: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    env_file: Path | None = None
    secrets_directory: Path | None = None
    origins: dict[str, Origin] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    skipped: frozenset[str] = frozenset()

    ENV_FILE_VARIABLE: ClassVar = "IBUTSU_ENV_FILE"
    SECRETS_DIRECTORY_VARIABLE: ClassVar = "IBUTSU_SECRETS_DIR"

    @classmethod
    def of_process(cls, flask_config: Mapping[str, Any] | None = None) -> Reading:
        """Read this process: its environment, ``.env`` in its folder, and ``/run/secrets``."""
        environ = dict(os.environ)
        return cls(
            flask_config=flask_config or {},
            environ=environ,
            env_file=Path(environ.get(cls.ENV_FILE_VARIABLE) or ".env"),
            secrets_directory=Path(environ.get(cls.SECRETS_DIRECTORY_VARIABLE) or "/run/secrets"),
        )

    def holds(self, *names: str) -> bool:
        """Tell whether any source has a value under one of the upper-case ``names``."""
        return any(layer.find(name) is not None for layer in self.layers() for name in names)

    def without(self, fields: frozenset[str]) -> Reading:
        """Return a reading of the same sources that leaves ``fields`` out."""
        return replace(self, origins={}, faults=[], warnings=[], skipped=fields)

    def layers(self) -> list[Layer]:
        """Return the places to look, the first to win first."""
        self._find_what_is_named()
        env_file = self._env_file_values()
        layers: list[Layer] = [FlaskConfigLayer(self.flask_config, self)] if self.flask_config else []
        layers.append(MappingLayer(self.environ, "environment variable"))
        if env_file:
            layers.append(MappingLayer(env_file, "file", f" in {self.env_file}"))
        paths = {name: path for name, path in {**env_file, **self.environ}.items() if path}
        layers.append(SecretFilesLayer(paths, self.secrets_directory or Path(os.devnull), self))
        return layers

    def _find_what_is_named(self) -> None:
        for variable in (self.ENV_FILE_VARIABLE, self.SECRETS_DIRECTORY_VARIABLE):
            path = self.environ.get(variable)
            if path and not Path(path).exists():
                problem = f"names {path}, which does not exist; mend the path, or unset the variable"
                self.faults.append(Fault(variable, problem))

    def _env_file_values(self) -> dict[str, str | None]:
        if self.env_file is None or not self.env_file.is_file():
            return {}
        from dotenv import dotenv_values

        try:
            return dotenv_values(self.env_file, interpolate=False)
        except (OSError, UnicodeDecodeError) as error:
            problem = (
                f"names a file that cannot be read: {self.env_file} ({_reason(error)}); mend path or rights"
            )
            self.faults.append(Fault(self.ENV_FILE_VARIABLE, problem))
            return {}

    def note_old_name(self, old: str, new: str, *, ignored: bool) -> None:
        """Warn that ``old`` is an older name of ``new``, and say which of the two counts."""
        problem = (
            f"is ignored: {new} is set too, and the newer name wins because it is the documented one"
            if ignored
            else f"is an older name; write {new}"
        )
        self.warnings.append(Fault(old, problem))
