"""The types of fields that several groups of settings use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeVar

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from ibutsu_server.settings.options import Options
from ibutsu_server.settings.redaction import redact
from ibutsu_server.settings.text import read_mapping

if TYPE_CHECKING:
    from typing import Self, overload

Stored = TypeVar("Stored")
Accepted = TypeVar("Accepted", contravariant=True)

if TYPE_CHECKING:

    class Parsed(Generic[Stored, Accepted]):
        """A field whose value has the type ``Stored`` and whose argument may have the type ``Accepted``.

        A type checker reads the parameters of a constructor from ``__set__`` and the type of an attribute
        from ``__get__``, so that it needs no plugin to know that ``broker_url="redis://host"`` makes a
        ``RedisUrl``. At run time ``Parsed[Stored, Accepted]`` is ``Stored``.
        """

        @overload
        def __get__(self, instance: None, owner: type) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: type) -> Stored: ...
        def __get__(self, instance: object, owner: type) -> Self | Stored: ...
        def __set__(self, instance: object, value: Accepted) -> None: ...

else:

    class Parsed:
        """A field whose value has the first type and whose argument may have the second."""

        def __class_getitem__(cls, types: tuple[Any, Any]) -> Any:
            return types[0]


def setting(*default: Any, **arguments: Any) -> Any:
    """Return ``pydantic.Field(*default, **arguments)``, typed so that a checker sees a default.

    A source may give what the caller of a constructor does not, so that no argument is required.
    """
    return Field(*default, **arguments)


class ManyFaults(ValueError):  # noqa: N818 - it carries faults to the group, which reports them as its own
    """Several faults of one value: pairs of a key within the value, and its problem."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__(faults)
        self.faults = faults


class Readable:
    """The mark of a field that names a file or directory of this machine."""


READABLE: Final = Readable()

ReadableFile = Annotated[Parsed[Path | None, Path | str | None], READABLE]
"""The path of a file that must exist and be readable, where there is one."""


def file_problem(path: Path) -> str | None:
    """Return why ``path`` cannot be read, with the remedy, or None where it can."""
    try:
        with path.open("rb"):
            return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        return f"names a file that cannot be read: {path} ({reason}); correct the path or the permissions"


OptionsField = Annotated[
    Parsed[Options, "dict[str, Any]"],
    PlainValidator(lambda value: Options(read_mapping(value))),
    PlainSerializer(lambda options: redact("", options)),
    WithJsonSchema({"type": "object"}),
]
"""Options by name; as text, a JSON object. They cannot be changed afterwards, and they show no secret."""

LONGEST: Final = 1_000_000_000
"""Seconds that every timer can wait, about 30 years; Python's own can wait nine times as long."""

Seconds = Annotated[float, Field(gt=0, le=LONGEST)]
"""A duration in seconds."""

WholeSeconds = Annotated[int, Field(ge=1, le=LONGEST)]
"""A duration in whole seconds."""


def seconds_in_words(seconds: float) -> str:
    """Return ``7200 s``, without an exponent and without a fraction that is zero."""
    return f"{seconds:.15g} s"
