"""Show which files settings are read from, and what is said of one that cannot be read."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from ibutsu_server.exceptions import ConfigurationError, Fault
from ibutsu_server.settings import BrokerSettings, FlaskCelerySettings, Origin, Sources
from ibutsu_server.settings.origins import UNKNOWN, Found
from ibutsu_server.settings.server import read_role
from tests.processes import environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

URL: Final = "redis://broker/0"
REACHABLE: Final = {"CELERY_BROKER_URL": URL, "SQLALCHEMY_DATABASE_URI": "sqlite://"}
REMEDY: Final = "correct the path or the permissions"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@contextmanager
def without_privileges() -> Iterator[None]:
    """Let the permissions of files count for the superuser too."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def faults_of(sources: Sources | None = None, **arguments: Any) -> list[Fault]:
    """Return the faults of a BrokerSettings that is read from ``sources``, or from those of the process."""
    with pytest.raises(ConfigurationError) as caught:
        BrokerSettings.from_sources(sources or Sources.of_process(), **arguments)
    return list(caught.value.faults)


def sentences_of(sources: Sources | None = None, **arguments: Any) -> list[str]:
    """Return the same as text."""
    return [str(fault) for fault in faults_of(sources, **arguments)]


@pytest.mark.parametrize("field", ["redis_tls_ca_file", "redis_tls_cert_file", "redis_tls_key_file"])
def test_a_tls_file_must_be_readable(tmp_path: Path, field: str) -> None:
    """Each of the three files is named by its variable, with the reason."""
    path = tmp_path / "secret.pem"
    path.touch(mode=0o000)
    name = BrokerSettings.names_of(field)[0]
    certificate = {} if field == "redis_tls_cert_file" else {"CELERY_REDIS_TLS_CERT_FILE": "/dev/null"}
    environ = {"CELERY_BROKER_URL": "rediss://broker/0", **certificate, name: str(path)}
    with without_privileges():
        assert sentences_of(Sources(environ=environ)) == [
            f"{name} names a file that cannot be read: {path} (Permission denied); {REMEDY}"
        ]


def test_the_files_of_another_machine_are_not_looked_for() -> None:
    """The environment that a manifest gives a container names files of the container."""
    sources = Sources(
        deployed=Sources(
            environ={"CELERY_BROKER_URL": "rediss://broker/0", "CELERY_REDIS_TLS_CA_FILE": "/nowhere/ca.pem"}
        )._variables
    )
    assert str(BrokerSettings.from_sources(sources).redis_tls_ca_file) == "/nowhere/ca.pem"


@pytest.mark.parametrize("variable", ["IBUTSU_ENV_FILE", "IBUTSU_SECRETS_DIR"])
def test_a_place_that_does_not_exist_is_a_fault_where_it_was_named(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Whoever names a place wants it to be read; the places that are read by default need not exist."""
    monkeypatch.setenv(variable, "")
    assert BrokerSettings(broker_url=URL).warnings == ()
    monkeypatch.setenv(variable, "nowhere")
    assert sentences_of(broker_url=URL) == [
        f"{variable} names nowhere, which does not exist; correct the path, or unset the variable"
    ]


@pytest.mark.parametrize(
    ("place", "reason"),
    [("file", "Not a directory"), ("x" * 300, "File name too long"), ("closed", "Permission denied")],
)
def test_a_secrets_directory_that_cannot_be_read_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, reason: str
) -> None:
    """A file in its place, a path that no system takes, and missing permissions each have their reason."""
    (tmp_path / "file").touch()
    (tmp_path / "closed").mkdir(mode=0o000)
    path = tmp_path / place
    monkeypatch.setenv("IBUTSU_SECRETS_DIR", str(path))
    sources = Sources(environ=dict(os.environ), secrets_directory=path)
    with without_privileges() if place == "closed" else monkeypatch.context():
        assert sentences_of(sources, broker_url=URL) == [
            f"IBUTSU_SECRETS_DIR names a directory that cannot be read: {path} ({reason}); {REMEDY}"
        ]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (".", "Is a directory"),
        ("x" * 300, "File name too long"),
        ("latin-1.env", "not UTF-8"),
        ("/dev/zero", "more than 1,000,000 bytes"),
    ],
)
def test_an_env_file_that_cannot_be_read_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, reason: str
) -> None:
    """A folder, a device without an end and bytes that are not UTF-8 each have their reason."""
    (tmp_path / "latin-1.env").write_bytes(b"NAME=caf\xe9")
    monkeypatch.setenv("IBUTSU_ENV_FILE", place)
    assert sentences_of(broker_url=URL) == [
        f"IBUTSU_ENV_FILE names a file that cannot be read: {place} ({reason}); {REMEDY}"
    ]


@pytest.mark.parametrize(
    "content", ["CELERY_BROKER_URL redis://b/0", "CELERY_BROKER_URL", "= x", "CELERY_X: 1"]
)
def test_a_broken_line_of_an_env_file_is_one_fault(tmp_path: Path, content: str) -> None:
    """The file and the line are named, and the lines around it are read."""
    path = tmp_path / "any.env"
    path.write_text(f"# the broker\n\n{content}\nCELERY_REDIS_SOCKET_TIMEOUT=soon\n")
    line = f"{path}:3"
    assert faults_of(Sources(env_file=path), broker_url=URL) == [
        Fault(line, "is not NAME=value; correct the line, or remove it", str(path), 3),
        Fault(
            f"CELERY_REDIS_SOCKET_TIMEOUT in {path}:4",
            "must be a number, above 0, at most 1,000,000,000",
            str(path),
            4,
        ),
    ]


def test_an_env_file_may_be_written_by_other_programs(tmp_path: Path) -> None:
    """A byte order mark, export, quotes, comments and values of several lines are no broken lines."""
    path = tmp_path / "any.env"
    path.write_text(
        "\ufeffCELERY_BROKER_URL='redis://broker/0'  # the broker\r\n"
        "export CELERY_REDIS_SOCKET_TIMEOUT = 3\r\n"
        'CELERY_BROKER_TRANSPORT_OPTIONS="{\n  \\"master_name\\": \\"x\\"\n}"\r\n'
        "EMPTY=\r\n",
        encoding="utf-8",
        newline="",
    )
    settings = BrokerSettings.from_sources(Sources(env_file=path))
    assert settings.broker_url.get_secret_value() == URL
    assert settings.redis_socket_timeout == 3
    assert dict(settings.broker_transport_options) == {"master_name": "x"}
    assert settings.origin_of("broker_transport_options").line == 3


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"\xff", "not UTF-8"),
        (b"x" * 1_000_001, "more than 1,000,000 bytes"),
    ],
)
def test_a_secret_file_that_cannot_be_read_is_one_fault(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    """The variable that names the file is reported, and not also the setting as missing."""
    path = tmp_path / "url"
    if content is not None:
        path.write_bytes(content)
    assert sentences_of(Sources(environ={"CELERY_BROKER_URL_FILE": str(path)})) == [
        f"CELERY_BROKER_URL_FILE names a file that cannot be read: {path} ({reason}); {REMEDY}"
    ]


def test_a_path_that_is_none_is_a_fault(tmp_path: Path) -> None:
    """A NUL in a .env file cannot be part of a path."""
    (tmp_path / "any.env").write_bytes(b"CELERY_BROKER_URL_FILE=/a\0b\n")
    (fault,) = faults_of(Sources(env_file=tmp_path / "any.env"))
    assert fault.problem == f"names a file that cannot be read: /a\0b (not a path); {REMEDY}"
    assert (fault.file, fault.line) == (str(tmp_path / "any.env"), 1)


def test_a_mounted_secret_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    """A file of the secrets directory is named by its setting."""
    path = tmp_path / "celery_broker_url"
    path.write_bytes(b"\xff")
    assert sentences_of(Sources(secrets_directory=tmp_path)) == [
        f"CELERY_BROKER_URL names a file that cannot be read: {path} (not UTF-8); {REMEDY}"
    ]


def test_bytes_that_are_not_text_are_one_fault() -> None:
    """A variable in another encoding is reported as that, and not also as missing."""
    assert sentences_of(Sources(environ={"CELERY_BROKER_URL": "redis://caf\udce9/0"})) == [
        "CELERY_BROKER_URL holds bytes that are not UTF-8; write the value in UTF-8"
    ]


@pytest.mark.parametrize(
    ("name", "written", "shown"),
    [
        ("CELERY_BROKER_URL", "redis://:hunter2@broker/0", "redis://:***@broker/0"),
        ("CELERY_REDIS_SENTINEL_PASSWORD", "hunter2", "***"),
        ("CELERY_REDIS_SENTINEL_PASSWORD", "/run/secrets/nowhere", "/run/secrets/nowhere"),
    ],
)
def test_a_secret_in_place_of_its_path_is_not_shown(name: str, written: str, shown: str) -> None:
    """Who writes the password itself after <NAME>_FILE does not find it in a log."""
    environ = {"CELERY_BROKER_URL": URL, f"{name}_FILE": written}
    environ.pop(name, None)
    assert sentences_of(Sources(environ=environ)) == [
        f"{name}_FILE names a file that cannot be read: {shown} (No such file or directory); {REMEDY}"
    ]


def test_every_setting_of_celerys_can_come_from_a_secret_file(tmp_path: Path) -> None:
    """The option is read from the file that <NAME>_FILE names, or from a mounted one."""
    (tmp_path / "password").write_text("hunter2\n")
    (tmp_path / "celery_result_expires").write_text("60\n")
    environ = {**REACHABLE, "CELERY_REDIS_PASSWORD_FILE": str(tmp_path / "password")}
    settings = FlaskCelerySettings.from_sources(Sources(environ=environ, secrets_directory=tmp_path))
    assert dict(settings.celery) == {"redis_password": "hunter2", "result_expires": 60}
    assert (
        settings.origin_of("celery.redis_password").typed
        == f"CELERY_REDIS_PASSWORD in {tmp_path / 'password'}"
    )


def test_a_file_of_another_program_is_not_opened() -> None:
    """CELERY_LOG_FILE is no option of Celery's, so that its file need not exist."""
    settings = FlaskCelerySettings.from_sources(
        Sources(environ={**REACHABLE, "CELERY_LOG_FILE": "/nowhere/celery.log", "OTHER_FILE": "/nowhere"})
    )
    assert settings.warnings == ()


@pytest.mark.parametrize("kind", ["worker", "flower"])
def test_a_value_that_is_known_elsewhere_only_is_no_fault(kind: str) -> None:
    """A secret that a manifest refers to counts as valid, and faults beside it are reported."""
    names = ("CELERY_BROKER_URL", "SQLALCHEMY_DATABASE_URI", "CELERY_RESULT_EXPIRES", "FLOWER_BASIC_AUTH")
    unknown = {name: Found(UNKNOWN, Origin("environment variable", name, "pod.yml")) for name in names}
    assert read_role(kind, Sources(deployed=unknown)).warnings == ()
    port = Found("x", Origin("environment variable", "CELERY_REDIS_SOCKET_TIMEOUT", "pod.yml", 7))
    with pytest.raises(ConfigurationError) as caught:
        read_role(kind, Sources(deployed={**unknown, "CELERY_REDIS_SOCKET_TIMEOUT": port}))
    assert str(caught.value) == (
        "CELERY_REDIS_SOCKET_TIMEOUT in pod.yml:7 must be a number, above 0, at most 1,000,000,000"
    )


def test_a_path_of_other_bytes_than_utf_8_is_printed(tmp_path: Path) -> None:
    """The bytes are escaped, and the command ends with the list of faults and not with a traceback."""
    command = [sys.executable, "-m", "ibutsu_server", "config", "check", "--role", "flower"]
    environ = {**environment(), "CELERY_BROKER_URL_FILE": os.fsdecode(b"/nowhere/caf\xe9")}
    ended = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.stderr == ""
    assert ended.stdout == (
        "CELERY_BROKER_URL_FILE names a file that cannot be read: /nowhere/caf\\udce9 "
        f"(No such file or directory); {REMEDY}\n"
    )
