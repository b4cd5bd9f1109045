"""The Celery app of the worker and the scheduler."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Self

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
from ibutsu_server.settings.celery_table import convert, option_types, suggestion
from ibutsu_server.settings.database import DatabaseSettings
from ibutsu_server.settings.fields import (
    LONGEST,
    ManyFaults,
    Parsed,
    Seconds,
    WholeSeconds,
    seconds_in_words,
    setting,
)
from ibutsu_server.settings.limits import BACKOFF_MAX, SOFT_SHARE, TIME_LIMIT, VISIBILITY_TIMEOUT, Limits
from ibutsu_server.settings.options import Options
from ibutsu_server.settings.origins import UNKNOWN
from ibutsu_server.settings.redaction import redact
from ibutsu_server.settings.schedule import Schedule
from ibutsu_server.settings.source_kinds import CELERY_PREFIX
from ibutsu_server.settings.text import read_mapping, read_sequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ibutsu_server.settings.base import SettingsGroup
    from ibutsu_server.settings.celery_options import CeleryOptions
    from ibutsu_server.settings.limits import Derived
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


def _json_only(value: str) -> str:
    if value not in JSON_NAMES:
        message = (
            "must be json: pickle and yaml let anyone who can write to the broker run code in the worker"
        )
        raise ValueError(message)
    return value


def _module_name(name: str) -> str:
    if not all(part.isidentifier() for part in name.split(".")):
        message = f"holds {name}, which is not the name of a module; write it as package.module"
        raise ValueError(message)
    return name


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
        return _read_entries(converted or {})
    if name in CONTENT_LISTS:
        for content in converted or ():
            _json_only(content)
    return converted


def _read_entries(schedule: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of a beat schedule, in which text such as ``0 4 * * *`` is a crontab."""
    entries = {}
    for name, entry in schedule.items():
        if not isinstance(entry, Mapping) or not {"task", "schedule"} <= entry.keys():
            message = f'has the entry {name}, which lacks a part; write {{"task": ..., "schedule": ...}}'
            raise ValueError(message)
        if not isinstance(entry["task"], str):
            message = f"has the entry {name}, whose task is not the name of a task; write it as text"
            raise ValueError(message)
        entries[name] = {**entry, "schedule": _read_schedule(name, entry["schedule"])}
    return entries


def _read_schedule(name: str, schedule: Any) -> Any:
    if hasattr(schedule, "is_due"):  # an object of Celery's, such as a crontab
        return schedule
    try:
        read = Schedule.parse(schedule)
    except ValueError as error:
        message = f"has the entry {name}, whose schedule {error}"
        raise ValueError(message) from None
    return schedule if isinstance(schedule, dt.timedelta) else read.to_celery()


def _beyond(fields: Iterable[str]) -> Iterator[str]:
    """Yield those of ``fields`` that are settings of Celery's own."""
    ours = {"celery", *_OURS, *BrokerSettings.model_fields, *DatabaseSettings.model_fields}
    yield from (field for field in fields if field not in ours)


Serializer = Annotated[str, AfterValidator(_json_only), Field(json_schema_extra={"enum": [*JSON_NAMES]})]
_MODULE: Final = {"pattern": r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"}
ModuleName = Annotated[str, AfterValidator(_module_name), Field(json_schema_extra=_MODULE)]
ModuleNames = Annotated[Parsed[tuple[ModuleName, ...], Sequence[str]], BeforeValidator(read_sequence)]
Serializers = Annotated[Parsed[tuple[Serializer, ...], Sequence[str]], BeforeValidator(read_sequence)]
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

    include: ModuleNames = setting(TASK_MODULES)
    """Task modules to import; as text, with commas between them."""

    broker_connection_retry: bool = True
    """Whether a lost broker connection is tried again."""

    broker_connection_retry_on_startup: bool = True
    """Whether a process that starts before the broker waits for it."""

    broker_visibility_timeout: Annotated[int, Field(ge=2, le=LONGEST)] = setting(
        VISIBILITY_TIMEOUT,
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

    worker_soft_shutdown_timeout: Annotated[float, Field(ge=0, le=LONGEST)] = 20
    """Seconds that running tasks get to end after SIGTERM; then they go back to the queue. It must be shorter
    than the time after which the worker is killed: 30 s in Kubernetes, 10 s in Docker."""

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
        TIME_LIMIT,
        json_schema_extra={
            "x-default": "7200, or what a soft limit, visibility timeout or prune budget implies"
        },
    )
    """Seconds after which a task's child process is killed; long enough for the longest import."""

    task_soft_time_limit: Seconds = setting(
        TIME_LIMIT * SOFT_SHARE, json_schema_extra={"x-default": "23/24 of CELERY_TASK_TIME_LIMIT: 6900"}
    )
    """Seconds after which a task is asked to end (``SoftTimeLimitExceeded``); below the hard limit."""

    task_max_retries: Annotated[int, Field(ge=0, le=100)] = 5
    """How often a task that met an unexpected exception is tried again; there is no unbounded setting."""

    task_retry_backoff: WholeSeconds = 2
    """Seconds before the first retry; the wait doubles with every further one. A task whose child process
    was killed always waits this long."""

    task_retry_backoff_max: WholeSeconds = setting(
        BACKOFF_MAX,
        json_schema_extra={"x-default": "600, or 2/3 of CELERY_BROKER_VISIBILITY_TIMEOUT if that is less"},
    )
    """Seconds the wait between retries grows to at most."""

    task_retry_jitter: bool = True
    """Whether each wait is drawn at random between zero and its length, so that retries spread out."""

    task_serializer: Serializer = "json"
    """Serializer of task messages: JSON only."""

    result_serializer: Serializer = "json"
    """Serializer of task results: JSON only."""

    accept_content: Serializers = setting(("json",))
    """Content types the worker accepts: JSON only."""

    celery: CeleryField = setting(default_factory=Options)
    """Every other Celery setting by its lower-case name, checked against the installed Celery's table."""

    @property
    def visibility_timeout(self) -> float:
        """Return the seconds in force: those of ``broker_transport_options`` where it names them."""
        return float(self.broker_transport_options.get("visibility_timeout", self.broker_visibility_timeout))

    def derived(self) -> Iterator[Derived]:
        """Yield the limits that nobody gave, so that each fits those that were given."""
        yield from super().derived()
        yield from self._given_limits().derived()

    def adapted_to(self, groups: Mapping[str, SettingsGroup]) -> Self:
        """Return the group with limits that leave the tasks of all groups the time they were given."""
        work, work_setting = max(group.longest_work() for group in groups.values())
        adapted = self
        if work >= self.task_soft_time_limit:
            limits = self._given_limits()._replace(work=work, work_setting=work_setting)
            for derived in limits.derived():
                adapted = adapted.with_derived(*derived)
        return adapted

    def first_limit(self) -> tuple[str, float]:
        """Return the limit that a long task meets first, of those that were given: its name and seconds."""
        limits = ("task_soft_time_limit", "task_time_limit")
        field = next((limit for limit in limits if limit in self.model_fields_set), self._visibility_field)
        seconds = getattr(self, field) if field in limits else self.visibility_timeout
        return self.names_of(field)[0], seconds

    @property
    def _visibility_field(self) -> str:
        is_option = "visibility_timeout" in self.broker_transport_options
        return "broker_transport_options" if is_option else "broker_visibility_timeout"

    def _given_limits(self) -> Limits:
        given = self.model_fields_set
        return Limits(
            hard=self.task_time_limit if "task_time_limit" in given else None,
            soft=self.task_soft_time_limit if "task_soft_time_limit" in given else None,
            visibility=(
                self.visibility_timeout
                if "visibility_timeout" in self.broker_transport_options
                or "broker_visibility_timeout" in given
                else None
            ),
            backoff=self.task_retry_backoff_max if "task_retry_backoff_max" in given else None,
            acks_late=self.task_acks_late,
        )

    def cross_faults(self) -> Iterator[CrossFault]:
        """Yield limits that contradict each other."""
        yield from super().cross_faults()
        hard_is_given = "task_time_limit" in self.model_fields_set
        if hard_is_given and self.task_soft_time_limit > self.task_time_limit:
            soft, hard = map(seconds_in_words, (self.task_soft_time_limit, self.task_time_limit))
            problem = f"is {soft}, above CELERY_TASK_TIME_LIMIT, which is {hard}, so it never acts; lower it"
            yield CrossFault(("task_soft_time_limit", "task_time_limit"), problem)
        field = self._visibility_field
        timeout = seconds_in_words(self.visibility_timeout)
        longest = "task_time_limit" if hard_is_given else "task_soft_time_limit"
        limit: float = getattr(self, longest)
        if self.task_acks_late and self.visibility_timeout <= limit:
            problem = (
                f"gives a visibility timeout of {timeout}, not longer than {self.names_of(longest)[0]}, "
                f"which is {seconds_in_words(limit)}: a long import would be delivered twice; "
                "raise it above the time limit"
            )
            yield CrossFault((field, longest, "task_acks_late"), problem)
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
        own = {name for field in cls.model_fields if field != "celery" for name in cls.names_of(field)}
        claimed = own | {f"{CELERY_PREFIX}{name.upper()}" for name in _OF_OTHER_GROUPS}
        notes = source.notes
        if "celery" in notes.skipped:
            return values
        others: dict[str, Any] = {}
        # The search for misspelt names reports the names that are no settings of Celery's.
        for name, found in source.others(claimed, lambda name: name in option_types()):
            if f"celery.{name}" not in notes.origins:
                notes.origins[f"celery.{name}"] = found.origin
                if found.value is not UNKNOWN:
                    others[name] = found.value
        return {**values, "celery": others} if others else values

    def to_celery(self) -> dict[str, Any]:
        """Return Celery's whole configuration but the schedule, by its lower-case names."""
        own = {name: getattr(self, name) for name in _beyond(type(self).model_fields)}
        configuration = {**super().to_celery(), **CELERY_DEFAULTS, **own, **self.celery.thaw()}
        for options in ("broker_transport_options", "result_backend_transport_options"):
            configuration[options].setdefault("visibility_timeout", self.visibility_timeout)
        return configuration


CELERY_DEFAULTS: Final = {
    "beat_enable_remote_control": True,
    "beat_scheduler": "ibutsu_server.worker.scheduler:LeasedScheduler",
    "result_backend_always_retry": True,
    "worker_consumer": "ibutsu_server.worker.consumer:SteadyConsumer",
}
"""Settings of Celery's own that are not what they are by default."""

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
