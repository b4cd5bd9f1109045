"""Show that the hooks which other repositories use run commands that exist and judge."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from click.testing import CliRunner

from ibutsu_server.cli import main

HOOKS: Final[list[dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
)
FILES: Final = {
    "ibutsu-config-env-file": ("a.env", "CELERY_BROKER_URL=redis://redis\nSQLALCHEMY_DATABASE_URI={}\n"),
    "ibutsu-config-manifest": (
        "compose.yaml",
        "services: {{worker: {{environment: [CELERY_BROKER_URL=redis://h, SQLALCHEMY_DATABASE_URI={}]}}}}",
    ),
}


def test_there_is_a_hook_for_each_kind_of_file() -> None:
    """Each has what pre-commit asks for."""
    assert {hook["id"] for hook in HOOKS} == FILES.keys()
    assert all(hook.keys() >= {"id", "name", "entry", "language"} for hook in HOOKS)


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: str(hook["id"]))
def test_a_hook_fails_where_a_file_is_not_valid(hook: dict[str, Any], tmp_path: Path) -> None:
    """Its command gets the files from ``args``, and more options after them."""
    name, text = FILES[hook["id"]]
    program, *arguments = shlex.split(hook["entry"])
    assert program == "ibutsu"
    file = tmp_path / name
    for uri, exit_code in (("sqlite://", 0), ("mysql://x", 1)):
        file.write_text(text.format(uri))
        result = CliRunner().invoke(main, [*arguments, str(file), "--strict"])
        assert result.exit_code == exit_code, result.output
        assert str(file) in result.output
