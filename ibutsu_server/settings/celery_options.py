"""Name every setting of Celery 5.7 with its type and its meaning.

An editor and a type checker read :class:`CeleryOptions`; ``ibutsu config explain`` prints
:func:`describe`. A test compares the names and types with those of the installed Celery. Nothing here
imports Celery.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    Protocol,
    Required,
    TypeAlias,
    TypedDict,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from ibutsu_server.settings.docstrings import attribute_docstrings

if TYPE_CHECKING:
    from celery.schedules import BaseSchedule
    from kombu import Queue
    from sqlalchemy import Engine
else:  # so that the type hints can be resolved while none of the three is loaded
    BaseSchedule = Queue = Engine = object


class BeatEntry(TypedDict, total=False):
    """An entry of ``beat_schedule``: which task to send, when, and how."""

    task: Required[str]
    """Name of the task."""
    schedule: Required[float | dt.timedelta | BaseSchedule]
    """Seconds between two runs, or a schedule such as ``celery.schedules.crontab``."""
    args: Sequence[Any]
    """Positional arguments of the task."""
    kwargs: Mapping[str, Any]
    """Keyword arguments of the task."""
    options: Mapping[str, Any]
    """Arguments of ``apply_async``, such as ``queue`` or ``expires``."""
    relative: bool
    """Whether an interval is aligned with the clock, so that an hour means every full hour."""


class PublishRetryPolicy(TypedDict, total=False):
    """The value of ``task_publish_retry_policy``: how often, and after which waits, sending is retried."""

    max_retries: int | None
    """Number of retries before the error is raised; None retries forever."""
    interval_start: float
    """Seconds before the first retry."""
    interval_step: float
    """Seconds by which each further wait grows."""
    interval_max: float
    """Longest wait between two retries, in seconds."""
    retry_errors: tuple[type[Exception], ...] | None
    """Exceptions that are retried in addition to connection errors."""


class ResultTables(TypedDict, total=False):
    """A name for each of the two tables of the database result backend."""

    task: str
    """The table of task results."""
    group: str
    """The table of group results."""


class TaskAnnotator(Protocol):
    """An object in ``task_annotations`` that chooses the tasks whose attributes it changes."""

    def annotate(self, task: Any) -> Mapping[str, Any] | None:
        """Return the attributes to set on ``task``, or None to leave it alone."""


Strings: TypeAlias = list[str] | tuple[str, ...]
StringSet: TypeAlias = Strings | set[str] | frozenset[str]
Urls: TypeAlias = str | Strings
Route: TypeAlias = str | Mapping[str, Any]
# Its keys are task names, glob patterns and compiled patterns; a union of the two types as the key would
# reject a dictionary that has keys of one type only.
RouteMap: TypeAlias = Mapping[Any, Route]
RouteList: TypeAlias = Sequence[tuple[str | re.Pattern[str], Route]]
Router: TypeAlias = str | RouteMap | Callable[..., Route | None]
Annotations: TypeAlias = Mapping[str, Mapping[str, Any]]
FailoverStrategy: TypeAlias = Callable[[list[str]], Iterator[str]]
QueueType: TypeAlias = Literal["classic", "quorum"]
Consistency: TypeAlias = Literal[
    "ONE", "TWO", "THREE", "QUORUM", "ALL", "LOCAL_QUORUM", "EACH_QUORUM", "LOCAL_ONE"
]
CosmosConsistency: TypeAlias = Literal[
    "Strong", "BoundedStaleness", "Session", "ConsistentPrefix", "Eventual"
]
LogLevel: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class CeleryOptions(TypedDict, total=False):
    """The settings of Celery 5.7, each of which may be left out."""

    accept_content: StringSet
    """Serializers or content types of the messages that are accepted; others are rejected."""
    arangodb_backend_settings: Mapping[str, Any] | None
    """Connection to ArangoDB as a result backend: host, port, database, collection and credentials."""
    azureblockblob_base_path: str
    """Prefix of the blobs that hold results in Azure Block Blob storage."""
    azureblockblob_connection_timeout: int
    """Seconds to wait for a connection to Azure Block Blob storage."""
    azureblockblob_container_name: str
    """Container in Azure Block Blob storage that holds the results."""
    azureblockblob_read_timeout: int
    """Seconds to wait for the content of a blob."""
    azureblockblob_retry_increment_base: int
    """Base of the exponential backoff between retries at Azure Block Blob storage."""
    azureblockblob_retry_initial_backoff_sec: int
    """Seconds before the first retry of a request to Azure Block Blob storage."""
    azureblockblob_retry_max_attempts: int
    """Number of times that a request to Azure Block Blob storage is retried."""
    beat_cron_starting_deadline: int | None
    """Age in seconds up to which a missed crontab run is still sent; None sends it however old it is."""
    beat_enable_remote_control: bool
    """Whether beat answers ``celery inspect ping``, for a health check."""
    beat_max_loop_interval: float
    """Longest time in seconds between two checks of the schedule; 0 uses the scheduler's own value."""
    beat_remote_control_max_tick_age: float | None
    """Seconds without a check of the schedule before beat stops answering pings; 0 always answers."""
    beat_schedule: Mapping[str, BeatEntry]
    """The periodic tasks that beat sends, each under a name of its own."""
    beat_schedule_filename: str
    """File in which the default scheduler stores when each entry last ran."""
    beat_scheduler: str | type
    """Scheduler class of beat, or its import path."""
    beat_sync_every: int
    """Number of sent tasks after which beat saves its state; 0 saves every three minutes."""
    broker_channel_error_retry: bool
    """Whether the worker reconnects after an invalid response from the broker."""
    broker_connection_max_retries: int | None
    """Number of attempts to reconnect to the broker; None tries forever."""
    broker_connection_retry: bool
    """Whether the worker reconnects after it has lost the broker."""
    broker_connection_retry_on_startup: bool | None
    """Whether a worker waits for the broker when it starts; None follows broker_connection_retry."""
    broker_connection_timeout: float
    """Seconds that a worker waits for a connection to the broker."""
    broker_failover_strategy: Literal["round-robin", "shuffle"] | FailoverStrategy | None
    """Order in which several brokers are tried, or a function that yields their URLs in order."""
    broker_heartbeat: int | None
    """Seconds between the AMQP heartbeats of a worker; 0 turns heartbeats off."""
    broker_heartbeat_checkrate: float
    """Number of checks for a missed heartbeat within one heartbeat interval."""
    broker_host: str | None
    """Host of the broker, or a whole URL, where broker_url is not set."""
    broker_login_method: str | None
    """Authentication mechanism of AMQP, such as ``PLAIN`` or ``EXTERNAL``."""
    broker_native_delayed_delivery_queue_type: QueueType
    """Type of the RabbitMQ queues that hold tasks with an ETA until they are due."""
    broker_password: str | None
    """Password for the broker, unless the URL has one."""
    broker_pool_acquire_timeout: float | None
    """Seconds that sending a task waits for a free connection in the pool; None waits forever."""
    broker_pool_limit: int | None
    """Maximum number of connections in the pool; 0 or None opens a new connection for every use."""
    broker_port: int | None
    """Port of the broker, unless the URL has one."""
    broker_read_url: Urls | None
    """URL of the broker that messages are consumed from, if it differs from broker_url."""
    broker_transport: str | None
    """Broker transport, such as ``redis``, unless the URL names one."""
    broker_transport_options: Mapping[str, Any]
    """Options of the broker transport, such as ``visibility_timeout`` for Redis."""
    broker_url: Urls | None
    """URL of the broker; several URLs, as a list or separated by semicolons, are tried in turn."""
    broker_use_ssl: bool | Mapping[str, Any]
    """Whether to use TLS for the broker, or a dictionary of TLS options, which Redis requires."""
    broker_user: str | None
    """User name for the broker, unless the URL has one."""
    broker_vhost: str | None
    """Virtual host of the broker, unless the URL has one."""
    broker_write_url: Urls | None
    """URL of the broker that messages are sent to, if it differs from broker_url."""
    cache_backend: str | None
    """Servers of the cache result backend; an older way to write them than result_backend."""
    cache_backend_options: Mapping[str, Any]
    """Options of the Memcached client, such as ``connect_timeout`` or ``retry_attempts``."""
    cassandra_auth_kwargs: Mapping[str, Any] | None
    """Arguments of the Cassandra authentication provider, such as ``username`` and ``password``."""
    cassandra_auth_provider: str | None
    """Class in ``cassandra.auth`` that authenticates, such as ``PlainTextAuthProvider``."""
    cassandra_bundle_path: str | None
    """Path of Astra DB's secure connect bundle; Celery 5.7 does not read it under this name."""
    cassandra_entry_ttl: int | None
    """Seconds that Cassandra keeps a result; None keeps it forever."""
    cassandra_keyspace: str | None
    """Cassandra keyspace that holds the results."""
    cassandra_options: Mapping[str, Any]
    """Additional arguments of the Cassandra cluster class, such as ``protocol_version``."""
    cassandra_port: int | None
    """Port of the Cassandra servers; None is 9042."""
    cassandra_read_consistency: Consistency | None
    """Consistency level of reads from Cassandra; None is LOCAL_QUORUM."""
    cassandra_servers: Strings | None
    """Hosts of the Cassandra cluster."""
    cassandra_table: str | None
    """Cassandra table that holds the results."""
    cassandra_write_consistency: Consistency | None
    """Consistency level of writes to Cassandra; None is LOCAL_QUORUM."""
    control_exchange: str
    """Prefix of the exchanges that carry remote control commands."""
    control_queue_durable: bool
    """Whether remote control queues survive a broker restart; excludes control_queue_exclusive."""
    control_queue_exclusive: bool
    """Whether a remote control queue belongs to one connection; excludes control_queue_durable."""
    control_queue_expires: float
    """Seconds without use after which the broker deletes a remote control queue."""
    control_queue_ttl: float
    """Seconds after which a remote control command that nobody has read is discarded."""
    cosmosdbsql_collection_name: str
    """Cosmos DB collection that holds the results."""
    cosmosdbsql_consistency_level: CosmosConsistency
    """Consistency level of Cosmos DB operations, from strongest to weakest."""
    cosmosdbsql_database_name: str
    """Cosmos DB database that holds the results."""
    cosmosdbsql_max_retry_attempts: int
    """Number of times that a Cosmos DB request is retried."""
    cosmosdbsql_max_retry_wait_time: int
    """Total number of seconds that the retries of one Cosmos DB request may take."""
    couchbase_backend_settings: Mapping[str, Any] | None
    """Connection to Couchbase as a result backend: host, port, bucket and credentials."""
    database_create_tables_at_setup: bool
    """Whether the database result backend creates its tables at startup or with the first result."""
    database_engine_callback: Callable[[Engine], object] | str | None
    """Function, or its import path, that is called with the SQLAlchemy engine after its creation."""
    database_engine_options: Mapping[str, Any] | None
    """Arguments of ``create_engine`` for the database result backend."""
    database_short_lived_sessions: bool
    """Whether each result uses a new database session: slower, but never on a stale connection."""
    database_table_names: ResultTables | None
    """Names of the tables of the database result backend."""
    database_table_schemas: ResultTables | None
    """Schemas of the tables of the database result backend."""
    database_url: str | None
    """SQLAlchemy URL of the database result backend, unless result_backend contains it."""
    elasticsearch_max_retries: int | None
    """Number of times that an Elasticsearch request is retried; None is 3."""
    elasticsearch_retry_on_timeout: bool | None
    """Whether a request that timed out is retried on another Elasticsearch node."""
    elasticsearch_save_meta_as_text: bool
    """Whether Elasticsearch stores the details of a result as text instead of JSON fields."""
    elasticsearch_timeout: float | None
    """Seconds to wait for Elasticsearch; None is 10."""
    enable_utc: bool
    """Whether dates and times in messages are in UTC."""
    event_exchange: str
    """Exchange that workers publish events to."""
    event_queue_durable: bool
    """Whether a monitor's queue survives a broker restart; excludes event_queue_exclusive."""
    event_queue_exclusive: bool
    """Whether a monitor's queue belongs to one connection; excludes event_queue_durable."""
    event_queue_expires: float
    """Seconds without use after which the broker deletes a monitor's queue."""
    event_queue_prefix: str
    """Prefix of the names of monitors' queues."""
    event_queue_ttl: float
    """Seconds after which an event that a monitor has not read is discarded."""
    event_serializer: str
    """Serializer of event messages."""
    gcs_base_path: str
    """Prefix of the objects that hold results in Google Cloud Storage."""
    gcs_bucket: str | None
    """Google Cloud Storage bucket that holds the results."""
    gcs_project: str | None
    """Google Cloud project of the bucket."""
    gcs_ttl: float
    """Seconds after which Google Cloud Storage may delete a result; 0 keeps it forever."""
    imports: Strings
    """Modules that a worker imports when it starts, in this order."""
    include: Strings
    """Modules that a worker imports after those of ``imports``."""
    mongodb_backend_settings: Mapping[str, Any] | None
    """Connection to MongoDB as a result backend: database, collection, pool size and client options."""
    redis_backend_use_ssl: Mapping[str, Any] | None
    """TLS options of the Redis result backend, such as ``ssl_cert_reqs`` and ``ssl_ca_certs``."""
    redis_db: int | None
    """Number of the Redis database for results, unless the URL has one."""
    redis_host: str | None
    """Host of the Redis result backend, unless result_backend is a URL."""
    redis_max_connections: int | None
    """Maximum number of connections to the Redis result backend; a further one is an error."""
    redis_password: str | None
    """Password for the Redis result backend, unless the URL has one."""
    redis_port: int | None
    """Port of the Redis result backend, unless the URL has one."""
    redis_retry_on_timeout: bool
    """Whether a command that timed out is retried by the Redis result backend."""
    redis_socket_connect_timeout: float | None
    """Seconds to wait for a connection to the Redis result backend; None waits forever."""
    redis_socket_keepalive: bool
    """Whether connections to the Redis result backend use TCP keepalive."""
    redis_socket_timeout: float | None
    """Seconds to wait for a response from the Redis result backend; None waits forever."""
    redis_username: str | None
    """User name for the Redis result backend, unless the URL has one."""
    result_accept_content: StringSet | None
    """Serializers or content types of the results that are accepted; None uses accept_content."""
    result_backend: str | None
    """URL or name of the store for task results; None stores no results."""
    result_backend_always_retry: bool | None
    """Whether the result backend retries an operation after an error that may be temporary."""
    result_backend_base_sleep_between_retries_ms: int
    """Milliseconds before the first retry of the result backend; each further wait is twice as long."""
    result_backend_max_retries: float | None
    """Number of times that the result backend retries an operation; infinity retries forever."""
    result_backend_max_sleep_between_retries_ms: int
    """Longest wait between two retries of the result backend, in milliseconds."""
    result_backend_transport_options: Mapping[str, Any]
    """Options of the result backend's transport, such as ``visibility_timeout`` for Redis."""
    result_cache_max: int | None
    """Number of results that a client caches: -1 turns the cache off, 0 or None removes the limit."""
    result_chord_expires: float | dt.timedelta | None
    """How long the state of a chord is kept, in seconds or as a timedelta; None uses result_expires."""
    result_chord_join_timeout: float
    """Seconds to wait for the results of a group when a chord joins them."""
    result_chord_retry_interval: float
    """Seconds between two checks of whether the tasks of a chord have finished."""
    result_compression: str | None
    """Compression of stored results, such as ``gzip``; None does not compress them."""
    result_exchange: str
    """Exchange of the RPC result backend."""
    result_exchange_type: str
    """Exchange type of the RPC result backend, such as ``direct``."""
    result_expires: float | dt.timedelta | None
    """How long a result is kept, in seconds or as a timedelta; 0 or None keeps it forever."""
    result_extended: bool
    """Whether a result also stores the task's name, arguments, worker, queue and number of retries."""
    result_failure_expires: float | dt.timedelta | None
    """How long Redis keeps the result of a failed task; None uses result_expires, 0 keeps it forever."""
    result_persistent: bool | None
    """Whether results of the RPC result backend survive a broker restart."""
    result_serializer: str
    """Serializer of task results, such as ``json``."""
    s3_access_key_id: str | None
    """Access key of the S3 result backend."""
    s3_base_path: str | None
    """Prefix of the objects that hold results in S3."""
    s3_bucket: str | None
    """S3 bucket that holds the results."""
    s3_endpoint_url: str | None
    """URL of an S3-compatible service to use instead of AWS."""
    s3_region: str | None
    """AWS region of the bucket."""
    s3_secret_access_key: str | None
    """Secret key of the S3 result backend."""
    security_cert_store: str | None
    """Directory, or glob pattern, of the certificates that verify signed messages."""
    security_certificate: str | None
    """File with the certificate of security_key."""
    security_digest: str
    """Hash algorithm of message signatures, such as ``sha256``."""
    security_key: str | None
    """File with the private key that signs messages."""
    security_key_password: bytes | str | None
    """Password of the private key in security_key."""
    task_acks_late: bool
    """Whether a message is acknowledged after its task has run instead of before."""
    task_acks_on_failure: bool | None
    """Whether the message of a failed task is acknowledged; if not, it is rejected without requeueing."""
    task_acks_on_failure_or_timeout: bool
    """The older setting that task_acks_on_failure and task_acks_on_timeout fall back to."""
    task_acks_on_timeout: bool | None
    """Whether the message of a task that timed out is acknowledged; if not, it is requeued."""
    task_allow_error_cb_on_chord_header: bool
    """Whether the error callback of a chord is also linked to each task of its header."""
    task_always_eager: bool
    """Whether ``delay`` runs a task in the calling process instead of sending it to a worker."""
    task_annotations: Annotations | Sequence[Annotations | TaskAnnotator | str] | None
    """Attributes to set on tasks, by task name or ``*``, or objects that choose the tasks."""
    task_compression: str | None
    """Compression of task messages, such as ``gzip``; None does not compress them."""
    task_create_missing_queue_exchange_type: str | None
    """Exchange type of queues that are created automatically, such as ``topic``."""
    task_create_missing_queue_type: QueueType
    """Type of the RabbitMQ queues that are created automatically."""
    task_create_missing_queues: bool
    """Whether a queue that is used but not listed in task_queues is created automatically."""
    task_default_delivery_mode: Literal["transient", "persistent", 1, 2]
    """Whether the broker writes messages to disk: persistent (2) or transient (1)."""
    task_default_exchange: str | None
    """Exchange of queues that do not name one; None is the name of the default queue."""
    task_default_exchange_type: str
    """Exchange type of queues that do not name one, such as ``direct``."""
    task_default_priority: int | None
    """Priority of messages without one; 0 is the highest in Redis and the lowest in RabbitMQ."""
    task_default_queue: str
    """Queue of tasks that no route matches."""
    task_default_queue_type: QueueType
    """Type of the default queue in RabbitMQ."""
    task_default_rate_limit: str | float | None
    """Rate at which a worker starts tasks of the same name: text such as ``10/m``, or tasks per second."""
    task_default_routing_key: str | None
    """Routing key of queues that do not name one; None is the name of the default queue."""
    task_eager_propagates: bool
    """Whether a task that runs eagerly raises its exception in the caller."""
    task_ignore_result: bool
    """Whether the return values of tasks are discarded instead of stored."""
    task_inherit_parent_priority: bool
    """Whether a task that is sent by another task inherits its priority."""
    task_protocol: Literal[1, 2]
    """Version of the task message format."""
    task_publish_retry: bool
    """Whether sending a task is retried when the connection to the broker fails."""
    task_publish_retry_policy: PublishRetryPolicy
    """How often, and after which waits, sending a task is retried."""
    task_queue_max_priority: int | None
    """Highest priority of RabbitMQ queues that do not set their own."""
    task_queues: Sequence[Queue] | Mapping[str, Queue | Mapping[str, Any]] | None
    """Queues that workers consume from; None is the default queue alone."""
    task_reject_on_worker_lost: bool | None
    """Whether a late-acknowledged task is requeued when its child process dies."""
    task_remote_tracebacks: bool
    """Whether a result carries the worker's traceback; requires the package tblib."""
    task_repr_maxlevels: int | None
    """Nesting depth to which the arguments of a task are shown; 0 or None shows everything."""
    task_retry_on_worker_lost: bool
    """Whether a task is sent again as a retry, up to its max_retries, when its child process dies."""
    task_routes: Router | Sequence[Router | RouteList] | None
    """Queues of tasks by task name or pattern, a function that chooses them, or a list of these."""
    task_send_sent_event: bool
    """Whether an event is sent to monitors when a task is sent, before a worker receives it."""
    task_serializer: str
    """Serializer of task messages, such as ``json``."""
    task_soft_time_limit: float | None
    """Seconds after which a task is interrupted by SoftTimeLimitExceeded, so that it can clean up."""
    task_store_eager_result: bool
    """Whether the result of a task that runs eagerly is stored."""
    task_store_errors_even_if_ignored: bool
    """Whether errors are stored even where task_ignore_result discards return values."""
    task_time_limit: float | None
    """Seconds after which the child process that runs a task is killed."""
    task_track_started: bool
    """Whether a task reports the state STARTED when a worker begins to run it."""
    timezone: str | dt.tzinfo | None
    """Time zone of schedules, such as ``Europe/Prague``; None is UTC, or local time without enable_utc."""
    worker_agent: str | type | None
    """Agent class that a worker runs next to its consumer, or its import path."""
    worker_autoscaler: str | type
    """Class that scales the pool, or its import path."""
    worker_cancel_long_running_tasks_on_connection_loss: bool
    """Whether late-acknowledged tasks are cancelled when the connection to the broker is lost."""
    worker_concurrency: int | Literal["auto"] | None
    """Number of child processes or threads; auto respects the CPU quota, None is one for each CPU."""
    worker_consumer: str | type
    """Class that consumes messages, or its import path."""
    worker_deduplicate_successful_tasks: bool
    """Whether a redelivered, late-acknowledged task is skipped if it has already succeeded."""
    worker_detect_quorum_queues: bool
    """Whether a worker turns off the global prefetch limit when it finds a quorum queue."""
    worker_direct: bool
    """Whether each worker also consumes a queue of its own, for tasks meant for that worker only."""
    worker_disable_prefetch: bool
    """Whether a worker fetches a message only when a child process is free; works with Redis only."""
    worker_disable_rate_limits: bool
    """Whether all rate limits are ignored, including those of individual tasks."""
    worker_enable_prefetch_count_reduction: bool
    """Whether a worker fetches less after a reconnect until the tasks it was running have finished."""
    worker_enable_remote_control: bool
    """Whether a worker responds to remote control commands."""
    worker_enable_soft_shutdown_on_idle: bool
    """Whether the soft shutdown waits even if no task runs, so that tasks with an ETA are requeued."""
    worker_eta_task_limit: int | None
    """Maximum number of tasks with an ETA that a worker holds in memory; None is no limit."""
    worker_hijack_root_logger: bool
    """Whether a worker removes the handlers that the root logger already has."""
    worker_log_color: bool | None
    """Whether log lines are coloured; None colours them on a terminal only."""
    worker_log_datefmt: str | None
    """Format of the time in log lines, in the notation of strftime; None is the default of ``logging``."""
    worker_log_format: str
    """Format of log lines, in the notation of ``logging``."""
    worker_lost_wait: float
    """Seconds to wait for a result from a child process that died before the task is given up."""
    worker_max_memory_per_child: int | None
    """Kilobytes of memory after which a child process is replaced, between tasks; None is no limit."""
    worker_max_tasks_per_child: int | None
    """Number of tasks after which a child process is replaced; None is no limit."""
    worker_pool: str | type
    """Pool that runs the tasks: prefork, threads, solo, eventlet, gevent, or a class or its import path."""
    worker_pool_putlocks: bool
    """Whether the pool accepts a task only when a child process is free to run it."""
    worker_pool_restarts: bool
    """Whether the remote control command pool_restart is allowed."""
    worker_pool_start_method: Literal["fork", "spawn"]
    """How prefork starts child processes: fork is faster, spawn is safe in a process with threads."""
    worker_prefetch_multiplier: int
    """Number of messages that a worker reserves for each child process; 0 is no limit."""
    worker_proc_alive_timeout: float
    """Seconds to wait for a new child process to start."""
    worker_redirect_stdouts: bool
    """Whether the standard output and error of workers and beat are redirected to the log."""
    worker_redirect_stdouts_level: LogLevel | int
    """Log level of redirected output."""
    worker_send_task_events: bool
    """Whether workers send events about their tasks, for monitors such as Flower."""
    worker_soft_shutdown_timeout: float
    """Seconds that running tasks get to finish before a cold shutdown; 0 is none."""
    worker_state_db: str | None
    """File in which a worker keeps revoked tasks across restarts; None keeps them in memory only."""
    worker_task_log_datefmt: str | None
    """Format of the time in the log lines of tasks, in the notation of strftime."""
    worker_task_log_format: str
    """Format of the log lines of tasks, in the notation of ``logging``."""
    worker_timer: str | type | None
    """Class that schedules tasks with an ETA, or its import path; None uses that of the pool."""
    worker_timer_precision: float
    """Longest time in seconds between two checks for tasks whose ETA has come."""


def describe(name: str) -> str:
    """Return the meaning of Celery's setting ``name`` in one line.

    Raises:
        KeyError: Celery has no such setting.
    """
    return attribute_docstrings(CeleryOptions)[name]


def types_of(name: str) -> frozenset[Any]:
    """Return the types of the values of Celery's setting ``name``, without their parameters and None.

    As for a type checker, a whole number is also a float.

    Raises:
        KeyError: Celery has no such setting.
    """
    return frozenset(kind for member in _members(name) for kind in _types_in(member))


def choices_of(name: str) -> tuple[str | int, ...]:
    """Return the values that Celery's setting ``name`` may have, or none where there are more than a few.

    Raises:
        KeyError: Celery has no such setting.
    """
    members = _members(name)
    if any(get_origin(member) is not Literal for member in members):
        return ()
    return tuple(choice for member in members for choice in get_args(member))


def _members(name: str) -> list[Any]:
    hint = _hints()[name]
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return [member for member in members if member is not NoneType]


@cache
def _hints() -> dict[str, Any]:
    return get_type_hints(CeleryOptions)


def _types_in(member: Any) -> Iterator[Any]:
    origin = get_origin(member)
    if origin is Literal:
        yield from map(type, get_args(member))
    elif member is float:
        yield from (int, float)
    else:
        yield Mapping if is_typeddict(member) else origin or member
