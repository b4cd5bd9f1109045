"""The options of the Flower monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

from pydantic import Field, PlainSerializer, PlainValidator, PositiveInt, SecretStr, WithJsonSchema
from pydantic_settings import SettingsConfigDict

from ibutsu_server.settings.base import SettingsGroup
from ibutsu_server.settings.fields import Parsed, setting
from ibutsu_server.settings.redaction import HIDDEN
from ibutsu_server.settings.text import read_sequence

if TYPE_CHECKING:
    from collections.abc import Sequence

OTHER_OPTIONS: Final = frozenset(
    [
        "auth",
        "auth_provider",
        "auto_refresh",
        "broker_api",
        "ca_certs",
        "certfile",
        "conf",
        "cookie_secret",
        "db",
        "debug",
        "enable_events",
        "format_task",
        "inspect_timeout",
        "keyfile",
        "max_workers",
        "natural_time",
        "oauth2_key",
        "oauth2_okta_base_url",
        "oauth2_redirect_uri",
        "oauth2_secret",
        "persistent",
        "purge_offline_workers",
        "read_only",
        "state_save_interval",
        "task_runtime_metric_buckets",
        "tasks_columns",
        "unix_socket",
        "url_prefix",
        "xheaders",
    ]
)
"""Options that Flower reads from ``FLOWER_<NAME>`` by itself, and that are none of ours."""


def _read_logins(value: Any) -> tuple[SecretStr, ...]:
    logins = [
        item.get_secret_value() if isinstance(item, SecretStr) else item for item in read_sequence(value)
    ]
    if not all(isinstance(login, str) and all(login.partition(":")) for login in logins):
        message = "must be user:password, or several of these with commas between them"
        raise ValueError(message)
    return tuple(SecretStr(login) for login in logins)


LoginsField = Annotated[
    Parsed[tuple[SecretStr, ...], "Sequence[SecretStr | str] | str"],
    PlainValidator(_read_logins),
    PlainSerializer(lambda logins: [HIDDEN] * len(logins), return_type=list[str], when_used="json"),
    WithJsonSchema(
        {"type": "string", "writeOnly": True, "x-kind": "user:password, several with commas between them"}
    ),
]


class FlowerSettings(SettingsGroup):
    """How the monitor is reached, and how much it keeps."""

    model_config = SettingsConfigDict(env_prefix="FLOWER_")
    roles: ClassVar[frozenset[str]] = frozenset({"flower"})

    basic_auth: LoginsField = setting(())
    """User and password of everyone who may look at the monitor. Without it, and without another kind of
    login, whoever reaches the port can see all tasks and stop workers."""

    address: str = ""
    """Address to listen on; all addresses of the machine where it is empty."""

    port: Annotated[int, Field(ge=0, le=65535)] = 5555
    """Port to listen on."""

    max_tasks: PositiveInt = 10_000
    """Tasks the monitor keeps in memory; older ones are forgotten."""

    def to_flower(self) -> dict[str, Any]:
        """Return the options by the names of Flower."""
        return {
            "address": self.address,
            "basic_auth": [login.get_secret_value() for login in self.basic_auth],
            "max_tasks": self.max_tasks,
            "port": self.port,
        }
