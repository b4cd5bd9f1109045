"""Names in the environment that look like a setting of this package and belong to another program."""

from __future__ import annotations

import re
from typing import Final

_SERVICE_LINK: Final = re.compile(
    r"_SERVICE_HOST$|_SERVICE_PORT(?:_[A-Z0-9_]++)?$|_PORT(?:_\d++_(?:TCP|UDP|SCTP))?(?:_ADDR|_PORT|_PROTO)?$"
)
"""Names that Kubernetes injects for any service of the namespace
(https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables)."""

COMMAND_OPTIONS: Final = frozenset(
    [
        "autoscale",
        "beat",
        "camera",
        "concurrency",
        "detach",
        "disable_prefetch",
        "dump",
        "exclude_queues",
        "executable",
        "frequency",
        "gid",
        "heartbeat_interval",
        "hostname",
        "include",
        "logfile",
        "loglevel",
        "max_interval",
        "max_memory_per_child",
        "max_tasks_per_child",
        "maxrate",
        "optimization",
        "pidfile",
        "pool",
        "pool_start_method",
        "prefetch_multiplier",
        "purge",
        "queues",
        "remote_control",
        "schedule",
        "schedule_filename",
        "scheduler",
        "soft_time_limit",
        "statedb",
        "task_events",
        "time_limit",
        "uid",
        "umask",
        "without_gossip",
        "without_heartbeat",
        "without_mingle",
    ]
)
"""Options of ``celery worker``, ``beat`` and ``events``, each of which the command line also reads from
``CELERY_<COMMAND>_<OPTION>``."""

_COMMAND_VARIABLE: Final = re.compile(r"CELERY_(?:WORKER|BEAT|EVENTS)_(?P<option>[A-Z_]++)$")

_SCRIPT_VARIABLES: Final = frozenset(
    [
        "CELERY_APP",
        "CELERY_BIN",
        "CELERY_CONFIG",
        "CELERY_CONFIG_MODULE",
        "CELERY_CREATE_DIRS",
        "CELERY_CREATE_LOGDIR",
        "CELERY_CREATE_RUNDIR",
        "CELERY_LOADER",
        "CELERY_NO_COLOR",
        "CELERY_QUIET",
        "CELERY_RDBSIG",
        "CELERY_SKIP_CHECKS",
        "CELERY_TRACE_APP",
        "CELERY_VERSION",
        "CELERY_WORKDIR",
        "CELERYD_NODES",
        "CELERYD_OPTS",
        "CELERYD_CHDIR",
        "CELERYD_USER",
        "CELERYD_GROUP",
        "CELERYD_LOG_FILE",
        "CELERYD_LOG_LEVEL",
        "CELERYD_PID_FILE",
        "CELERYD_MULTI",
        "CELERYBEAT_CHDIR",
        "CELERYBEAT_GROUP",
        "CELERYBEAT_LOG_FILE",
        "CELERYBEAT_LOG_LEVEL",
        "CELERYBEAT_OPTS",
        "CELERYBEAT_PID_FILE",
        "CELERYBEAT_USER",
    ]
)
"""Variables of Celery's command line and of the start scripts that its documentation describes."""

COMMAND_VARIABLES: Final = {
    "BROKER_URL": "CELERY_BROKER_URL",
    "CELERY_BROKER": "CELERY_BROKER_URL",
    "RESULT_BACKEND": "CELERY_RESULT_BACKEND",
}
"""Variables from which the ``celery`` command overwrites one that is ours, before it loads the app."""

_DATABASE_VARIABLES: Final = frozenset(
    [
        "POSTGRESQL_ADMIN_PASSWORD",
        "POSTGRES_DB",
        "POSTGRES_HOSTNAME",
        "POSTGRES_HOST_AUTH_METHOD",
    ]
)
"""Variables of the images of PostgreSQL and of existing templates that resemble ours."""

_REPORTING_VARIABLES: Final = frozenset(
    [
        "IBUTSU_CA_BUNDLE",
        "IBUTSU_COMPONENT",
        "IBUTSU_DATA",
        "IBUTSU_ENV_ID",
        "IBUTSU_MODE",
        "IBUTSU_NO_ARCHIVE",
        "IBUTSU_PROJECT",
        "IBUTSU_RUN_ID",
        "IBUTSU_SOURCE",
        "IBUTSU_TOKEN",
    ]
)
"""Variables of the reporting plug-in pytest-ibutsu, which a CI job may have in the same environment."""


_AMAZON: Final = "AWS_"
"""Prefix of the variables of Amazon's tools, two of which the intake reads as well."""


def foreign_pattern() -> str:
    """Return a pattern for the names that are foreign, in the regular expressions of ECMA 262."""
    names = "|".join(sorted(_SCRIPT_VARIABLES | _REPORTING_VARIABLES))
    options = "|".join(sorted(option.upper() for option in COMMAND_OPTIONS))
    links = _SERVICE_LINK.pattern.replace("++", "+")  # possessive quantifiers are of Python
    return f"^(?:{names})$|^CELERY_(?:WORKER|BEAT|EVENTS)_(?:{options})$|{links}"


def is_service_link(name: str) -> bool:
    """Tell whether Kubernetes injects ``name`` for a service, if there is one called so."""
    return bool(_SERVICE_LINK.search(name))


def is_foreign(name: str) -> bool:
    """Tell whether ``name`` belongs to Kubernetes, Celery's commands and scripts, or another program."""
    command = _COMMAND_VARIABLE.match(name)
    return (
        name in _SCRIPT_VARIABLES | _DATABASE_VARIABLES | _REPORTING_VARIABLES
        or name.startswith(_AMAZON)
        or is_service_link(name)
        or (command is not None and command["option"].lower() in COMMAND_OPTIONS)
    )
