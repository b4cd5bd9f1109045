"""Show how the monitor's options are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings import FlowerSettings, Sources
from tests.settings.outputs import outputs_of_groups

if TYPE_CHECKING:
    from pathlib import Path


def read(**environ: str) -> FlowerSettings:
    """Read the group from the environment."""
    return FlowerSettings.from_sources(Sources(environ=environ))


def logins_of(settings: FlowerSettings) -> list[str]:
    """Return the logins in the clear."""
    return [login.get_secret_value() for login in settings.basic_auth]


def test_the_defaults_are_those_of_flower_but_for_its_memory() -> None:
    """The monitor keeps 10,000 tasks, where Flower itself would keep ten times as many."""
    assert FlowerSettings.hermetic().to_flower() == {
        "address": "",
        "basic_auth": [],
        "max_tasks": 10_000,
        "port": 5555,
    }


def test_each_option_comes_from_the_environment() -> None:
    """The variables are those that Flower itself reads."""
    settings = read(
        FLOWER_ADDRESS="127.0.0.1", FLOWER_PORT="80", FLOWER_MAX_TASKS="5", FLOWER_BASIC_AUTH="a:b"
    )
    assert settings.to_flower() == {"address": "127.0.0.1", "port": 80, "max_tasks": 5, "basic_auth": ["a:b"]}


@pytest.mark.parametrize(
    ("written", "logins"),
    [
        ("user:hunter2", ["user:hunter2"]),
        ("user:hunter:2", ["user:hunter:2"]),
        ("user:hunter2, other:hunter3", ["user:hunter2", "other:hunter3"]),
        ('["user:hun,ter2"]', ["user:hun,ter2"]),
    ],
)
def test_one_login_or_several_are_read(written: str, logins: list[str]) -> None:
    """Commas stand between them; a password with a comma is written in a JSON array."""
    assert logins_of(read(FLOWER_BASIC_AUTH=written)) == logins


def test_logins_come_from_a_secret_file(tmp_path: Path) -> None:
    """Where no variable holds them, a file may: one that is named, or one that is mounted."""
    (tmp_path / "flower_basic_auth").write_text("user:hunter2\n")
    mounted = FlowerSettings.from_sources(Sources(secrets_directory=tmp_path))
    named = read(FLOWER_BASIC_AUTH_FILE=str(tmp_path / "flower_basic_auth"))
    assert logins_of(mounted) == logins_of(named) == ["user:hunter2"]


@pytest.mark.parametrize("logins", [["user:hunter2"], (SecretStr("user:hunter2"),), "user:hunter2"])
def test_an_argument_may_be_text_or_secrets(logins: Any) -> None:
    """What the type promises is what is taken."""
    assert logins_of(FlowerSettings.hermetic(basic_auth=logins)) == ["user:hunter2"]


@pytest.mark.parametrize(
    "written", ["hunter2", ":hunter2", "user:", "user:hunter2,hunter3", '{"user": "hunter2"}', "[5]"]
)
def test_a_login_without_user_or_password_is_refused(written: str) -> None:
    """The sentence says the form, and shows neither."""
    with pytest.raises(ConfigurationError) as caught:
        read(FLOWER_BASIC_AUTH=written)
    assert str(caught.value).removeprefix("FLOWER_BASIC_AUTH must be ") in (
        "user:password, or several of these with commas between them",
        "a list; as text, its items with commas between them or a JSON array",
    )


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "65536", "must be a whole number, at least 0, at most 65,535"),
        ("PORT", "-1", "must be a whole number, at least 0, at most 65,535"),
        ("MAX_TASKS", "0", "must be a whole number, above 0"),
    ],
)
def test_a_number_out_of_bounds_is_refused(name: str, value: str, sentence: str) -> None:
    """The bounds are named."""
    with pytest.raises(ConfigurationError) as caught:
        read(**{f"FLOWER_{name}": value})
    assert str(caught.value) == f"FLOWER_{name} {sentence}"


def test_no_login_is_shown() -> None:
    """Neither user nor password shows in what is printed, in a dump or in ``config show``."""
    settings = read(FLOWER_BASIC_AUTH="somebody:hunter2,other:hunter3")
    shown = outputs_of_groups([settings])
    assert "hunter" not in shown
    assert "somebody" not in shown
