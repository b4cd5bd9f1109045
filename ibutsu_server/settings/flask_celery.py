"""The Celery app of the worker and the scheduler."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    PositiveInt,
    WithJsonSchema,
)

from ibutsu_server.settings.base import CrossFault
from ibutsu_server.settings.broker import BrokerSettings
from ibutsu_server.settings.celery_table import convert, newer_name, option_types, suggestion
from ibutsu_server.settings.database import DatabaseSettings
from ibutsu_server.settings.fields import ManyFaults, Parsed, Seconds, seconds_in_words, setting
from ibutsu_server.settings.options import Options
from ibutsu_server.settings.redaction import redact
from ibutsu_server.settings.source_kinds import CELERY_PREFIX, UNKNOWN
from ibutsu_server.settings.text import read_mapping, read_sequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ibutsu_server.settings.celery_options import CeleryOptions
    from ibutsu_server.settings.source_kinds import TracedSource

TASK_MODULES: Final = (
    "ibutsu_server.tasks.db",
    "ibutsu_server.tasks.importers",
    "ibutsu_server.tasks.query",
    "ibutsu_server.tasks.results",
    "ibutsu_server.tasks.runs",
)

SERIALIZERS: Final = ("task_serializer", "result_serializer", "event_serializer")
CONTENT_LISTS: Final = ("accept_content", "result_accept_content")
_OF_OTHER_GROUPS: Final = {"timezone": "BeatSettings"}
"""Celery settings that are a field of another group."""

JSON_NAMES: Final = ("json", "application/json")

_TIME_LIMIT: Final = 7200
_SOFT_SHARE: Final = 23 / 24
"""The soft time limit as a share of the hard one: 6,900 of 7,200 seconds."""

_VISIBILITY: Final = 10_800
_VISIBILITY_FACTOR: Final = 1.5
"""The visibility timeout over the longest time that a message may rightly stay unacknowledged."""


def _json_only(value: str) -> str:
    if value not in JSON_NAMES:
        message = (
            "must be json: pickle and yaml let anyone who can write to the broker run code in the worker"
        )
        raise ValueError(message)
    return value


def _check_celery(given: Any) -> Options:
    checked: dict[str, Any] = {}
    faults: list[tuple[str, str]] = []
    for name, value in read_mapping(given).items():
        try:
            checked[str(name)] = Options.freeze(_check_option(str(name), value))
        except ValueError as error:
            faults.append((str(name), str(error)))
    if faults:
        raise ManyFaults(faults)
    return Options(checked)


def _check_option(name: str, value: Any) -> Any:
    if name in FlaskCelerySettings.model_fields:
        message = f"is a field of FlaskCelerySettings; give it as {name}=..."
        raise ValueError(message)
    if name in _OF_OTHER_GROUPS:
        message = f"is a field of {_OF_OTHER_GROUPS[name]}; give it there, as {name}=..."
        raise ValueError(message)
    if name not in option_types():
        known = {*option_types(), *FlaskCelerySettings.model_fields}
        remedy = suggestion(name, known) or "; see the Celery documentation for the names"
        message = f"is not a Celery setting{remedy}"
        raise ValueError(message)
    converted = convert(name, value)
    if name in SERIALIZERS:
        _json_only(converted)
    if name == "beat_schedule":
        _check_entries(converted)
    if name in CONTENT_LISTS:
        for content in converted or ():
            _json_only(content)
    return converted


def _check_entries(schedule: Mapping[str, Any]) -> None:
    for name, entry in schedule.items():
        if not hasattr(entry, "keys") or not {"task", "schedule"} <= entry.keys():
            message = f'has the entry {name}, which lacks a part; write {{"task": ..., "schedule": ...}}'
            raise ValueError(message)


def _beyond(fields: Iterable[str]) -> Iterator[str]:
    """Yield those of ``fields`` that are settings of Celery's own."""
    ours = {"celery", *_OURS, *BrokerSettings.model_fields, *DatabaseSettings.model_fields}
    yield from (field for field in fields if field not in ours)


Serializer = Annotated[str, AfterValidator(_json_only), Field(json_schema_extra={"enum": [*JSON_NAMES]})]
TextItems = Annotated[tuple[str, ...], BeforeValidator(read_sequence)]
CeleryField = Annotated[
    Parsed[Options, "CeleryOptions"],
    PlainValidator(_check_celery),
    PlainSerializer(lambda options: redact("", options)),
    WithJsonSchema({"type": "object"}),
]


class FlaskCelerySettings(DatabaseSettings, BrokerSettings):
    """How worker and scheduler run: broker, database, tasks, and every other Celery setting."""

    roles: ClassVar[frozenset[str]] = frozenset({"worker", "scheduler"})
    open_fields: ClassVar[frozenset[str]] = frozenset({"celery"})

    include: TextItems = TASK_MODULES
    """Task modules to import; as text, with commas between them."""

    broker_connection_retry: bool = True
    """Whether a lost broker connection is tried again."""

    broker_connection_retry_on_startup: bool = True
    """Whether a process that starts before the broker waits for it."""

    broker_visibility_timeout: PositiveInt = setting(
        _VISIBILITY,
        json_schema_extra={
            "x-default": "10800, or 1.5 times the longer of CELERY_TASK_TIME_LIMIT and "
            "CELERY_TASK_RETRY_BACKOFF_MAX if that is more"
        },
    )
    """Seconds after which an unacknowledged message is delivered again. It must be longer than
    ``task_time_limit``: with late acknowledgement a longer task would be delivered twice."""

    worker_cancel_long_running_tasks_on_connection_loss: bool = False
    """Whether late-acknowledged tasks are stopped when the broker connection is lost. Measured when the
    Redis of broker and results is killed while such a task runs and restarted: stopped, the task is lost;
    left alone, it ends and every task runs once."""

    worker_prefetch_multiplier: PositiveInt = 1
    """Messages each child process may reserve ahead. Measured when Redis is killed: with 4 the worker
    process exits, with 1 it survives but leaves 2 messages unacknowledged."""

    worker_disable_prefetch: bool = True
    """Whether a message is only fetched when a child process is free. Measured when Redis is killed while
    a late-acknowledged task runs: with prefetching the worker process exits with code 1 and the message
    waits for the visibility timeout; without, it survives and every task runs once."""

    task_acks_late: bool = True
    """Whether a message is acknowledged after its task has ended, so that a killed worker loses none."""

    task_reject_on_worker_lost: bool = True
    """Whether the task of a child process that was killed goes back to the queue."""

    task_retry_on_worker_lost: bool = True
    """Whether such a return counts as a retry, so that a task that kills its worker ends at
    ``task_max_retries``."""

    task_time_limit: Seconds = setting(
        _TIME_LIMIT,
        json_schema_extra={"x-default": "7200, or what a soft limit or visibility timeout implies"},
    )
    """Seconds after which a task's child process is killed; long enough for the longest import."""

    task_soft_time_limit: Seconds = setting(
        _TIME_LIMIT * _SOFT_SHARE, json_schema_extra={"x-default": "23/24 of CELERY_TASK_TIME_LIMIT: 6900"}
    )
    """Seconds after which a task is asked to end (``SoftTimeLimitExceeded``); below the hard limit."""

    task_max_retries: Annotated[int, Field(ge=0, le=100)] = 5
    """How often a task that met an unexpected exception is tried again; there is no unbounded setting."""

    task_retry_backoff: PositiveInt = 2
    """Seconds before the first retry; the wait doubles with every further one. A task whose child process
    was killed always waits this long."""

    task_retry_backoff_max: PositiveInt = setting(
        600,
        json_schema_extra={"x-default": "600, or 2/3 of CELERY_BROKER_VISIBILITY_TIMEOUT if that is less"},
    )
    """Seconds the wait between retries grows to at most."""

    task_retry_jitter: bool = True
    """Whether each wait is drawn at random between zero and its length, so that retries spread out."""

    task_serializer: Serializer = "json"
    """Serializer of task messages: JSON only."""

    result_serializer: Serializer = "json"
    """Serializer of task results: JSON only."""

    accept_content: Annotated[tuple[Serializer, ...], BeforeValidator(read_sequence)] = ("json",)
    """Content types the worker accepts: JSON only."""

    celery: CeleryField = setting(default_factory=Options)
    """Every other Celery setting by its lower-case name, checked against the installed Celery's table."""

    @property
    def visibility_timeout(self) -> float:
        """Return the seconds in force: those of ``broker_transport_options`` where it names them."""
        return float(self.broker_transport_options.get("visibility_timeout", self.broker_visibility_timeout))

    def derived(self) -> Iterator[tuple[str, Any, str]]:
        """Yield the limits that nobody gave, so that each fits those that were given."""
        yield from super().derived()
        limit, followed = self._implied_time_limit()
        if limit != self.task_time_limit:
            yield "task_time_limit", limit, followed
        if self.task_soft_time_limit != self.task_time_limit * _SOFT_SHARE:
            yield "task_soft_time_limit", self.task_time_limit * _SOFT_SHARE, "task_time_limit"
        longest = self._given_visibility_timeout() / _VISIBILITY_FACTOR
        if self.task_retry_backoff_max > longest:
            yield "task_retry_backoff_max", max(1, int(longest)), "broker_visibility_timeout"
        for field in ("task_time_limit", "task_retry_backoff_max"):
            shortest = math.ceil(getattr(self, field) * _VISIBILITY_FACTOR)
            if shortest > self.broker_visibility_timeout:
                yield "broker_visibility_timeout", shortest, field

    def _implied_time_limit(self) -> tuple[float, str]:
        """Return a hard limit that fits the soft one and the visibility timeout, and what it follows."""
        soft = self.task_soft_time_limit if "task_soft_time_limit" in self.model_fields_set else 0.0
        limit, followed = float(_TIME_LIMIT), ""
        if soft >= limit:
            limit, followed = soft / _SOFT_SHARE, "task_soft_time_limit"
        longest = self._given_visibility_timeout() / _VISIBILITY_FACTOR
        if limit > longest and self.task_acks_late:
            limit, followed = max(longest, soft), "broker_visibility_timeout"
        return limit, followed

    def _given_visibility_timeout(self) -> float:
        """Return the visibility timeout that was given, infinity where none was."""
        is_option = "visibility_timeout" in self.broker_transport_options
        is_given = is_option or "broker_visibility_timeout" in self.model_fields_set
        return self.visibility_timeout if is_given else math.inf

    def cross_faults(self) -> Iterator[CrossFault]:
        """Yield limits that contradict each other."""
        yield from super().cross_faults()
        soft, hard = (seconds_in_words(s) for s in (self.task_soft_time_limit, self.task_time_limit))
        if self.task_soft_time_limit > self.task_time_limit:
            problem = f"is {soft}, above CELERY_TASK_TIME_LIMIT, which is {hard}, so it never acts; lower it"
            yield CrossFault(("task_soft_time_limit", "task_time_limit"), problem)
        field = "broker_visibility_timeout"
        if "visibility_timeout" in self.broker_transport_options:
            field = "broker_transport_options"
        timeout = seconds_in_words(self.visibility_timeout)
        if self.task_acks_late and self.visibility_timeout <= self.task_time_limit:
            problem = (
                f"gives a visibility timeout of {timeout}, not longer than CELERY_TASK_TIME_LIMIT, which is "
                f"{hard}: a long import would be delivered twice; raise it above the time limit"
            )
            yield CrossFault((field, "task_time_limit", "task_acks_late"), problem)
        if self.visibility_timeout <= self.task_retry_backoff_max:
            problem = (
                f"gives a visibility timeout of {timeout}, not longer than CELERY_TASK_RETRY_BACKOFF_MAX, "
                f"which is {self.task_retry_backoff_max} s: a waiting retry would be delivered twice; "
                "raise it above the longest wait"
            )
            yield CrossFault((field, "task_retry_backoff_max"), problem)

    @classmethod
    def collect_others(cls, values: dict[str, Any], source: TracedSource) -> dict[str, Any]:
        """Add every other Celery setting that ``source`` has to the ``celery`` field."""
        own = {name for field in cls.model_fields for name in cls.names_of(field)}
        claimed = frozenset(own | {f"{CELERY_PREFIX}{name.upper()}" for name in _OF_OTHER_GROUPS})
        notes = source.notes
        if "celery" in notes.skipped:
            return values
        others: dict[str, Any] = {}
        for name, found in source.others(claimed):
            present = name if name in option_types() else newer_name(f"{CELERY_PREFIX}{name.upper()}")
            in_dictionary = found.origin.name.startswith("CELERY[")
            if present is None and not in_dictionary:
                continue  # the search for misspelt names reports it
            if f"celery.{present or name}" not in notes.origins:
                notes.origins[f"celery.{present or name}"] = found.origin
                if found.value is not UNKNOWN:
                    others[present or name] = found.value
        return {**values, "celery": others} if others else values

    def to_celery(self) -> dict[str, Any]:
        """Return Celery's whole configuration but the schedule, by its lower-case names."""
        own = {name: getattr(self, name) for name in _beyond(type(self).model_fields)}
        retry = {"result_backend_always_retry": True}
        configuration = {**super().to_celery(), **retry, **own, **self.celery.thaw()}
        for options in ("broker_transport_options", "result_backend_transport_options"):
            configuration[options].setdefault("visibility_timeout", self.broker_visibility_timeout)
        return configuration


_OURS: Final = frozenset(
    {
        "broker_visibility_timeout",
        "task_max_retries",
        "task_retry_backoff",
        "task_retry_backoff_max",
        "task_retry_jitter",
    }
)
"""Fields that this package reads itself; Celery has no setting of these names."""
