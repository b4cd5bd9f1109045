"""Define what every settings model shares: its sources, its faults and the origin of its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, Self

from pydantic import (
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    ValidationError,
    WithJsonSchema,
)
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from ibutsu_server.exceptions import ConfigurationError, Fault
from ibutsu_server.settings.celery_table import read_dictionary, suggestion
from ibutsu_server.settings.redaction import Options, redact
from ibutsu_server.settings.sources import DEFAULT_ORIGIN, Found, Layer, Origin, Reading

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.fields import FieldInfo
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema, ErrorDetails


READING: Final = "_reading"


OptionsField = Annotated[
    Options,
    PlainValidator(lambda value: Options(read_dictionary(value))),
    PlainSerializer(lambda options: redact("", options)),
    WithJsonSchema({"type": "object"}),
]
"""Options by name; as text, a JSON object. Nobody can change them afterwards, and they show no secret."""


@dataclass(frozen=True)
class Names:
    """Give a field another environment name than its prefix and its own name, and older ones."""

    name: str | None = None
    older: tuple[str, ...] = ()


class CrossFault(NamedTuple):
    """Describe values that are each right but do not go together."""

    fields: tuple[str, ...]
    """The fields involved; the first one names the fault."""

    problem: str


class ManyFaults(ValueError):  # noqa: N818 - it carries faults to _to_faults, and is reported as these
    """Carry several faults out of one validator: pairs of a key of the field and its problem."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__(faults)
        self.faults = faults


class LayerSource(PydanticBaseSettingsSource):
    """Hand the values of one :class:`Layer` to pydantic-settings."""

    settings_cls: type[SettingsModel]

    def __init__(self, settings_cls: type[SettingsModel], layer: Layer, reading: Reading) -> None:
        super().__init__(settings_cls)
        self._layer = layer
        self._reading = reading

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the raw value of a field, its key, and False: the model parses text itself."""
        del field
        found = self._find(field_name)
        return (found.value if found else None), field_name, False

    def _find(self, field_name: str) -> Found | None:
        name, *older_names = self.settings_cls.names_of(field_name)
        found = self._layer.find(name)
        for older in older_names:
            old = self._layer.find(older)
            if old is not None and found is not None:
                self._reading.note_old_name(older, name, ignored=True)
            found = found or old
        return found

    def __call__(self) -> dict[str, Any]:
        """Return the values of the fields that no earlier source holds."""
        values: dict[str, Any] = {}
        for field_name in self.settings_cls.model_fields:
            if field_name in self.current_state or field_name in self._reading.skipped:
                continue
            found = self._find(field_name)
            if found is not None:
                values[field_name] = found.value
                self._reading.origins[field_name] = found.origin
        return self.settings_cls.collect_others(values, self._layer, self._reading)


class SettingsModel(BaseSettings):
    """Be a frozen group of settings that is validated once.

    A call with arguments makes the object from these and the defaults alone. A call without any,
    like :meth:`load`, reads the sources: Flask config, environment, ``.env`` file, secret files.

    Raises:
        ConfigurationError: with every fault at once.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=True,
        env_prefix="CELERY_",
        use_attribute_docstrings=True,
    )

    _origins: Mapping[str, Origin] = PrivateAttr(default_factory=dict)
    _warnings: tuple[Fault, ...] = PrivateAttr(default=())

    def __init__(self, **arguments: Any) -> None:
        reading = arguments.pop(READING, None)
        if reading is None:
            reading = Reading() if arguments else Reading.of_process()
        arguments = {name: value for name, value in arguments.items() if value is not None}
        reading.origins = {name: Origin("argument", name) for name in arguments}
        faults = self._validate(reading, arguments)
        if faults:
            raise ConfigurationError(faults)
        self._origins = reading.origins
        self._warnings = tuple(reading.warnings)

    @classmethod
    def load(cls, reading: Reading | None = None, /, **arguments: Any) -> Self:
        """Read the object from ``reading`` (default: this process); arguments win over every source."""
        return cls(**{READING: reading or Reading.of_process()}, **arguments)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the layers of the reading after the arguments, in place of the sources that keep no origin."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        assert isinstance(init_settings, InitSettingsSource)  # noqa: S101 - narrows for the type checker
        reading = init_settings.init_kwargs.pop(READING)
        return (init_settings, *(LayerSource(cls, layer, reading) for layer in reading.layers()))

    @classmethod
    def names_of(cls, field: str) -> tuple[str, ...]:
        """Return the environment name of ``field``, then its older names."""
        named = next((item for item in cls.model_fields[field].metadata if isinstance(item, Names)), Names())
        return (named.name or f"{cls.model_config['env_prefix']}{field.upper()}", *named.older)

    @classmethod
    def collect_others(cls, values: dict[str, Any], layer: Layer, reading: Reading) -> dict[str, Any]:
        """Add to ``values`` what ``layer`` holds beyond the fields; most models take nothing beyond."""
        del layer, reading
        return values

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Name each field's environment variables in its schema, the older ones after the present one."""
        described = handler.resolve_ref_schema(handler(schema))
        for field, properties in described["properties"].items():
            properties["x-environment"] = list(cls.names_of(field))
        return described

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """Return what is odd but usable: misspelt names in the environment, older names."""
        return self._warnings

    def origin_of(self, name: str) -> Origin:
        """Tell where the value of a field came from."""
        return self._origins.get(name, DEFAULT_ORIGIN)

    def typed_name(self, name: str) -> str:
        """Return the name the user gave a field, or its environment name where it is a default."""
        origin = self._origins.get(name)
        return origin.name if origin else self.names_of(name)[0]

    def cross_faults(self) -> Iterator[CrossFault]:
        """Yield the values that do not go together; every field is valid by itself already."""
        yield from ()

    def _validate(self, reading: Reading, arguments: dict[str, Any]) -> list[Fault]:
        try:
            self._build({**arguments, READING: reading})
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
        else:
            return [*reading.faults, *self._cross_faults(reading, frozenset())]
        faulty = frozenset(str(detail["loc"][0]) for detail in details)
        return [
            *reading.faults,
            *(fault for detail in details for fault in self._to_faults(detail, reading)),
            *self._faults_beside(faulty, reading, arguments),
        ]

    def _build(self, arguments: dict[str, Any]) -> None:
        super().__init__(**arguments)

    def _faults_beside(
        self, faulty: frozenset[str], reading: Reading, arguments: dict[str, Any]
    ) -> list[Fault]:
        """Return what the cross-checks find among the fields that are right by themselves."""
        examples = {name: field.examples for name, field in type(self).model_fields.items() if field.examples}
        stand_ins = {name: values[0] for name, values in examples.items() if name in faulty}
        kept = {name: value for name, value in arguments.items() if name not in faulty}
        try:
            self._build({**kept, **stand_ins, READING: reading.without(faulty)})
        except ValidationError:
            return []
        return self._cross_faults(reading, faulty)

    def _cross_faults(self, reading: Reading, faulty: frozenset[str]) -> list[Fault]:
        return [
            Fault(self._typed_name(cross.fields[0], reading), cross.problem)
            for cross in self.cross_faults()
            if faulty.isdisjoint(cross.fields)
        ]

    @classmethod
    def _typed_name(cls, location: str, reading: Reading) -> str:
        origin = reading.origins.get(location)
        if origin is not None:
            return origin.name
        return cls.names_of(location)[0] if location in cls.model_fields else location

    @classmethod
    def _to_faults(cls, detail: ErrorDetails, reading: Reading) -> Iterator[Fault]:
        if detail["type"] == "default_factory_not_called":
            return  # the field it would come from has a fault of its own
        field = str(detail["loc"][0])
        error = detail.get("ctx", {}).get("error")
        if isinstance(error, ManyFaults):
            for key, problem in error.faults:
                yield Fault(cls._typed_name(f"{field}.{key}", reading), problem)
        elif detail["type"] == "missing":
            name, example = cls.names_of(field)[0], cls.model_fields[field].examples
            remedy = f", for example {name}={example[0]}" if example else ""
            yield Fault(name, f"environment variable must be set{remedy}")
        elif detail["type"] == "extra_forbidden":
            yield Fault(field, f"is no setting of {cls.__name__}{suggestion(field, cls.model_fields)}")
        else:
            problem = str(error) if error is not None else detail["msg"].partition(",")[0]
            yield Fault(cls._typed_name(field, reading), problem.replace("Input should be", "must be", 1))
