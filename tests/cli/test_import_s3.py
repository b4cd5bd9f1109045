"""Show what ``ibutsu import s3://...`` does and prints."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ibutsu_server import _AppRegistry
from ibutsu_server.cli import main
from ibutsu_server.db import db
from ibutsu_server.db.models import Import
from tests.buckets import ACCESS_KEY, SECRET_KEY
from tests.cli.conftest import REPORT
from tests.processes import environment
from tests.servers import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result
    from flask import Flask

    from tests.buckets import Bucket

pytestmark = pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def _configured(
    app: Flask, bucket: Bucket, broker_url: str, database_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", broker_url)
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", database_uri)
    for name, value in bucket.variables().items():
        if name != "IBUTSU_INTAKE_URL":
            monkeypatch.setenv(name, value)


def run(*arguments: str) -> Result:
    """Import without waiting for a worker."""
    ended = CliRunner().invoke(main, ["import", "--no-wait", *arguments])
    assert ACCESS_KEY not in ended.output
    assert SECRET_KEY not in ended.output
    return ended


def filenames() -> list[str | None]:
    """Return the names of the files that were stored."""
    with _AppRegistry.get_flask_app().app_context():
        return sorted(db.session.scalars(db.select(Import.filename)), key=str)


def test_all_result_files_below_a_prefix_are_imported(bucket: Bucket) -> None:
    """They are named by their URLs; the objects are left as they are."""
    keys = ["runs/a.xml", "runs/deep/b.XML", "runs/imported/c.xml", "runs/notes.txt", "runs2/d.xml"]
    for key in keys:
        bucket.put(key, REPORT)
    ended = run(f"{bucket.url}/runs")
    assert ended.exit_code == 0, ended.output
    assert [line.partition(": ")[0] for line in ended.stdout.splitlines()] == [
        f"{bucket.url}/runs/a.xml",
        f"{bucket.url}/runs/deep/b.XML",
    ]
    assert filenames() == ["a.xml", "b.XML"]
    assert bucket.names() == keys


def test_one_object_is_imported_by_its_url(bucket: Bucket) -> None:
    """Also one that a sweep has moved."""
    bucket.put("imported/1/a.xml", REPORT)
    ended = run("--json", f"{bucket.url}/imported/1/a.xml")
    assert [(each["file"], each["status"]) for each in json.loads(ended.stdout)] == [
        (f"{bucket.url}/imported/1/a.xml", "pending")
    ]


def test_each_object_is_judged_by_itself(
    bucket: Bucket, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad ones are named with what is wrong, beside files of this machine; the exit code is 1."""
    monkeypatch.setenv("IBUTSU_INTAKE_MAX_OBJECT_BYTES", "1000")
    bucket.put("runs/a.xml", "plain")
    bucket.put("runs/b.xml", REPORT)
    bucket.put("runs/c.xml", REPORT + " " * 1000)
    ended = run(
        f"{bucket.url}/runs", str(report), f"{bucket.url}/none", f"{bucket.url}/none.xml", "s3://no bucket"
    )
    assert ended.exit_code == 1
    assert ended.stderr.splitlines() == [
        f"Error: {bucket.url}/runs/a.xml: The file is neither XML nor a tar or zip archive; "
        "upload JUnit XML, or an archive of pytest-ibutsu as .tar.gz.",
        f"Error: {bucket.url}/runs/c.xml: The file has more than 1,000 bytes, and is not read "
        "(IBUTSU_INTAKE_MAX_OBJECT_BYTES). Split it, or raise the limit.",
        f"Error: {bucket.url}/none: There is no object whose name ends in .xml, .xml.gz, .tar, .tar.gz, "
        ".tgz, .tar.bz2, .tar.xz or .zip.",
        f"Error: {bucket.url}/none.xml: There is no such object.",
        "Error: s3://no bucket: The URL must be s3://bucket/prefix or file:///absolute/path; "
        "what stands for the bucket is not the name of one.",
    ]
    assert filenames() == ["b.xml", "report.xml"]


def test_a_server_that_is_away_is_named(
    bucket: Bucket, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of this machine are imported all the same."""
    monkeypatch.setenv("IBUTSU_INTAKE_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    ended = run(bucket.url, str(report))
    assert ended.exit_code == 1
    assert ended.stderr == (
        f"Error: {bucket.url}: The bucket '{bucket.name}' does not answer (EndpointConnectionError).\n"
    )
    assert filenames() == ["report.xml"]


def test_without_the_client_of_s3_the_extra_is_named(broker_url: str, database_uri: str) -> None:
    """Everything else works without it."""
    code = (
        "import sys\n"
        "sys.modules['boto3'] = None\n"
        "from ibutsu_server.cli import main\n"
        "main(['import', 's3://runs'])\n"
    )
    settings = {"CELERY_BROKER_URL": broker_url, "SQLALCHEMY_DATABASE_URI": database_uri}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == (
        "Error: s3://runs cannot be read without a client of S3: pip install 'ibutsu-server[s3]'.\n"
    )
