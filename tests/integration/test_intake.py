"""Show that a scheduler and a worker empty a bucket or a folder by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ibutsu_server.db import db
from ibutsu_server.db.models import Import, Run
from tests.buckets import ACCESS_KEY, SECRET_KEY
from tests.ingest.places import BucketPlace, FolderPlace
from tests.processes import SCHEDULER, Process, running_worker
from tests.tasks.imports import REPORT, rows_of
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask

    from tests.buckets import Bucket
    from tests.ingest.places import Place

OBJECTS = 12
EVERY_SECOND = {"IBUTSU_INTAKE_INTERVAL": "1", "CELERY_BEAT_MAX_LOOP_INTERVAL": "1"}


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
@pytest.mark.parametrize("kind", ["bucket", "folder"])
def test_what_is_put_into_a_store_ends_as_runs(
    app: Flask, process_settings: dict[str, str], bucket: Bucket, tmp_path: Path, kind: str
) -> None:
    """Two children sweep and import, every second anew: each object is imported once and then moved."""
    (tmp_path / "intake").mkdir()
    place: Place = BucketPlace(bucket) if kind == "bucket" else FolderPlace(tmp_path / "intake")
    settings = {
        **process_settings,
        **bucket.variables(),
        **EVERY_SECOND,
        "IBUTSU_INTAKE_URL": place.url,
        "CELERY_WORKER_CONCURRENCY": "2",
        "CELERY_BEAT_SCHEDULE_FILENAME": str(tmp_path / "beat"),
    }
    with running_worker(settings) as worker, Process(SCHEDULER, settings) as beat:
        beat.wait_for("Sending due task sweep-intake (ibutsu_server.tasks.intake.sweep_intake)")
        for number in range(OBJECTS):
            place.put(f"{number}.xml", REPORT)
        place.put("bad.xml", b"<testsuite><testcase></testsuite>")
        wait_until(lambda: has_settled(place))
    imports = rows_of(Import)
    assert sorted(str(each.status) for each in imports) == ["done"] * OBJECTS + ["error"]
    assert len(rows_of(Run)) == OBJECTS
    (bad,) = (each.id for each in imports if each.status == "error")
    moved = {f"imported/{each.id}/{each.filename}" for each in imports if each.id != bad}
    assert set(place.names()) == {*moved, "bad.xml", f"bad.xml.{bad}.error.txt"}
    for process in (worker, beat):
        assert ACCESS_KEY not in process.output
        assert SECRET_KEY not in process.output


def has_settled(place: Place) -> bool:
    """Return whether all objects have been moved, and the bad one has its reason."""
    names = place.names()
    moved = sum(name.startswith("imported/") for name in names)
    db.session.rollback()
    return moved == OBJECTS and any(name.endswith(".error.txt") for name in names)


@pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)
def test_without_a_url_the_plan_has_no_sweep(
    app: Flask, process_settings: dict[str, str], tmp_path: Path
) -> None:
    """It is off by default."""
    settings = process_settings | {"CELERY_BEAT_SCHEDULE_FILENAME": str(tmp_path / "beat")}
    with Process(SCHEDULER, settings) as beat:
        assert "sweep-intake" not in beat.wait_for("The schedule has 6 entries:")
