"""Show how the sweep ends as a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ibutsu_server.db.models import Import
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.ingest.stores import StoreError
from ibutsu_server.settings import IntakeSettings, ServerSettings
from ibutsu_server.tasks.intake import sweep_intake
from ibutsu_server.util.redis_lock import get_redis_client
from tests.ingest.places import FolderPlace
from tests.servers import free_port
from tests.tasks.imports import REPORT, rows_of

if TYPE_CHECKING:
    from pathlib import Path

    from celery import Celery
    from flask import Flask

    from tests.buckets import Bucket

pytestmark = pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def _worker(celery_app: Celery) -> None:
    """Make the task that of an app."""


def configure(app: Flask, **settings: Any) -> None:
    """Give the app these settings of the intake."""
    ServerSettings.of_app(app, IntakeSettings.hermetic(**settings))


def test_the_sweep_sends_imports_and_returns_what_it_did(app: Flask, tmp_path: Path) -> None:
    """The message is in the queue of the imports."""
    (tmp_path / "intake").mkdir()
    place = FolderPlace(tmp_path / "intake")
    place.put("a.xml", REPORT)
    configure(app, url=place.url)
    assert sweep_intake() == (
        "Sent 1 imports, cleared away 0 imported objects, and wrote why 0 failed; "
        "0 wait for a worker, 0 failed before, and 0 are not result files."
    )
    assert get_redis_client().llen("celery") == 1
    assert [each.status for each in rows_of(Import)] == ["pending"]


def test_without_a_url_there_is_nothing_to_do(app: Flask) -> None:
    """A sweep that was sent by hand says so."""
    assert sweep_intake() == "Nothing is swept: set IBUTSU_INTAKE_URL."


def test_a_store_that_is_away_is_left_to_the_next_sweep(
    app: Flask, bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    """The task ends without an error and counts no retry; the log says why."""
    away = f"http://127.0.0.1:{free_port()}"
    configure(app, **{**bucket.settings, "url": bucket.url, "endpoint_url": away})
    reason = f"The bucket '{bucket.name}' does not answer (EndpointConnectionError)."
    assert sweep_intake() == f"The sweep is left to the next one: {reason}"
    assert f"The sweep of {bucket.url} is left to the next one: {reason}" in caplog.text


def test_a_bucket_that_is_missing_fails_the_task(app: Flask, bucket: Bucket) -> None:
    """The message names it, the remedy, and no secret."""
    configure(app, **bucket.settings, url="s3://missing")
    with pytest.raises(StoreError) as failed:
        sweep_intake()
    assert str(failed.value) == "The bucket 'missing' does not exist: create it, or correct the URL."


@pytest.mark.parametrize("number", [1, 2])
def test_objects_with_problems_fail_the_task_after_the_others_were_swept(
    app: Flask, tmp_path: Path, number: int
) -> None:
    """The first is named, the others are counted."""
    (tmp_path / "intake").mkdir()
    place = FolderPlace(tmp_path / "intake")
    names = [
        f"{letter * 230}.xml" for letter in "ab"[:number]
    ]  # their reasons need longer names than there are
    for name in names:
        place.put(name, b"plain text")
    place.put("c.xml", REPORT)
    configure(app, url=place.url)
    with pytest.raises(StoreError) as failed:
        sweep_intake()
    assert str(failed.value).startswith(f"{place.url}/{names[0]}: [Errno 36] File name too long")
    assert str(failed.value).endswith(" (and 1 more objects with problems)") == (number == 2)
    assert len(rows_of(Import)) == 1


def test_an_unknown_project_fails_the_task_and_nothing_is_stored(app: Flask, tmp_path: Path) -> None:
    """The message names the project."""
    (tmp_path / "intake").mkdir()
    place = FolderPlace(tmp_path / "intake")
    place.put("a.xml", REPORT)
    configure(app, url=place.url, project="shpo")
    with pytest.raises(InvalidInputError, match="There is no project called 'shpo'"):
        sweep_intake()
    assert rows_of(Import) == []
