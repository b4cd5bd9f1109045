"""What every group of settings shares: how it is read, its faults, and the origin of its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, ParamSpec, Self, TypeVar, cast

from pydantic import AliasChoices, PrivateAttr, ValidationError, field_validator
from pydantic_settings import BaseSettings, InitSettingsSource, SettingsConfigDict

from ibutsu_server.exceptions import ConfigurationError, Fault
from ibutsu_server.settings.celery_table import suggestion
from ibutsu_server.settings.fields import READABLE, ManyFaults, file_problem
from ibutsu_server.settings.origins import DEFAULT_ORIGIN, Notes, Origin
from ibutsu_server.settings.sources import Sources
from ibutsu_server.settings.text import check_number, check_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_core import ErrorDetails
    from pydantic_settings import PydanticBaseSettingsSource

    from ibutsu_server.settings.source_kinds import TracedSource

P = ParamSpec("P")
Model = TypeVar("Model")


class CrossFault(NamedTuple):
    """Values that are each right but do not go together."""

    fields: tuple[str, ...]
    """The fields involved; the first one names the fault."""

    problem: str
    name: str = ""
    """What names the fault instead, where it lies between groups."""


class SettingsGroup(BaseSettings):
    """A frozen group of settings that is validated once.

    ``Group(**arguments)`` reads the sources of this process: environment, ``.env`` file, secret files; an
    argument wins for its field. :meth:`hermetic` reads nothing, :meth:`from_sources` what it is given.

    Raises:
        ConfigurationError: with every fault at once.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        loc_by_alias=False,
        defer_build=True,
        validate_by_alias=False,
        validate_by_name=True,
        validate_default=True,
        env_prefix="CELERY_",
    )

    roles: ClassVar[frozenset[str]] = frozenset({"worker", "scheduler"})
    """The processes that read this group, of ``worker``, ``scheduler`` and ``flower``."""

    open_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields that have settings by name, which are shown one by one instead of the field."""

    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Fields of which the ones of one tuple must be given together, beside those without a default."""

    _origins: Mapping[str, Origin] = PrivateAttr(default_factory=dict)
    _warnings: tuple[Fault, ...] = PrivateAttr(default=())
    _unknown: frozenset[str] = PrivateAttr(default=frozenset())
    _unadapted: SettingsGroup | None = PrivateAttr(default=None)

    @field_validator("*", mode="before")
    @classmethod
    def _check_storable(cls, value: Any) -> Any:
        if isinstance(value, (str, Path)):
            check_text(str(value))
        return check_number(value) if isinstance(value, int) else value

    def __init__(self, **arguments: Any) -> None:
        self._read(Sources.of_process(), arguments)

    @classmethod
    def hermetic(cls: Callable[P, Model], *_: P.args, **arguments: P.kwargs) -> Model:
        """Return the group made from ``arguments`` and the defaults alone.

        Raises:
            ConfigurationError: with every fault at once.
        """
        return cast("Model", cast("type[SettingsGroup]", cls).from_sources(Sources(), **arguments))

    @classmethod
    def from_sources(cls, sources: Sources, /, **arguments: Any) -> Self:
        """Return the group read from ``sources``; an argument wins for its field.

        Raises:
            ConfigurationError: with every fault at once.
        """
        group = cls.__new__(cls)
        group._read(sources, arguments)  # noqa: SLF001 - a new object of this class
        return group

    @classmethod
    def names_of(cls, field: str) -> tuple[str, ...]:
        """Return the environment name of ``field``, then its older names."""
        alias = cls.model_fields[field].validation_alias
        if isinstance(alias, AliasChoices):
            return tuple(str(choice) for choice in alias.choices)
        return (alias if isinstance(alias, str) else f"{cls.model_config['env_prefix']}{field.upper()}",)

    @classmethod
    def sources_for(
        cls, arguments: dict[str, Any], sources: Sources, notes: Notes
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return what pydantic-settings reads, the first to win first."""
        return (InitSettingsSource(cls, init_kwargs=arguments), *sources.of(cls, notes))

    @classmethod
    def collect_others(cls, values: dict[str, Any], source: TracedSource) -> dict[str, Any]:
        """Add to ``values`` what ``source`` has beyond the fields; most groups take nothing beyond."""
        del source
        return values

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """Return what is odd but usable: misspelt names in the environment, older names."""
        return self._warnings

    def origin_of(self, name: str) -> Origin:
        """Return where the value of a field came from."""
        return self._origins.get(name, DEFAULT_ORIGIN)

    def is_given(self, *fields: str) -> bool:
        """Tell whether one of ``fields`` has a value that is neither a default nor derived."""
        return any(self.origin_of(field).kind not in ("default", "derived") for field in fields)

    def is_known(self, *fields: str) -> bool:
        """Tell whether each of ``fields`` has the value it will have, and not one that stands in for it."""
        return self._unknown.isdisjoint(fields)

    def typed_name(self, name: str) -> str:
        """Return the name the user gave a field, or its environment name where it was not given."""
        if self.is_given(name):
            return self.origin_of(name).typed
        return self.names_of(name)[0] if name in type(self).model_fields else name

    def task_modules(self) -> tuple[str, ...]:
        """Return the modules with Celery tasks that belong to the group, which every worker imports."""
        return ()

    def beat_entries(self) -> dict[str, dict[str, Any]]:
        """Return the entries that the group adds to the beat schedule, by their stable names."""
        return {}

    def adapted_to(self, groups: Mapping[str, SettingsGroup]) -> Self:
        """Return the group with the defaults that depend on ``groups``, the other ones of the tree."""
        del groups
        return self

    def as_given(self) -> Self:
        """Return the group as it was before it was adapted to other groups."""
        return self if self._unadapted is None else cast("Self", self._unadapted)

    def longest_work(self) -> tuple[float, str]:
        """Return the longest time that a task of the group was told to work: seconds, and the setting's name.

        The time limits that nobody gave leave it that time.
        """
        return 0.0, ""

    def with_derived(self, field: str, value: Any, followed: str) -> Self:
        """Return a copy in which ``field`` follows the setting called ``followed``."""
        copy = self.model_copy()
        copy.__dict__[field] = value  # nobody has the copy yet, and the field stays one that was not given
        copy._origins = {**self._origins, field: Origin("derived", followed)}  # noqa: SLF001 - a copy of self
        copy._unadapted = self.as_given()  # noqa: SLF001 - the same
        return copy

    def derived(self) -> Iterator[tuple[str, Any, str]]:
        """Yield the fields that follow another one: field, value, and the setting that is followed.

        Only what nobody gave takes the value.
        """
        yield from ()

    def cross_faults(self) -> Iterator[CrossFault]:
        """Yield the values that do not go together; every field is valid by itself already."""
        yield from ()

    def cross_warnings(self) -> Iterator[CrossFault]:
        """Yield what is valid but probably not meant."""
        yield from ()

    def _read(self, sources: Sources, arguments: dict[str, Any]) -> None:
        notes = Notes(origins=self._origins_of(arguments))
        faults = self._validate(sources, notes, arguments)
        if faults:
            raise ConfigurationError(faults, notes.warnings)
        self._keep(notes)

    @classmethod
    def _origins_of(cls, arguments: Mapping[str, Any]) -> dict[str, Origin]:
        origins = {name: Origin("argument", name) for name in arguments}
        for field in cls.open_fields:
            options = arguments.get(field)
            if isinstance(options, Mapping):
                origins |= {f"{field}.{name}": Origin("argument", f'{field}["{name}"]') for name in options}
        return origins

    def _keep(self, notes: Notes) -> None:
        self._origins = notes.origins
        self._unknown = frozenset(notes.unknown)
        self._warnings = (
            *notes.warnings,
            *(self._to_fault(odd, notes) for odd in self.cross_warnings()),
        )

    def _validate(self, sources: Sources, notes: Notes, arguments: dict[str, Any]) -> list[Fault]:
        try:
            self._build(sources, notes, arguments)
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
        else:
            return [*notes.faults, *self._faults_between(sources, notes, frozenset())]
        faulty = frozenset(str(detail["loc"][0]) for detail in details)
        return [
            *notes.faults,
            *(fault for detail in details for fault in self._to_faults(detail, notes)),
            *self._faults_beside(faulty, sources, notes, arguments),
        ]

    def _build(self, sources: Sources, notes: Notes, arguments: dict[str, Any]) -> None:
        super().__init__(_build_sources=(self.sources_for(arguments, sources, notes), arguments))
        self._origins = notes.origins
        for field, value, followed in self.derived():
            if field not in self.model_fields_set:
                # Nobody has the object yet; from now on it is frozen.
                self.__dict__[field] = value
                notes.origins[field] = Origin("derived", followed)

    def _faults_beside(
        self, faulty: frozenset[str], sources: Sources, notes: Notes, arguments: dict[str, Any]
    ) -> list[Fault]:
        """Return what the cross-checks find among the fields that are right by themselves."""
        kept = {name: value for name, value in arguments.items() if name not in faulty}
        examples = {name: self.example_of(name) for name in faulty if name in type(self).model_fields}
        given = {name: example for name, example in examples.items() if example is not None}
        others = Notes(origins=self._origins_of(kept), skipped=faulty)
        try:
            self._build(sources, others, {**kept, **given})
        except ValidationError:
            return []
        return self._faults_between(sources, notes, faulty)

    @classmethod
    def example_of(cls, field: str) -> Any:
        """Return a value that ``field`` may have, where it must have one; else None."""
        return (cls.model_fields[field].examples or [None])[0]

    def _faults_between(self, sources: Sources, notes: Notes, faulty: frozenset[str]) -> list[Fault]:
        left_out = faulty | notes.unknown
        found = [*self.cross_faults(), *(self._file_faults() if sources.are_of_this_machine else ())]
        return [self._to_fault(cross, notes) for cross in found if left_out.isdisjoint(cross.fields)]

    def _file_faults(self) -> Iterator[CrossFault]:
        for name, field in type(self).model_fields.items():
            path = getattr(self, name)
            problem = file_problem(path) if READABLE in field.metadata and path is not None else None
            if problem:
                yield CrossFault((name,), problem)

    def _to_fault(self, cross: CrossFault, notes: Notes) -> Fault:
        if cross.name:
            return Fault(cross.name, cross.problem)
        return self._fault_at(cross.fields[0], cross.problem, notes)

    @classmethod
    def _fault_at(cls, location: str, problem: str, notes: Notes) -> Fault:
        origin = notes.origins.get(location, DEFAULT_ORIGIN)
        if origin.kind not in ("default", "derived"):
            return Fault(origin.typed, problem, origin.file, origin.line)
        return Fault(cls.names_of(location)[0] if location in cls.model_fields else location, problem)

    @classmethod
    def _to_faults(cls, detail: ErrorDetails, notes: Notes) -> Iterator[Fault]:
        if detail["type"] == "default_factory_not_called":
            return  # the field it would come from has a fault of its own
        field = str(detail["loc"][0])
        if detail["type"] == "missing" and field in notes.unknown and cls.example_of(field) is not None:
            return  # it is set to what cannot be read here, and the example stands in for it
        error = detail.get("ctx", {}).get("error")
        if isinstance(error, ManyFaults):
            for key, problem in error.faults:
                yield cls._fault_at(f"{field}.{key}", problem, notes)
        elif detail["type"] == "missing":
            name, example = cls.names_of(field)[0], cls.example_of(field)
            remedy = f", for example {name}={example}" if example else ""
            yield Fault(name, f"environment variable must be set{remedy}")
        elif detail["type"] == "extra_forbidden":
            yield Fault(field, f"is not a setting of {cls.__name__}{suggestion(field, cls.model_fields)}")
        else:
            yield cls._fault_at(field, str(error) if error is not None else cls._must_be(field), notes)

    @classmethod
    def _must_be(cls, field: str) -> str:
        from ibutsu_server.settings.describe import describe_field

        return f"must be {describe_field(cls, field).accepts}"
