"""Show that the validated options reach Flower, as the documented command starts it."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.processes import FLOWER, Process
from tests.servers import free_port

if TYPE_CHECKING:
    from pathlib import Path

LOGIN = "admin:hunter2"
VISIT = "Visit me at"


def status_of(port: int, login: str = "") -> int:
    """Return the HTTP status of Flower's first page for a visitor with ``login``."""
    headers = {"Authorization": f"Basic {b64encode(login.encode()).decode()}"} if login else {}
    try:
        with urlopen(Request(f"http://127.0.0.1:{port}/workers", headers=headers)) as response:
            return int(response.status)
    except HTTPError as error:
        error.close()
        return error.code


def test_a_login_in_a_secret_file_closes_the_monitor(broker_url: str, tmp_path: Path) -> None:
    """Flower itself reads no such file; without the login it answers 401, and prints no password."""
    secret = tmp_path / "login"
    secret.write_text(LOGIN)
    port = free_port()
    settings = {"CELERY_BROKER_URL": broker_url, "FLOWER_BASIC_AUTH_FILE": str(secret)}
    with Process(FLOWER.format(port=port), settings) as flower:
        flower.wait_for(VISIT)
        assert (status_of(port), status_of(port, "admin:other"), status_of(port, LOGIN)) == (401, 401, 200)
    assert "hunter2" not in flower.output


def test_a_password_may_hold_a_comma(broker_url: str) -> None:
    """A JSON array of logins is read as one; Flower itself would split it."""
    port = free_port()
    settings = {"CELERY_BROKER_URL": broker_url, "FLOWER_BASIC_AUTH": '["admin:hunter,2", "b:c"]'}
    with Process(FLOWER.format(port=port), settings) as flower:
        flower.wait_for(VISIT)
        assert [status_of(port, login) for login in ("admin:hunter", "admin:hunter,2", "b:c")] == [
            401,
            200,
            200,
        ]


def test_a_service_link_is_not_a_port(broker_url: str) -> None:
    """Kubernetes sets FLOWER_PORT=tcp://... for a service called "flower"; Flower listens all the same."""
    port = free_port()
    settings = {"CELERY_BROKER_URL": broker_url, "FLOWER_PORT": "tcp://10.0.0.1:5555"}
    with Process(FLOWER.format(port=port), settings) as flower:
        flower.wait_for(VISIT)
        assert status_of(port) == 200


def test_the_port_and_address_of_the_environment_count(broker_url: str) -> None:
    """The command line need not name them."""
    port = free_port()
    settings = {
        "CELERY_BROKER_URL": broker_url,
        "FLOWER_PORT": str(port),
        "FLOWER_ADDRESS": "127.0.0.1",
    }
    with Process(FLOWER.partition(" --port")[0], settings) as flower:
        flower.wait_for(f"{VISIT} http://127.0.0.1:{port}")
        assert status_of(port) == 200


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("FLOWER_PORT", "high", "FLOWER_PORT must be a whole number, at least 0, at most 65,535"),
        (
            "FLOWER_BASIC_AUTH",
            "hunter2",
            "FLOWER_BASIC_AUTH must be user:password, or several of these with commas between them",
        ),
    ],
)
def test_a_faulty_option_ends_the_start_with_a_sentence(name: str, value: str, sentence: str) -> None:
    """Every fault of the role is listed, without a traceback and without a secret."""
    with Process(FLOWER.format(port=free_port()), {name: value}) as flower:
        assert flower.wait() != 0
    assert sentence in flower.output
    assert "CELERY_BROKER_URL environment variable must be set" in flower.output
    assert "Traceback" not in flower.output
    assert "hunter2" not in flower.output


def test_a_misspelt_login_is_reported_at_the_start(broker_url: str) -> None:
    """FLOWER_BASICAUTH would leave the monitor open in silence."""
    settings = {"CELERY_BROKER_URL": broker_url, "FLOWER_BASICAUTH": LOGIN}
    with Process(FLOWER.format(port=free_port()), settings) as flower:
        flower.wait_for("FLOWER_BASICAUTH is not a setting and is ignored; did you mean 'FLOWER_BASIC_AUTH'?")
