"""How long a connection to PostgreSQL may be silent before either end gives it up."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from ibutsu_server.settings.base import SettingsGroup

_LONGEST: Final = 86_400

SecondsOrOff = Annotated[int, Field(ge=0, le=_LONGEST)]


class DatabaseLimits(SettingsGroup):
    """The limits of a connection to PostgreSQL, at the worker's end and at the server's.

    With the defaults a connection whose packets vanish is given up within 60 s at both ends: the worker tries
    again, and PostgreSQL frees the locks of a worker that vanished. 0 switches a limit off. A parameter of
    the same name in ``SQLALCHEMY_DATABASE_URI`` wins at the worker's end. They do not apply to SQLite.
    """

    model_config = SettingsConfigDict(env_prefix="IBUTSU_DATABASE_")

    connect_timeout: SecondsOrOff = 10
    """Seconds an attempt to connect may take, per address of the host."""

    tcp_user_timeout: SecondsOrOff = 30
    """Seconds that data which was sent may stay unacknowledged, in either direction."""

    keepalives_idle: SecondsOrOff = 15
    """Seconds of silence after which the first TCP keepalive probe is sent, in either direction."""

    keepalives_interval: SecondsOrOff = 5
    """Seconds between two keepalive probes."""

    keepalives_count: Annotated[int, Field(ge=0, le=100)] = 6
    """Keepalive probes without an answer after which the connection is dead."""

    client_check_interval: SecondsOrOff = 10
    """Seconds between PostgreSQL's checks, during a statement, that the worker is still connected
    (``client_connection_check_interval``)."""

    def for_libpq(self) -> dict[str, int]:
        """Return the limits of the worker's end, by the names of libpq."""
        limits = {
            "connect_timeout": self.connect_timeout,
            "tcp_user_timeout": self.tcp_user_timeout * 1000,
            "keepalives_idle": self.keepalives_idle,
            "keepalives_interval": self.keepalives_interval,
            "keepalives_count": self.keepalives_count,
        }
        return {name: limit for name, limit in limits.items() if limit}

    def for_server(self) -> dict[str, str]:
        """Return the limits of the server's end, by the names of PostgreSQL's settings."""
        limits = {
            "tcp_user_timeout": f"{self.tcp_user_timeout}s",
            "tcp_keepalives_idle": f"{self.keepalives_idle}s",
            "tcp_keepalives_interval": f"{self.keepalives_interval}s",
            "tcp_keepalives_count": f"{self.keepalives_count}",
            "client_connection_check_interval": f"{self.client_check_interval}s",
        }
        return {name: limit for name, limit in limits.items() if limit not in ("0", "0s")}
