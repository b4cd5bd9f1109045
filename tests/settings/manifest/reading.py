"""Read manifests in tests."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Any

from ibutsu_server.settings.manifest.files import Manifests, read_manifests

if TYPE_CHECKING:
    from ibutsu_server.settings.manifest.environment import Environment


def manifests(**files: str) -> Manifests:
    """Return what files hold that are given by their names, which end in ``.yaml``."""
    return read_manifests({f"{name}.yaml": dedent(text).encode() for name, text in files.items()})


def only(read: Manifests) -> Environment:
    """Return the only environment of files that are right by themselves."""
    assert read.faults == ()
    [environment] = read.containers if read.stored is None else (read.stored,)
    return environment


def values(environment: Environment) -> dict[str, Any]:
    """Return the variables of an environment with their values."""
    return {name: found.value for name, found in environment.variables.items()}


def lines(environment: Environment) -> dict[str, str]:
    """Return the variables of an environment with file and line of each."""
    origins = {name: found.origin for name, found in environment.variables.items()}
    return {name: f"{origin.file}:{origin.line}" for name, origin in origins.items()}
