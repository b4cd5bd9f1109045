"""Run what README and documentation show."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import click
import pytest
from celery.bin.celery import celery

from ibutsu_server.cli import main

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.rst"))]
FENCED: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
DIRECTIVE: Final = re.compile(r"^\.\. code-block:: (\w+)\n(?:   :.*\n)*\n((?:   .*\n|\n)+)", re.M)
RUN_BY_THEIR_OWN_TEST: Final = {"configure.rst"}
"""Pages whose commands are run over the files on them, see ``test_configure.py``."""


class Block(NamedTuple):
    """Be a block of code on a page."""

    page: str
    language: str
    code: str


def blocks() -> list[Block]:
    """Give all blocks of all pages."""
    found = []
    for page in PAGES:
        pattern = FENCED if page.suffix == ".md" else DIRECTIVE
        for language, code in pattern.findall(page.read_text(encoding="utf-8")):
            found.append(Block(page.name, language, re.sub(r"^   ", "", code, flags=re.M)))
    return found


def of(language: str) -> list[object]:
    """Give the blocks in a language as parameters of a test."""
    return [
        pytest.param(block.code, id=f"{block.page}-{number}")
        for number, block in enumerate(blocks())
        if block.language == language and block.page not in RUN_BY_THEIR_OWN_TEST
    ]


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    """A language that no test runs is not used; text is quoted output, which its own tests look for."""
    assert {block.language for block in blocks()} <= {"python", "console", "yaml", "text"}


@pytest.mark.parametrize("code", of("python"))
def test_python_runs_as_it_stands(code: str, tmp_path: Path) -> None:
    """Each block runs by itself in a fresh interpreter whose environment holds no setting."""
    script = tmp_path / "block.py"
    script.write_text(code, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        env={"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("code", of("console"))
def test_commands_are_commands(code: str) -> None:
    """Each command exists and knows the options it is shown with."""
    for line in code.strip().splitlines():
        check_command(shlex.split(line.removeprefix("$ ")))


@pytest.mark.parametrize("code", of("yaml"))
def test_services_run_commands_that_exist(code: str) -> None:
    """Each service of the compose file runs a documented command."""
    commands = re.findall(r"command: (.+)", code)
    assert len(commands) == 3
    for command in commands:
        check_command(shlex.split(command))


def check_command(words: list[str]) -> None:
    """Fail unless a command is one of make, celery or ibutsu, with options these know."""
    match words:
        case ["make", target]:
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)
        case ["celery", *_]:
            assert shlex.join(words) in (ROOT / "README.md").read_text()
            subcommand = next(word for word in words[1:] if word in {"worker", "beat", "flower"})
            assert subcommand in celery.commands
        case ["ibutsu", *arguments]:
            parse(main, arguments)
        case _:
            pytest.fail(f"nobody knows the command {shlex.join(words)}")


def parse(command: click.Command, arguments: list[str]) -> None:
    """Parse the arguments of a command, down to its subcommand, without running it."""
    if not isinstance(command, click.Group):
        arguments = [__file__ if argument.endswith(".xml") else argument for argument in arguments]
        command.make_context(command.name, arguments)
        return
    subcommand = command.get_command(click.Context(command), arguments[0])
    assert subcommand is not None, f"there is no command {arguments[0]}"
    parse(subcommand, arguments[1:])


def test_python_blocks_are_found() -> None:
    """The blocks that are run are those of the pages, and they are Python."""
    codes = [block.code for block in blocks() if block.language == "python"]
    assert len(codes) >= 5
    assert all(ast.parse(code).body for code in codes)
