"""The errors that this package raises on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class IbutsuError(Exception):
    """The root of every error that this package raises on purpose."""


class Fault(NamedTuple):
    """One thing that is wrong with a configuration."""

    name: str
    """The setting by the name the user typed: ``CELERY_BROKER_URL``, ``CELERY["include"]``."""

    problem: str
    """What is wrong, then the remedy, in one or two sentences; never the value of a secret."""

    file: str | None = None
    """The file in which the value is written, where it comes from one."""

    line: int | None = None
    """The line of ``file``, counted from 1."""

    def __str__(self) -> str:
        return f"{self.name} {self.problem}"


class ConfigurationError(IbutsuError, ValueError):
    """Every fault of a configuration at once.

    ``faults`` has one :class:`Fault` per problem, in the order of the settings, each once; ``warnings``
    has what was noticed beside them.
    """

    def __init__(self, faults: Iterable[Fault], warnings: Iterable[Fault] = ()) -> None:
        self.faults = tuple(dict.fromkeys(faults))
        self.warnings = tuple(dict.fromkeys(warnings))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class ImportRejectedError(IbutsuError):
    """The reason why an uploaded file can never be imported, in words for the person who uploaded it."""


class InvalidInputError(IbutsuError, ValueError):
    """An argument of a task that cannot be used; trying again with the same argument would not help."""
