"""Where a value came from, and what is noted while values are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from ibutsu_server.exceptions import Fault
from ibutsu_server.settings.redaction import HIDDEN

OriginKind = Literal["argument", "Flask config", "environment variable", "file", "derived", "default"]


class Origin(NamedTuple):
    """The place that a value came from."""

    kind: OriginKind
    name: str = ""
    """The name the user typed; for a derived value the name of the setting that it follows."""

    file: str | None = None
    line: int | None = None
    """Line of ``file``, counted from 1."""

    @property
    def typed(self) -> str:
        """Return the name the user typed, with the file and line that it is written in."""
        if self.file is None:
            return self.name
        return f"{self.name} in {self.file}{f':{self.line}' if self.line else ''}"

    def __str__(self) -> str:
        kind = "derived from" if self.kind == "derived" else self.kind
        return f"{kind} {self.typed}".rstrip()


DEFAULT_ORIGIN: Final = Origin("default")


class Unknown:
    """The type of :data:`UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()
"""A value that is set but cannot be read here; the reason has been noted. It counts as valid."""


class Found(NamedTuple):
    """A raw value as one source has it, which may be a secret."""

    value: Any
    origin: Origin

    def __repr__(self) -> str:
        return f"Found({HIDDEN}, {self.origin!r})"


@dataclass
class Notes:
    """What the sources meet while one object is read."""

    origins: dict[str, Origin] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    """Fields whose value is set but cannot be read here."""

    skipped: frozenset[str] = frozenset()
    """Fields that are not to be read."""

    def fault(self, origin: Origin, problem: str) -> None:
        """Note that what ``origin`` holds cannot be used."""
        self.faults.append(Fault(origin.typed, problem, origin.file, origin.line))

    def old_name(self, old: str, new: str, *, ignored: bool) -> None:
        """Note that ``old`` is an older name of ``new``, and which of the two counts."""
        problem = (
            f"is ignored: {new} is set too, and the newer name wins because it is the documented one"
            if ignored
            else f"is an older name; write {new}"
        )
        self.warnings.append(Fault(old, problem))
