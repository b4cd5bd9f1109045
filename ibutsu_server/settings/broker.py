"""How to reach the broker and the result backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator

from ibutsu_server import constants
from ibutsu_server.settings.base import CrossFault, SettingsGroup
from ibutsu_server.settings.fields import LONGEST, OptionsField, Parsed, ReadableFile, Seconds, setting
from ibutsu_server.settings.options import Options
from ibutsu_server.settings.urls import RedisUrl

if TYPE_CHECKING:
    from collections.abc import Iterator


class BrokerSettings(SettingsGroup):
    """How a process reaches its Redis: all that the monitor needs to know of the deployment."""

    roles: ClassVar[frozenset[str]] = frozenset({"flower"})

    broker_url: Parsed[RedisUrl, RedisUrl | str] = setting(examples=["redis://localhost:6379/0"])
    """URL of the broker: ``redis://``, ``rediss://`` (TLS, verified), ``redis+socket://`` or ``unix://``
    (a socket), or ``sentinel://host:26379;sentinel://host:26379``."""

    result_backend: Parsed[RedisUrl, RedisUrl | str] = setting(
        default_factory=lambda validated: validated["broker_url"],
        validation_alias=AliasChoices("CELERY_RESULT_BACKEND", "CELERY_RESULT_BACKEND_URL"),
        json_schema_extra={"x-default": "that of CELERY_BROKER_URL"},
    )
    """URL of the Redis that keeps task results; the broker's where it is not set."""

    redis_socket_timeout: Seconds = constants.SOCKET_TIMEOUT
    """Seconds a read or write may take. Measured with packets that vanish on a half-open connection:
    without a timeout the worker never consumes again though it looks alive; with 5 s it does after 58 s."""

    redis_socket_connect_timeout: Seconds = constants.SOCKET_CONNECT_TIMEOUT
    """Seconds a connection attempt may take."""

    redis_retry_on_timeout: bool = True
    """Whether a command that timed out is sent once more."""

    redis_socket_keepalive: bool = True
    """Whether TCP keepalive probes are sent; a unix socket has none."""

    redis_health_check_interval: Annotated[int, Field(ge=0, le=LONGEST)] = 5
    """Seconds between checks of an idle connection; 0 for none. Measured on a half-open connection:
    with 5 s, and the socket timeout at 5 s, the worker consumes again after 17 s rather than 58 s."""

    redis_tls_ca_file: ReadableFile = setting(None)
    """PEM file of the authorities that ``rediss://`` trusts; the system's where it is not set."""

    redis_tls_cert_file: ReadableFile = setting(None)
    """PEM file of the client's certificate, for a Redis that asks for one."""

    redis_tls_key_file: ReadableFile = setting(None)
    """PEM file of the private key of the client's certificate."""

    redis_tls_verify: Literal["required", "optional", "none"] = "required"
    """Whether the certificate of a ``rediss://`` server must be valid; ``ssl_cert_reqs`` in the URL wins."""

    redis_sentinel_master_name: str | None = None
    """Name of the master that the sentinels of a ``sentinel://`` URL watch."""

    redis_sentinel_password: Parsed[SecretStr | None, SecretStr | str | None] = setting(None)
    """Password of the sentinels themselves, where they ask for one."""

    broker_transport_options: OptionsField = setting(default_factory=Options)
    """More options of the broker's transport, by the names of kombu; they win over the ones made here."""

    result_backend_transport_options: OptionsField = setting(default_factory=Options)
    """More options of the result backend's transport, likewise."""

    @field_validator("broker_transport_options", "result_backend_transport_options")
    @classmethod
    def _check_visibility_timeout(cls, options: Options) -> Options:
        timeout = options.get("visibility_timeout", LONGEST)
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 2 <= timeout <= LONGEST:
            message = f"has a visibility_timeout that is not a number of seconds from 2 to {LONGEST:,}"
            raise ValueError(message)
        return options

    def cross_faults(self) -> Iterator[CrossFault]:
        """Yield options that do not fit the URLs."""
        yield from super().cross_faults()
        urls = (self.broker_url, self.result_backend)
        if any(url.is_sentinel for url in urls) and not self.redis_sentinel_master_name:
            problem = "needs the name of the master; set CELERY_REDIS_SENTINEL_MASTER_NAME"
            yield CrossFault(("broker_url", "result_backend", "redis_sentinel_master_name"), problem)
        if self.redis_tls_key_file and not self.redis_tls_cert_file:
            problem = "has no effect without a certificate; set CELERY_REDIS_TLS_CERT_FILE"
            yield CrossFault(("redis_tls_key_file", "redis_tls_cert_file"), problem)
        if not any(url.is_tls for url in urls):
            for field in ("redis_tls_ca_file", "redis_tls_cert_file"):
                if getattr(self, field) is not None:
                    problem = "is set though no URL uses TLS; write rediss:// or remove it"
                    yield CrossFault((field, "broker_url", "result_backend"), problem)

    def to_celery(self) -> dict[str, Any]:
        """Return Celery's configuration of broker and result backend, by its lower-case names."""
        backend = self.result_backend
        configuration: dict[str, Any] = {
            "broker_url": self.broker_url.for_celery(),
            "result_backend": backend.for_celery(),
            "redis_socket_timeout": self.redis_socket_timeout,
            "redis_socket_connect_timeout": self.redis_socket_connect_timeout,
            "redis_retry_on_timeout": self.redis_retry_on_timeout,
            "redis_socket_keepalive": self.redis_socket_keepalive and not backend.is_unix,
            "redis_backend_health_check_interval": self.redis_health_check_interval,
            "broker_transport_options": (
                self._transport_options(self.broker_url) | self.broker_transport_options.thaw()
            ),
            "result_backend_transport_options": (
                self._transport_options(backend) | self.result_backend_transport_options.thaw()
            ),
        }
        if self.broker_url.is_tls:
            configuration["broker_use_ssl"] = self.tls_options(self.broker_url)
        if backend.is_tls:
            configuration["redis_backend_use_ssl"] = self.tls_options(backend)
        return configuration

    def connection_options(self) -> dict[str, Any]:
        """Return what every connection to Redis gets, by the names of redis-py."""
        return {
            "socket_timeout": self.redis_socket_timeout,
            "socket_connect_timeout": self.redis_socket_connect_timeout,
            "socket_keepalive": self.redis_socket_keepalive,
            "retry_on_timeout": self.redis_retry_on_timeout,
            "health_check_interval": self.redis_health_check_interval,
        }

    def sentinel_options(self) -> dict[str, Any]:
        """Return what every connection to a sentinel gets, by the names of redis-py."""
        options: dict[str, Any] = {
            "socket_timeout": self.redis_socket_timeout,
            "socket_connect_timeout": self.redis_socket_connect_timeout,
            # The next sentinel is asked instead; redis-py would first try a dead one eleven times over.
            "retry": None,
        }
        if self.redis_sentinel_password is not None:
            options["password"] = self.redis_sentinel_password.get_secret_value()
        return options

    def tls_options(self, url: RedisUrl) -> dict[str, Any]:
        """Return the TLS options of a ``rediss://`` URL, by the names of redis-py."""
        files = {
            "ssl_ca_certs": self.redis_tls_ca_file,
            "ssl_certfile": self.redis_tls_cert_file,
            "ssl_keyfile": self.redis_tls_key_file,
        }
        named = {name: str(path) for name, path in files.items() if path is not None}
        return {"ssl_cert_reqs": self.redis_tls_verify, **named, **url.tls_parameters()}

    def _transport_options(self, url: RedisUrl) -> dict[str, Any]:
        options = self.connection_options()
        if url.is_sentinel:
            options["master_name"] = self.redis_sentinel_master_name
            options["sentinel_kwargs"] = self.sentinel_options()
        return options
