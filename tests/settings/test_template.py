"""Show that the templates have every setting, and are valid as they are and with every line in use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final, get_args

import pytest
import yaml
from click.testing import CliRunner
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from ibutsu_server.cli import main
from ibutsu_server.settings.base import SettingsGroup
from ibutsu_server.settings.describe import describe_group
from ibutsu_server.settings.fields import Parsed, setting
from ibutsu_server.settings.server import ServerSettings
from ibutsu_server.settings.template import Format, template
from ibutsu_server.settings.tree import parts_of, roles_of

if TYPE_CHECKING:
    from pathlib import Path

ROLES: Final = roles_of(ServerSettings)
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
COMMENTED_OUT: Final = re.compile(r"^( *)#(?=[A-Z])", re.M)


def written(role: str, format_: Format) -> str:
    """Return what the command prints."""
    result = CliRunner().invoke(main, ["config", "template", "--role", role, "--format", format_])
    assert result.exit_code == 0
    return result.stdout


def problems(role: str, format_: Format, folder: Path, *texts: str) -> str:
    """Return what the strict check has to say against files; nothing where they are valid."""
    suffix, option = (".env", "--env-file") if format_ == "env" else (".yaml", "--manifest")
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"{number}{suffix}")
        paths[-1].write_text(text)
    arguments = ["config", "check", "--strict", "--role", role, option, *map(str, paths)]
    result = CliRunner().invoke(main, arguments)
    return "" if result.exit_code == 0 else result.output


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("format_", FORMATS)
def test_a_template_is_valid_as_it_is(role: str, format_: Format, tmp_path: Path) -> None:
    """What must be set has an example, so that nothing is missing."""
    assert problems(role, format_, tmp_path, written(role, format_)) == ""


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("format_", FORMATS)
def test_a_template_is_valid_with_every_line_in_use(role: str, format_: Format, tmp_path: Path) -> None:
    """The defaults are written as the settings take them, and fit each other."""
    text = COMMENTED_OUT.sub(r"\1", written(role, format_))
    assert text != written(role, format_)
    assert problems(role, format_, tmp_path, text) == ""


@pytest.mark.parametrize("role", ROLES)
def test_config_map_and_secret_are_halves_of_one_environment(role: str, tmp_path: Path) -> None:
    """Together they have what the role reads, and each setting is in one of them."""
    halves = written(role, "configmap"), written(role, "secret")
    assert problems(role, "configmap", tmp_path, *halves) == ""
    config_map, secret = (yaml.safe_load(COMMENTED_OUT.sub(r"\1", half)) for half in halves)
    names = [each.name for part in parts_of(ServerSettings, role).values() for each in describe_group(part)]
    assert sorted([*config_map["data"], *secret["stringData"]]) == sorted(names)


def test_what_is_a_secret_is_in_the_secret() -> None:
    """Passwords, logins, and URLs that may hold a password; nothing else."""
    names = {
        each.name
        for role in ROLES
        for part in parts_of(ServerSettings, role).values()
        for each in describe_group(part)
        if each.is_secret
    }
    assert names == {
        "CELERY_BROKER_URL",
        "CELERY_RESULT_BACKEND",
        "CELERY_REDIS_SENTINEL_PASSWORD",
        "SQLALCHEMY_DATABASE_URI",
        "POSTGRESQL_PASSWORD",
        "FLOWER_BASIC_AUTH",
        "IBUTSU_INTAKE_ACCESS_KEY_ID",
        "IBUTSU_INTAKE_SECRET_ACCESS_KEY",
    }


def test_each_setting_has_its_meaning_its_type_and_its_default() -> None:
    """The text of a setting is what the models say, without markup."""
    text = written("scheduler", "env")
    assert (
        "# Months of 30 days that artifact files are kept; fewer than those of results.\n"
        "# Takes a whole number, at least 2, at most 1,200. Default: 3.\n"
        "#IBUTSU_BEAT_PRUNE_FILES_MONTHS=3\n"
    ) in text
    assert "# BeatSettings: What the scheduler sends, and when.\n" in text
    assert "``" not in text


def test_what_must_be_set_is_in_use() -> None:
    """With its example, and with what may be set instead."""
    lines = written("worker", "env").splitlines()
    in_use = [line for line in lines if line and not line.startswith("#")]
    assert in_use == [
        "CELERY_BROKER_URL=redis://localhost:6379/0",
        "SQLALCHEMY_DATABASE_URI=postgresql://user:password@host:5432/ibutsu",
    ]
    comment = " ".join(line.removeprefix("# ") for line in lines[lines.index(in_use[1]) - 4 :][:4])
    assert comment.endswith("It must be set, or POSTGRESQL_HOST and POSTGRESQL_DATABASE instead.")


def test_a_compose_service_runs_the_command_of_the_role() -> None:
    """So that its role is known to the check, and the service starts."""
    read = yaml.safe_load(written("scheduler", "compose"))
    command = read["services"]["scheduler"]["command"]
    assert command == "celery --app ibutsu_server:scheduler_app beat --loglevel=info"


@pytest.mark.parametrize("format_", FORMATS)
def test_comments_fit_eighty_columns(format_: Format) -> None:
    """Whatever their indentation."""
    comments = [line for line in written("worker", format_).splitlines() if line.lstrip().startswith("# ")]
    assert 60 < max(map(len, comments)) <= 80


class MailSettings(SettingsGroup):
    """How mail is sent."""

    model_config = SettingsConfigDict(env_prefix="IBUTSU_MAIL_")
    roles: ClassVar[frozenset[str]] = frozenset({"mailer"})

    host: str = "localhost"
    """Host of the mail server."""

    password: Parsed[SecretStr | None, SecretStr | str | None] = setting(None)
    """Password at the mail server."""


class Root(SettingsGroup):
    """A tree with one group."""

    mail: MailSettings = setting()


def test_a_template_is_that_of_the_tree() -> None:
    """A new group, and a new role, are in it without another edit."""
    assert template(Root, "mailer", "configmap").endswith(
        """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: ibutsu-mailer
data:

  # MailSettings: How mail is sent.

  # Host of the mail server.
  # Takes text. Default: localhost.
  #IBUTSU_MAIL_HOST: "localhost"
"""
    )
    assert '#IBUTSU_MAIL_PASSWORD: ""\n' in template(Root, "mailer", "secret")
