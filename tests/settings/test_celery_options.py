"""Show that the typed settings are those of the installed Celery."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence, Sized
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

import pytest
from celery.app.defaults import NAMESPACES, Option, flatten

from ibutsu_server.settings.celery_options import CeleryOptions, choices_of, describe, types_of
from ibutsu_server.settings.celery_table import convert

TABLE: Final[dict[str, Option]] = dict(flatten(NAMESPACES))
HINTS: Final = get_type_hints(CeleryOptions)

KINDS: Final[dict[Any, set[Any]]] = {
    "string": {str},
    "str": {str},
    "bytes": {bytes},
    "bool": {bool},
    "int": {int},
    int: {int},
    "float": {int, float},
    "dict": {Mapping},
    "list": {list, tuple},
    "tuple": {list, tuple},
    "any": set(),
}
"""The types that stand for each name of a type in Celery's table."""

ALSO_ALLOWED: Final[dict[str, set[Any]]] = {
    "accept_content": {set, frozenset},
    "beat_scheduler": {type},
    "broker_failover_strategy": {Callable},
    "broker_read_url": {list, tuple},
    "broker_url": {list, tuple},
    "broker_use_ssl": {Mapping},
    "broker_write_url": {list, tuple},
    "database_engine_callback": {Callable, str},
    "result_accept_content": {set, frozenset},
    "result_chord_expires": {dt.timedelta},
    "result_expires": {dt.timedelta},
    "result_failure_expires": {dt.timedelta},
    "security_key_password": {str},
    "task_annotations": {Mapping, Sequence},
    "task_default_delivery_mode": {int},
    "task_default_rate_limit": {int, float},
    "task_queues": {Sequence},
    "task_routes": {Callable, Mapping, Sequence, str},
    "timezone": {dt.tzinfo},
    "worker_agent": {type},
    "worker_autoscaler": {type},
    "worker_concurrency": {int, str},
    "worker_consumer": {type},
    "worker_pool": {type},
    "worker_redirect_stdouts_level": {int},
    "worker_timer": {type},
}
"""What Celery's documentation or its code accepts beyond the type in its table."""

CORRECTED: Final[dict[str, set[Any]]] = {
    "broker_heartbeat_checkrate": {int, float},
    "cassandra_auth_kwargs": {Mapping},
    "cassandra_entry_ttl": {int},
    "cassandra_port": {int},
    "task_default_priority": {int},
}
"""Where the type in Celery's table contradicts the documentation, or does not work."""

NONE_TOO: Final = {
    "broker_connection_max_retries",
    "broker_heartbeat",
    "broker_pool_limit",
    "database_engine_options",
    "redis_socket_timeout",
    "result_backend_always_retry",
    "result_backend_max_retries",
    "result_cache_max",
    "result_expires",
    "task_repr_maxlevels",
}
"""Settings that accept None, which stands for "off" or "no limit", beside a default that is not None."""


SAMPLES: Final[dict[Any, Any]] = {
    Callable: print,
    Mapping: {},
    Sequence: [],
    bool: True,
    bytes: b"secret",
    dt.timedelta: dt.timedelta(days=1),
    dt.tzinfo: dt.UTC,
    float: 1.5,
    frozenset: frozenset({"json"}),
    int: 1,
    list: ["a"],
    set: {"json"},
    str: "auto",
    tuple: ("a",),
    type: Sized,
}
"""A value of each type that a setting may have."""


def test_every_setting_of_the_installed_celery_is_typed_and_no_other() -> None:
    """A setting that an upgrade of Celery adds or removes fails here by its name."""
    assert HINTS.keys() == TABLE.keys()


def test_each_setting_has_the_type_that_celery_accepts() -> None:
    """The type is that of Celery's table, except where the lists above say otherwise."""
    accepted = {
        name: CORRECTED.get(name) or KINDS[option.type] | ALSO_ALLOWED.get(name, set())
        for name, option in TABLE.items()
    }
    assert {name: types_of(name) for name in HINTS} == accepted


def test_each_setting_accepts_its_default() -> None:
    """What Celery does by itself can also be written down."""
    given = {name: option.default for name, option in TABLE.items() if option.default is not None}
    assert [name for name, default in given.items() if not isinstance(default, tuple(types_of(name)))] == []


def test_each_type_of_a_setting_is_accepted_when_a_program_runs() -> None:
    """What a type checker lets pass, the check of the values lets pass, too."""

    def is_accepted(name: str, kind: Any) -> bool:
        try:
            convert(name, SAMPLES[kind])
        except ValueError:
            return False
        return True

    open_names = [name for name in TABLE if not choices_of(name)]
    pairs = [(name, kind) for name in open_names for kind in types_of(name)]
    assert [pair for pair in pairs if not is_accepted(*pair)] == []


@pytest.mark.parametrize("name", ["worker_pool_start_method", "task_default_delivery_mode", "task_protocol"])
def test_a_setting_with_few_values_takes_these_alone(name: str) -> None:
    """As an object or as text each of them is accepted; the fault of another value lists them."""
    choices = choices_of(name)
    assert len(choices) >= 2
    for choice in choices:
        assert convert(name, choice) == convert(name, str(choice)) == choice
    for value in ("forkserver", 3):
        with pytest.raises(ValueError, match="^must be one of " + ", ".join(map(str, choices)) + "$"):
            convert(name, value)


def test_a_setting_with_few_values_may_be_left_open() -> None:
    """None stands for Celery's own choice."""
    assert convert("cassandra_read_consistency", None) is None


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("broker_heartbeat_checkrate", "2.5", 2.5),
        ("cassandra_auth_kwargs", '{"username": "ibutsu"}', {"username": "ibutsu"}),
        ("cassandra_entry_ttl", "60", 60),
        ("cassandra_port", "9042", 9042),
        ("task_default_priority", "3", 3),
    ],
)
def test_text_is_read_as_the_type_that_works(name: str, text: str, value: Any) -> None:
    """Where Celery's table names a wrong type, a value of the environment has the right one even so."""
    assert convert(name, text) == value
    assert type(convert(name, text)) is type(value)


def test_only_settings_that_can_be_off_accept_none() -> None:
    """None is no value of a setting that must have one."""
    optional = {name for name, hint in HINTS.items() if NoneType in get_args(hint)}
    assert optional == {name for name, option in TABLE.items() if option.default is None} | NONE_TOO


def test_every_setting_has_a_meaning_of_one_line() -> None:
    """``config explain`` can print a sentence for each of them."""
    meanings = {name: describe(name) for name in TABLE}
    assert meanings["task_time_limit"] == (
        "Seconds after which the child process that runs a task is killed."
    )
    assert [text for text in meanings.values() if "\n" in text or not text.endswith(".")] == []
    assert len(set(meanings.values())) == len(meanings)


def test_an_unknown_setting_has_no_meaning() -> None:
    """A misspelt name is a KeyError, not an empty sentence."""
    with pytest.raises(KeyError, match="task_time_limti"):
        describe("task_time_limti")


def test_the_types_are_resolved_without_celery() -> None:
    """A tool that only prints the settings loads neither Celery nor Kombu nor SQLAlchemy."""
    program = (
        "import sys, typing; from ibutsu_server.settings.celery_options import CeleryOptions, describe;"
        "typing.get_type_hints(CeleryOptions); describe('task_queues');"
        "print([name for name in ('celery', 'kombu', 'sqlalchemy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
