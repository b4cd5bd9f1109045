"""Show that the page about ``ibutsu config`` is true: its commands are run over its files."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml
from jsonschema import Draft202012Validator

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "configure.rst").read_text(encoding="utf-8")
BLOCK: Final = re.compile(
    r"^\.\. code-block:: (?P<language>\w+)\n(?:   :caption: (?P<caption>.+)\n)?\n(?P<code>(?:   .*\n|\n)+)",
    re.M,
)
HOOKS: Final = {
    hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
}
SETTINGS: Final = {
    "CELERY_BROKER_URL": "redis://:hunter2@redis:6379/0",
    "SQLALCHEMY_DATABASE_URI": "postgresql://ibutsu:hunter2@postgres/ibutsu",
}


class Block(NamedTuple):
    """A block of code on the page."""

    language: str
    caption: str | None
    code: str


BLOCKS: Final = [
    Block(match["language"], match["caption"], re.sub(r"^   ", "", match["code"], flags=re.M).strip("\n"))
    for match in BLOCK.finditer(PAGE)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files of the page, and with those that its commands write."""
    folder = tmp_path_factory.mktemp("page")
    (folder / ".env").write_text("CELERY_TASK_TIME_LIMIT=3600\n")
    for block in BLOCKS:
        if block.caption:
            path = folder / block.caption
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code + "\n", encoding="utf-8")
    for block in BLOCKS:
        for command in block.code.splitlines() if block.language == "console" else ():
            if ">" in command:
                assert run(command, folder).returncode == 0
    return folder


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command line of the page in ``folder``."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", command.removeprefix("$ ")],
        cwd=folder,
        env={**SETTINGS, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


COMMANDS: Final = [
    pytest.param(command, following.code if following.language == "text" else None, id=command)
    for block, following in pairwise([*BLOCKS, Block("", None, "")])
    if block.language == "console"
    for command in block.code.splitlines()
    if ">" not in command  # those that write a file have been run before the others
]


@pytest.mark.parametrize(("command", "output"), COMMANDS)
def test_a_command_prints_what_the_page_shows(command: str, output: str | None, folder: Path) -> None:
    """Where the page shows nothing, the command succeeds."""
    ended = run(command, folder)
    assert "hunter2" not in ended.stdout
    if output is None:
        assert ended.returncode == 0, ended.stdout
    else:
        assert ended.stdout.rstrip("\n") == output
        assert ended.returncode == (1 if "fault" in output.splitlines()[0] else 0)


def commands_in(value: Any) -> list[str]:
    """Return the command lines of ``ibutsu`` anywhere in a parsed YAML file."""
    if isinstance(value, str):
        return [value] if value.startswith("ibutsu ") else []
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [command for child in children for command in commands_in(child)]


@pytest.mark.parametrize("file", [".github/workflows/settings.yaml", ".gitlab-ci.yml"])
def test_a_job_runs_a_check_that_passes(file: str, folder: Path) -> None:
    """The job is a file that its system can parse, with one command of ours."""
    [command] = commands_in(yaml.safe_load((folder / file).read_text()))
    ended = run(command, folder)
    assert ended.returncode == 0, ended.stdout


def test_the_hooks_exist_and_pass(folder: Path) -> None:
    """pre-commit runs the entry of each hook with the arguments of the page."""
    config = yaml.safe_load((folder / ".pre-commit-config.yaml").read_text())
    hooks = config["repos"][0]["hooks"]
    assert {hook["id"] for hook in hooks} == HOOKS.keys()
    for hook in hooks:
        ended = run(f"{HOOKS[hook['id']]['entry']} {shlex.join(hook['args'])}", folder)
        assert ended.returncode == 0, ended.stdout


def test_the_settings_in_the_editor_are_valid(folder: Path) -> None:
    """By the schema that the first line names."""
    text = (folder / "settings.yaml").read_text()
    name = text.partition("$schema=")[2].partition("\n")[0]
    validator = Draft202012Validator(json.loads((folder / name).read_text()))
    settings = yaml.safe_load(text)
    assert validator.is_valid(settings)
    assert not validator.is_valid({**settings, "CELERY_TASK_TIME_LIMITS": 3600})


def test_every_block_is_looked_at() -> None:
    """A file has a caption; a block of text stands behind the command that prints it."""
    for before, block in pairwise([Block("", None, ""), *BLOCKS]):
        assert block.language in ("console", "text", "yaml")
        assert (block.caption is not None) == (block.language == "yaml")
        assert block.language != "text" or before.language == "console"
    assert len(BLOCKS) == PAGE.count(".. code-block::")
