"""Define the Celery app of the worker and the scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, PositiveFloat, PositiveInt

from ibutsu_server.exceptions import Fault
from ibutsu_server.settings.base import CrossFault, ManyFaults, OptionsField
from ibutsu_server.settings.beat import PLAN_NAMES
from ibutsu_server.settings.broker import BrokerSettings
from ibutsu_server.settings.celery_table import (
    convert,
    nearest,
    newer_name,
    option_types,
    read_dictionary,
    read_sequence,
    suggestion,
)
from ibutsu_server.settings.database import DatabaseSettings
from ibutsu_server.settings.redaction import Options
from ibutsu_server.settings.sources import CELERY_PREFIX, Layer, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

TASK_MODULES: Final = (
    "ibutsu_server.tasks.db",
    "ibutsu_server.tasks.importers",
    "ibutsu_server.tasks.query",
    "ibutsu_server.tasks.results",
    "ibutsu_server.tasks.runs",
)

_SERIALIZERS: Final = ("task_serializer", "result_serializer", "event_serializer")
_CONTENT_LISTS: Final = ("accept_content", "result_accept_content")
CLAIMED_ELSEWHERE: Final = frozenset({"CELERY_TIMEZONE"})
"""Names of the environment that another settings model owns."""


def _json_only(value: str) -> str:
    if value not in ("json", "application/json"):
        message = "must be json: pickle and yaml let whoever can write to the broker run code in the worker"
        raise ValueError(message)
    return value


def _check_celery(given: Any) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    faults: list[tuple[str, str]] = []
    for name, value in read_dictionary(given).items():
        try:
            checked[name] = _check_option(name, value)
        except ValueError as error:
            faults.append((name, str(error)))
    if faults:
        raise ManyFaults(faults)
    return checked


def _check_option(name: str, value: Any) -> Any:
    if name in FlaskCelerySettings.model_fields:
        message = f"is a field of FlaskCelerySettings; give it as {name}=..."
        raise ValueError(message)
    if name not in option_types():
        known = {*option_types(), *FlaskCelerySettings.model_fields}
        remedy = suggestion(name, known) or "; see the Celery documentation for the names"
        message = f"is no Celery setting{remedy}"
        raise ValueError(message)
    converted = convert(name, value)
    if name in _SERIALIZERS:
        _json_only(converted)
    if name == "beat_schedule":
        _check_entries(converted)
    if name in _CONTENT_LISTS:
        for content in converted or ():
            _json_only(content)
    return converted


def _check_entries(schedule: Mapping[str, Any]) -> None:
    for name, entry in schedule.items():
        if not isinstance(entry, Mapping) or not {"task", "schedule"} <= entry.keys():
            message = f'has the entry {name}, which lacks a part; write {{"task": ..., "schedule": ...}}'
            raise ValueError(message)
    ours = sorted(PLAN_NAMES.intersection(schedule))
    if ours:
        message = f"names {', '.join(ours)}, which the IBUTSU_BEAT_* settings own; set those instead"
        raise ValueError(message)


Serializer = Annotated[str, AfterValidator(_json_only)]
Names = Annotated[tuple[str, ...], BeforeValidator(read_sequence)]


class FlaskCelerySettings(DatabaseSettings, BrokerSettings):
    """Say how worker and scheduler run: broker, database, tasks, and every other Celery setting."""

    include: Names = TASK_MODULES
    """Task modules to import; as text, with commas between them."""

    broker_connection_retry: bool = True
    """Whether a lost broker connection is tried again."""

    broker_connection_retry_on_startup: bool = True
    """Whether a process that starts before the broker waits for it."""

    broker_visibility_timeout: PositiveInt = 10_800
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

    task_time_limit: PositiveFloat = 7200
    """Seconds after which a task's child process is killed; long enough for the longest import."""

    task_soft_time_limit: PositiveFloat = 6900
    """Seconds after which a task is told to end (``SoftTimeLimitExceeded``); below the hard limit."""

    task_max_retries: Annotated[int, Field(ge=0, le=100)] = 5
    """How often a task that met an unexpected exception is tried again; there is no unbounded setting."""

    task_retry_backoff: PositiveInt = 2
    """Seconds before the first retry; the wait doubles with every further one. A task whose child process
    was killed always waits this long."""

    task_retry_backoff_max: PositiveInt = 600
    """Seconds the wait between retries grows to at most."""

    task_retry_jitter: bool = True
    """Whether each wait is drawn at random between zero and its length, so that retries spread out."""

    task_serializer: Serializer = "json"
    """Serializer of task messages: JSON only."""

    result_serializer: Serializer = "json"
    """Serializer of task results: JSON only."""

    accept_content: Annotated[tuple[Serializer, ...], BeforeValidator(read_sequence)] = ("json",)
    """Content types the worker accepts: JSON only."""

    celery: Annotated[OptionsField, BeforeValidator(_check_celery)] = Field(default_factory=Options)
    """Every other Celery setting by its lower-case name, checked against the installed Celery's table."""

    @property
    def visibility_timeout(self) -> float:
        """Return the seconds in force: those of ``broker_transport_options`` where it names them."""
        return float(self.broker_transport_options.get("visibility_timeout", self.broker_visibility_timeout))

    def cross_faults(self) -> Iterator[CrossFault]:
        """Yield limits that contradict each other."""
        yield from super().cross_faults()
        if self.task_soft_time_limit > self.task_time_limit:
            problem = "is above the hard limit, so it never acts; set it below CELERY_TASK_TIME_LIMIT"
            yield CrossFault(("task_soft_time_limit", "task_time_limit"), problem)
        field = "broker_visibility_timeout"
        if "visibility_timeout" in self.broker_transport_options:
            field = "broker_transport_options"
        if self.task_acks_late and self.visibility_timeout <= self.task_time_limit:
            problem = (
                "gives a visibility timeout that is not longer than CELERY_TASK_TIME_LIMIT: "
                "a long import would be delivered twice; raise it above the time limit"
            )
            yield CrossFault((field, "task_time_limit", "task_acks_late"), problem)
        if self.visibility_timeout <= self.task_retry_backoff_max:
            problem = (
                "gives a visibility timeout that is not longer than CELERY_TASK_RETRY_BACKOFF_MAX: "
                "a waiting retry would be delivered twice; raise it above the longest wait"
            )
            yield CrossFault((field, "task_retry_backoff_max"), problem)

    @classmethod
    def collect_others(cls, values: dict[str, Any], layer: Layer, reading: Reading) -> dict[str, Any]:
        """Add every other Celery setting that ``layer`` holds to the ``celery`` field."""
        own = (name for field in cls.model_fields for name in cls.names_of(field))
        claimed = CLAIMED_ELSEWHERE.union(own)
        if "celery" in reading.skipped:
            return values
        others: dict[str, Any] = {}
        for name, found in layer.others(claimed):
            present = name if name in option_types() else newer_name(f"{CELERY_PREFIX}{name.upper()}")
            in_dictionary = found.origin.name.startswith("CELERY[")
            if present is None and not in_dictionary:
                reading.warnings.append(Fault(found.origin.name, _unknown_variable(name, claimed)))
            elif f"celery.{present or name}" not in reading.origins:
                others[present or name] = found.value
                reading.origins[f"celery.{present or name}"] = found.origin
        return {**values, "celery": others} if others else values

    def to_celery(self) -> dict[str, Any]:
        """Return Celery's whole configuration but the schedule, by its lower-case names."""
        not_celerys = {"celery", *BrokerSettings.model_fields, *DatabaseSettings.model_fields, *_OURS}
        own = {name: getattr(self, name) for name in type(self).model_fields if name not in not_celerys}
        configuration = {**super().to_celery(), **own, **deepcopy(dict(self.celery))}
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


def _unknown_variable(name: str, claimed: frozenset[str]) -> str:
    known = {*option_types(), *(claim.removeprefix(CELERY_PREFIX).lower() for claim in claimed)}
    near = nearest(name, known)
    remedy = f"; did you mean '{CELERY_PREFIX}{near.upper()}'?" if near else ""
    return f"is no Celery setting and is ignored{remedy}"
