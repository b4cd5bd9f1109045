"""Show what the ``ibutsu imports`` commands do, and what they print."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ibutsu_server.cli import main
from tests.db.rows import make_import, stored

if TYPE_CHECKING:
    from flask import Flask

pytestmark = pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)


def test_imports_are_rescued_by_hand(
    app: Flask, database_uri: str, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command prints how many it sent and why no more; the next one finds them in the queue."""
    stored(make_import(age=1), make_import(age=1))
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", database_uri)
    monkeypatch.setenv("CELERY_BROKER_URL", broker_url)
    first, second = (CliRunner().invoke(main, ["imports", "rescue"]) for _ in range(2))
    assert first.output == "Sent 2 imports again; 2 are not finished, and 0 messages wait in the queue.\n"
    assert second.output == "Sent 0 imports again; 2 are not finished, and 2 messages wait in the queue.\n"


def test_a_broker_that_is_away_is_named(
    app: Flask, database_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command ends with a sentence."""
    stored(make_import(age=1))
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", database_uri)
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
    ended = CliRunner().invoke(main, ["imports", "rescue"])
    assert ended.exit_code == 1
    assert ended.output.startswith("Error: The broker does not answer")
