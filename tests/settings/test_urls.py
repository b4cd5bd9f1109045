"""Show that every query parameter that a Redis URL may have is understood by all three libraries."""

from __future__ import annotations

from typing import Any

import pytest
from redis import Redis, SSLConnection

from ibutsu_server.celery_utils import create_broker_celery_app
from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings import BrokerSettings
from ibutsu_server.settings.urls import REDIS_PARAMETERS

VALUES = {
    "ssl_cert_reqs": "none",
    "ssl_ca_certs": "/dev/null",
    "ssl_certfile": "/dev/null",
    "ssl_keyfile": "/dev/null",
    "ssl_check_hostname": "false",
    "db": "3",
    "virtual_host": "3",
}
ALL = [(scheme, name) for scheme, names in REDIS_PARAMETERS.items() for name in sorted(names)]


@pytest.mark.parametrize(("scheme", "name"), ALL)
def test_a_parameter_is_taken_by_the_broker_the_backend_and_the_lock(scheme: str, name: str) -> None:
    """None of the three libraries refuses it, and a TLS option means the same to all."""
    place = "/run/redis.sock" if scheme in ("unix", "redis+socket") else "broker/0"
    settings = BrokerSettings.hermetic(broker_url=f"{scheme}://{place}?{name}={VALUES[name]}")
    app = create_broker_celery_app(settings=settings)
    broker = app.connection_for_write()
    backend: dict[str, Any] = app.backend.connparams  # type: ignore[attr-defined]  # the Redis backend has them
    with Redis.from_url(settings.broker_url.for_redis()) as client:
        lock = client.connection_pool.make_connection()
    if scheme == "rediss":
        assert isinstance(broker.ssl, dict)
        assert name in broker.ssl
        assert name in backend
        assert isinstance(lock, SSLConnection)
    else:
        assert (backend["db"], lock.db) == (3, 3)
    app.close()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("redis://broker/0?db=3", "has the unknown query parameter 'db'; remove it"),
        ("redis://broker?virtual_host=3", "has the unknown query parameter 'virtual_host'; remove it"),
        ("redis://broker/0?ssl_cert_reqs=none", "has the unknown query parameter 'ssl_cert_reqs'; remove it"),
        (
            "rediss://broker/0?db=3",
            "has the unknown query parameter 'db'; use ssl_ca_certs, ssl_cert_reqs, ssl_certfile, "
            "ssl_check_hostname, ssl_keyfile",
        ),
        (
            "unix:///run/redis.sock?ssl_cert_reqs=none",
            "has the unknown query parameter 'ssl_cert_reqs'; use db, virtual_host",
        ),
        (
            "rediss://broker/0?credential_provider=os.system",
            "has the unknown query parameter 'credential_provider'; use ssl_ca_certs, ssl_cert_reqs, "
            "ssl_certfile, ssl_check_hostname, ssl_keyfile",
        ),
        ("redis://broker/0?db", "has the unknown query parameter 'db'; remove it"),
    ],
)
def test_a_parameter_that_one_of_them_does_not_know_is_refused(url: str, problem: str) -> None:
    """It would end a worker with a traceback, or have no effect in one of the three places."""
    with pytest.raises(ConfigurationError) as caught:
        BrokerSettings.hermetic(broker_url=url)
    assert str(caught.value) == f"broker_url {problem}"
