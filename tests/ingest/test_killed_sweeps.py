"""Show that a sweep can be killed anywhere."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ibutsu_server.db.schema import create_schema
from tests.processes import environment

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask

    from tests.buckets import Bucket

LEAST_STEPS = 30
"""Lines of functions with an effect that a sweep of three objects comes by."""


@pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("kind", "after"),
    [
        ("folder", "move"),
        pytest.param("folder", "delete", marks=pytest.mark.lasting_fault),
        pytest.param("folder", "keep", marks=pytest.mark.lasting_fault),
        pytest.param("bucket", "move", marks=pytest.mark.lasting_fault),
    ],
)
def test_a_sweep_may_be_killed_at_any_line(
    app: Flask, database_uri: str, broker_url: str, tmp_path: Path, bucket: Bucket, kind: str, after: str
) -> None:
    """Those that follow end what it began: nothing is lost, nothing is imported twice, and no object stays.

    Both sweeps are killed, the one that sends the imports and the one that comes when they have ended; and
    the messages are lost.
    """
    create_schema()
    (tmp_path / "intake").mkdir()
    place = {"IBUTSU_INTAKE_URL": (tmp_path / "intake").as_uri()} if kind == "folder" else bucket.variables()
    settings = {"CELERY_BROKER_URL": broker_url, "SQLALCHEMY_DATABASE_URI": database_uri, **place}
    ended = subprocess.run(
        [sys.executable, "-m", "tests.ingest.killed_sweeps", after],
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > LEAST_STEPS
