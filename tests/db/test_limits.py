"""Show that a connection to PostgreSQL is limited at both ends, and how each limit is switched off."""

from __future__ import annotations

from contextlib import closing, contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from ibutsu_server.app import create_app
from ibutsu_server.db import db
from ibutsu_server.db.setup import limit_server
from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings import DatabaseLimits, FlaskCelerySettings, Sources
from tests.integration.faults.proxy import Proxy
from tests.integration.faults.servers import OwnPostgres, own_postgres
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

OFF = dict.fromkeys(DatabaseLimits.model_fields, 0)


@pytest.fixture(scope="module")
def postgres() -> Iterator[OwnPostgres]:
    """Run a PostgreSQL on a TCP port: a Unix socket has none of these limits."""
    with own_postgres() as server:
        yield server


@contextmanager
def connected(uri: str, **limits: int) -> Iterator[None]:
    """Activate an app over the database with these limits, the others as they are by default."""
    settings = FlaskCelerySettings.hermetic(broker_url="redis://unused", sqlalchemy_database_uri=uri)
    with create_app(settings, groups=[DatabaseLimits.hermetic(**limits)]).app_context():
        yield
        db.session.remove()
        db.engine.dispose()


def at_the_server(name: str) -> str:
    """Return the value of a PostgreSQL setting in the session's connection, as PostgreSQL shows it."""
    value: str = db.session.execute(text(f"SHOW {name}")).scalar_one()
    return value


def at_the_worker() -> dict[str, str]:
    """Return the parameters with which libpq made the session's connection."""
    driver: Any = db.session.connection().connection.driver_connection
    parameters: dict[str, str] = driver.info.get_parameters()
    return parameters


def test_a_connection_is_limited_at_both_ends(postgres: OwnPostgres) -> None:
    """By default either end gives up a connection that is silent for 45 seconds, or data after 30."""
    with connected(postgres.uri):
        limits = at_the_worker()
        assert {name: limits[name] for name in DatabaseLimits.hermetic().for_libpq()} == {
            "connect_timeout": "10",
            "tcp_user_timeout": "30000",
            "keepalives_idle": "15",
            "keepalives_interval": "5",
            "keepalives_count": "6",
        }
        assert "options" not in limits  # pgbouncer would refuse the connection
        assert {name: at_the_server(name) for name in DatabaseLimits.hermetic().for_server()} == {
            "tcp_user_timeout": "30000",
            "tcp_keepalives_idle": "15",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "6",
            "client_connection_check_interval": "10s",
        }


def test_the_limits_stay_when_a_transaction_is_rolled_back(postgres: OwnPostgres) -> None:
    """They belong to the connection, and no transaction is open after they were set."""
    with connected(postgres.uri):
        db.session.rollback()
        assert at_the_server("client_connection_check_interval") == "10s"


@pytest.mark.parametrize("off", DatabaseLimits.model_fields)
def test_each_limit_can_be_switched_off(postgres: OwnPostgres, off: str) -> None:
    """With 0 the limit is neither handed to libpq nor set at the server; the others are."""
    every, left = DatabaseLimits.hermetic(), DatabaseLimits.hermetic(**{off: 0})
    ours, servers = every.for_libpq(), every.for_server()
    switched_off = {name for name in (*ours, *servers) if name not in (*left.for_libpq(), *left.for_server())}
    assert switched_off <= {off, f"tcp_{off}", "client_connection_check_interval"}
    assert switched_off
    with connected(postgres.uri, **{off: 0}):
        assert not set(at_the_worker()) & switched_off & set(ours)
        assert at_the_server("server_version")


def test_all_of_them_off_leave_the_connection_as_it_is(postgres: OwnPostgres) -> None:
    """Neither end has a limit of ours."""
    with connected(postgres.uri, **OFF):
        assert not set(at_the_worker()) & set(DatabaseLimits.hermetic().for_libpq())
        assert at_the_server("client_connection_check_interval") == "0"


def test_a_parameter_of_the_uri_wins(postgres: OwnPostgres) -> None:
    """Whoever writes a limit into SQLALCHEMY_DATABASE_URI keeps it."""
    with connected(f"{postgres.uri}?connect_timeout=3"):
        assert at_the_worker()["connect_timeout"] == "3"


def test_what_the_server_lacks_is_left_out(postgres: OwnPostgres) -> None:
    """An older PostgreSQL does not know every limit, and not every platform has each; the rest is set."""
    wanted = {"no_such_limit": "1", "client_connection_check_interval": "-5", "tcp_keepalives_idle": "7"}
    with closing(psycopg.connect(postgres.uri)) as connection:
        limit_server(connection, wanted)
        assert connection.execute("SHOW tcp_keepalives_idle").fetchone() == ("7",)
        connection.rollback()


def test_a_negative_limit_is_refused() -> None:
    """The message names the variable."""
    with pytest.raises(ConfigurationError, match="IBUTSU_DATABASE_CONNECT_TIMEOUT must be a whole"):
        DatabaseLimits.from_sources(Sources(environ={"IBUTSU_DATABASE_CONNECT_TIMEOUT": "-1"}))


SHORT = {"connect_timeout": 2, "tcp_user_timeout": 2, "keepalives_idle": 1, "keepalives_interval": 1}


def test_an_idle_connection_whose_packets_vanish_is_given_up(postgres: OwnPostgres) -> None:
    """The check before its next use does not hang: it fails, and works again when packets pass."""
    with Proxy(postgres.port) as proxy, connected(postgres.uri_through(proxy.port), **SHORT):
        assert at_the_server("server_version")
        db.session.rollback()
        proxy.cut()
        with pytest.raises(OperationalError, match="timeout"):
            at_the_server("server_version")
        db.session.rollback()
        proxy.join()
        assert at_the_server("server_version")


def test_a_statement_whose_answer_vanishes_is_given_up(postgres: OwnPostgres) -> None:
    """Whoever waits for an answer that cannot come gives up when keepalive probes are not answered."""

    def cut_when_it_waits() -> None:
        wait_until(lambda: bool(postgres.execute("SELECT 1 FROM pg_locks WHERE NOT granted")))
        proxy.cut()

    with (
        closing(psycopg.connect(postgres.uri)) as holder,
        Proxy(postgres.port) as proxy,
        connected(postgres.uri_through(proxy.port), **SHORT),
    ):
        holder.execute("SELECT pg_advisory_lock(1)")
        db.session.execute(text("SELECT 1"))
        cutter = Thread(target=cut_when_it_waits)
        cutter.start()
        with pytest.raises(OperationalError, match="timed out"):
            db.session.execute(text("SELECT pg_advisory_lock(1)"))
        cutter.join()
        db.session().invalidate()


def test_the_locks_of_a_worker_that_vanished_are_freed(postgres: OwnPostgres) -> None:
    """PostgreSQL notices that the other end of an open transaction is gone, and rolls it back."""
    postgres.execute("CREATE TABLE held (id int PRIMARY KEY)")
    postgres.execute("INSERT INTO held VALUES (1)")
    with Proxy(postgres.port) as proxy, connected(postgres.uri_through(proxy.port), **SHORT):
        db.session.execute(text("SELECT * FROM held FOR UPDATE"))
        proxy.cut()
        assert postgres.execute("SELECT id FROM held FOR UPDATE") == [(1,)]
        db.session().invalidate()
