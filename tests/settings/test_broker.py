"""Show how the broker is reached, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ibutsu_server import constants
from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings import BrokerSettings, Sources

if TYPE_CHECKING:
    from pathlib import Path


def faults_of(**arguments: Any) -> list[str]:
    """Return the sentences with which ``arguments`` are refused."""
    with pytest.raises(ConfigurationError) as caught:
        BrokerSettings.hermetic(**arguments)
    return str(caught.value).splitlines()


def test_a_missing_broker_names_the_variable_to_set() -> None:
    """The documented sentence comes with an example, as a ValueError."""
    with pytest.raises(ValueError, match="CELERY_BROKER_URL environment variable must be set") as caught:
        BrokerSettings.hermetic()
    assert "CELERY_BROKER_URL=redis://localhost:6379/0" in str(caught.value)


def test_the_result_backend_defaults_to_the_broker() -> None:
    """One URL is enough."""
    assert BrokerSettings.hermetic(broker_url="redis://a/0").to_celery()["result_backend"] == "redis://a/0"


def test_both_sides_get_the_socket_timeouts_of_the_constants() -> None:
    """The timeouts stand in redis_*, and in the options of broker and result backend."""
    celery = BrokerSettings.hermetic(broker_url="redis://a/0").to_celery()
    assert celery["redis_socket_timeout"] == constants.SOCKET_TIMEOUT
    assert celery["redis_socket_connect_timeout"] == constants.SOCKET_CONNECT_TIMEOUT
    for options in ("broker_transport_options", "result_backend_transport_options"):
        assert celery[options]["socket_timeout"] == constants.SOCKET_TIMEOUT
        assert celery[options]["socket_connect_timeout"] == constants.SOCKET_CONNECT_TIMEOUT
        assert celery[options]["retry_on_timeout"] is True
        assert celery[options]["socket_keepalive"] is True
        assert celery[options]["health_check_interval"] == 5


def test_the_two_option_dictionaries_are_not_shared() -> None:
    """A change of one, in this rendering or another, does not reach the other."""
    settings = BrokerSettings.hermetic(
        broker_url="redis://a/0", broker_transport_options={"sentinel_kwargs": {}}
    )
    first, second = settings.to_celery(), settings.to_celery()
    first["broker_transport_options"]["sentinel_kwargs"]["a"] = 1
    first["broker_transport_options"]["socket_timeout"] = 1
    assert first["result_backend_transport_options"]["socket_timeout"] == constants.SOCKET_TIMEOUT
    assert second["broker_transport_options"]["sentinel_kwargs"] == {}


def test_a_plain_tls_url_verifies() -> None:
    """rediss:// alone asks for a valid certificate on both sides."""
    celery = BrokerSettings.hermetic(broker_url="rediss://a/0").to_celery()
    assert celery["broker_use_ssl"] == {"ssl_cert_reqs": "required"}
    assert celery["redis_backend_use_ssl"] == {"ssl_cert_reqs": "required"}


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    """Give a folder with the three files of a TLS client; nothing reads what they hold."""
    for name in ("ca.pem", "client.pem", "client.key"):
        (tmp_path / name).touch()
    return tmp_path


def test_tls_files_and_verification_reach_both_sides(tls: Path) -> None:
    """CA, certificate and key go by the names of redis-py; the URL's own parameters win."""
    celery = BrokerSettings.hermetic(
        broker_url="rediss://a/0?ssl_cert_reqs=CERT_OPTIONAL",
        redis_tls_ca_file=str(tls / "ca.pem"),
        redis_tls_cert_file=str(tls / "client.pem"),
        redis_tls_key_file=str(tls / "client.key"),
    ).to_celery()
    assert celery["broker_use_ssl"] == {
        "ssl_cert_reqs": "optional",
        "ssl_ca_certs": str(tls / "ca.pem"),
        "ssl_certfile": str(tls / "client.pem"),
        "ssl_keyfile": str(tls / "client.key"),
    }
    assert celery["redis_backend_use_ssl"] == celery["broker_use_ssl"]


def test_a_tls_file_that_does_not_exist_is_refused(tls: Path) -> None:
    """The path and the reason are named, before any connection is tried."""
    missing = tls / "nowhere.pem"
    assert faults_of(broker_url="rediss://a/0", redis_tls_ca_file=missing) == [
        f"redis_tls_ca_file names a file that cannot be read: {missing} (No such file or directory); "
        "correct the path or the permissions"
    ]


def test_a_folder_is_not_a_tls_file(tls: Path) -> None:
    """A directory cannot be read as a certificate."""
    assert faults_of(broker_url="rediss://a/0", redis_tls_ca_file=tls) == [
        f"redis_tls_ca_file names a file that cannot be read: {tls} (Is a directory); "
        "correct the path or the permissions"
    ]


def test_tls_files_without_tls_are_refused(tls: Path) -> None:
    """A CA for redis:// would protect nothing."""
    assert faults_of(broker_url="redis://a/0", redis_tls_ca_file=tls / "ca.pem") == [
        "redis_tls_ca_file is set though no URL uses TLS; write rediss:// or remove it"
    ]


def test_a_tls_key_without_a_certificate_is_refused(tls: Path) -> None:
    """A key alone identifies nobody."""
    assert faults_of(broker_url="rediss://a/0", redis_tls_key_file=tls / "client.key") == [
        "redis_tls_key_file has no effect without a certificate; set CELERY_REDIS_TLS_CERT_FILE"
    ]


def test_sentinels_need_the_name_of_the_master() -> None:
    """sentinel:// without a name cannot find the server."""
    assert faults_of(broker_url="sentinel://a:26379;sentinel://b:26379") == [
        "broker_url needs the name of the master; set CELERY_REDIS_SENTINEL_MASTER_NAME"
    ]


def test_sentinels_reach_both_sides() -> None:
    """Both sides know the master and the sentinels' own password, and try no dead sentinel again."""
    celery = BrokerSettings.hermetic(
        broker_url="sentinel://a:26379;sentinel://b:26379",
        redis_sentinel_master_name="main",
        redis_sentinel_password="hunter2",  # noqa: S106 - a password of this test
    ).to_celery()
    for options in ("broker_transport_options", "result_backend_transport_options"):
        assert celery[options]["master_name"] == "main"
        assert celery[options]["sentinel_kwargs"]["password"] == "hunter2"  # noqa: S105 - the same
        assert celery[options]["sentinel_kwargs"]["retry"] is None


@pytest.mark.parametrize(
    "url", ["redis+socket:///run/redis.sock?virtual_host=2", "unix:///run/redis.sock?db=2"]
)
def test_a_unix_socket_has_one_form_for_celery_and_no_keepalive(url: str) -> None:
    """Both spellings reach Celery as redis+socket://, without the TCP option its backend cannot take."""
    celery = BrokerSettings.hermetic(broker_url=url).to_celery()
    assert celery["broker_url"] == "redis+socket:///run/redis.sock?virtual_host=2"
    assert celery["redis_socket_keepalive"] is False


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (
            "amqp://guest:hunter2@host//",
            "has a scheme that is not Redis; use one of redis://, rediss://, redis+socket://, unix://, sentinel://",
        ),
        (
            "redis://:hun/ter2@host:6379/0",
            "cannot be read as a URL; write scheme://user:password@host:port/database "
            "and percent-encode the special characters of the password",
        ),
        (
            "redis://host/hunter2",
            "names a database that is not a number; write for example redis://host:6379/0",
        ),
        ("redis://:hunter2@host/0#x", "holds a '#'; percent-encode it as %23"),
        ("unix://", "names no socket; write unix:///path/to/redis.sock"),
        ("redis://host/0?db_number=hunter2", "has the unknown query parameter 'db_number'; remove it"),
        (
            "rediss://host/0?timeout=hunter2",
            "has the unknown query parameter 'timeout'; use ssl_ca_certs, ssl_cert_reqs, ssl_certfile, "
            "ssl_check_hostname, ssl_keyfile",
        ),
        (
            "unix:///run/redis.sock?db=hunter2",
            "names a database that is not a number; write for example unix:///path/to/redis.sock?db=0",
        ),
        (
            "redis://host:1/0?x=hunter2@host/0",
            "cannot be read as a URL; write scheme://user:password@host:port/database "
            "and percent-encode the special characters of the password",
        ),
        (
            "redis://host/0\n",
            "cannot be read as a URL; write scheme://user:password@host:port/database "
            "and percent-encode the special characters of the password",
        ),
        (
            "rediss://host/0?ssl_cert_req=hunter2",
            "has the unknown query parameter 'ssl_cert_req'; did you mean 'ssl_cert_reqs'?",
        ),
        (
            "rediss://host/0?ssl_cert_reqs=maybe",
            "has an unknown ssl_cert_reqs; use required, optional or none",
        ),
        (
            "sentinel://a:26379;sentinel://b:hunter2",
            "cannot be read as a URL; write scheme://user:password@host:port/database "
            "and percent-encode the special characters of the password",
        ),
    ],
)
def test_an_unusable_url_is_told_without_its_password(url: str, problem: str) -> None:
    """The sentence says what is wrong and what to write, and never quotes the URL."""
    assert faults_of(broker_url=url) == [f"broker_url {problem}"]


def test_all_faults_come_at_once() -> None:
    """Two bad fields and an unknown one make three sentences."""
    assert faults_of(broker_url="http://h", redis_socket_timeout=-1, broker_ulr="x") == [
        "broker_url has a scheme that is not Redis; "
        "use one of redis://, rediss://, redis+socket://, unix://, sentinel://",
        "redis_socket_timeout must be a number, above 0, at most 1,000,000,000",
        "broker_ulr is not a setting of BrokerSettings; did you mean 'broker_url'?",
    ]


def test_a_cross_check_is_told_beside_a_bad_field(tls: Path) -> None:
    """A fault between two right fields does not wait for a third one to be corrected."""
    assert faults_of(redis_tls_key_file=tls / "client.key") == [
        "CELERY_BROKER_URL environment variable must be set, for example CELERY_BROKER_URL=redis://localhost:6379/0",
        "redis_tls_key_file has no effect without a certificate; set CELERY_REDIS_TLS_CERT_FILE",
    ]


def test_settings_do_not_change_after_validation() -> None:
    """Neither a field nor an option can be set."""
    settings = BrokerSettings.hermetic(
        broker_url="redis://a/0", broker_transport_options={"master_name": "x", "kwargs": {"a": [1]}}
    )
    with pytest.raises(ValidationError, match="frozen"):
        settings.redis_socket_timeout = 1
    with pytest.raises(TypeError, match="does not support item assignment"):
        settings.broker_transport_options["master_name"] = "y"  # type: ignore[index]  # that is the point
    with pytest.raises(TypeError, match="does not support item assignment"):
        settings.broker_transport_options["kwargs"]["a"] = 2
    with pytest.raises(AttributeError):
        settings.broker_transport_options["kwargs"]["a"].append(2)


def test_options_can_be_written_as_json_text() -> None:
    """CELERY_BROKER_TRANSPORT_OPTIONS is a JSON object; ours stay beside it."""
    environ = {
        "CELERY_BROKER_URL": "redis://a/0",
        "CELERY_BROKER_TRANSPORT_OPTIONS": '{"visibility_timeout": 60, "socket_timeout": 9}',
    }
    options = BrokerSettings.from_sources(Sources(environ=environ)).to_celery()["broker_transport_options"]
    assert options["visibility_timeout"] == 60
    assert options["socket_timeout"] == 9
    assert options["health_check_interval"] == 5


@pytest.mark.parametrize(
    "url",
    [
        "redis://user:hunter2@host:6379/0",
        "rediss://:hunter2@host/0",
        "redis://:hun;ter2hunter2@host/0",
        "redis://hunter2@host/0",
        "sentinel://:hunter2@a:26379;sentinel://:hunter2@b:26379",
        "redis+socket://:hunter2@/run/redis.sock",
    ],
)
def test_no_password_shows_anywhere(url: str) -> None:
    """Repr, text, dump and JSON of settings hide the password of every kind of URL."""
    settings = BrokerSettings.hermetic(
        broker_url=url,
        redis_sentinel_master_name="main",
        redis_sentinel_password="hunter2",  # noqa: S106 - a password of this test
        broker_transport_options={"sentinel_kwargs": {"password": "hunter2"}},
    )
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert "hunter2" not in shown
    assert "ter2" not in shown
    assert "***" in shown
