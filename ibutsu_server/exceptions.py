"""Define the errors this package raises on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class IbutsuError(Exception):
    """Be the root of every error this package raises on purpose."""


class Fault(NamedTuple):
    """Describe one thing that is wrong with a configuration."""

    name: str
    """The setting by the name the user typed: ``CELERY_BROKER_URL``, ``CELERY["include"]``."""

    problem: str
    """What is wrong, then the remedy, as one or two sentences; never the value of a secret."""

    def __str__(self) -> str:
        return f"{self.name} {self.problem}"


class ConfigurationError(IbutsuError, ValueError):
    """Report every fault of a configuration at once.

    ``faults`` holds one :class:`Fault` per problem, in the order of the settings, each once.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(dict.fromkeys(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class ImportRejectedError(IbutsuError):
    """Say why an uploaded file can never be imported, in words for the person who uploaded it."""


class InvalidInputError(IbutsuError, ValueError):
    """Say which argument of a task cannot be used and why; trying again would not help."""
