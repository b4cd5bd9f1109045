"""Show what a sweep does with each object, whoever sweeps and however often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from gzip import compress
from tarfile import TarInfo
from threading import Barrier
from typing import TYPE_CHECKING, Any, Final

import pytest

from ibutsu_server.db import db
from ibutsu_server.db.models import Import, ImportFile, Run
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.ingest.intake import Swept, sweep
from ibutsu_server.ingest.store_kinds import opened_store
from ibutsu_server.ingest.stores import StoreError, StoreOutageError
from ibutsu_server.ingest.upload import TASKS
from ibutsu_server.settings import IntakeSettings
from ibutsu_server.tasks.importers import run_junit_import
from tests.ingest.places import BucketPlace, FolderPlace
from tests.tasks.imports import REPORT, project_called, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from celery import Celery
    from flask import Flask

    from ibutsu_server.ingest.stores import Store, StoredObject
    from tests.ingest.places import Place

BAD: Final = b"<testsuite><testcase></testsuite>"
"""A file that becomes an import and ends in error."""

NO_FILE: Final = b"plain text"
"""A file that is refused before it becomes an import."""


@pytest.fixture(autouse=True)
def _worker(celery_app: Celery) -> None:
    """Make the tasks those of an app, whose transactions they end."""


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return a folder, then a bucket."""
    if request.param == "folder":
        folder = tmp_path / "intake"
        folder.mkdir()
        return FolderPlace(folder)
    return BucketPlace(request.getfixturevalue("bucket"))


@pytest.fixture
def database_uri(request: pytest.FixtureRequest) -> str:
    """Use SQLite, but where a test asks for PostgreSQL."""
    kind = getattr(request, "param", "sqlite")
    uri: str = request.getfixturevalue("ibutsu_sqlite_uri" if kind == "sqlite" else "ibutsu_postgres_uri")
    return uri


class Sweeper:
    """Sweeps a place, and plays the worker that gets the messages."""

    def __init__(self, place: Place, **settings: Any) -> None:
        self.place = place
        self.sent: list[tuple[str, str]] = []
        self._settings = settings

    def sweep(self, **more: Any) -> Swept:
        """Sweep once."""
        settings = IntakeSettings.hermetic(
            url=self.place.url, **{**self.place.settings, **self._settings, **more}
        )
        with opened_store(self.place.url, settings) as store:
            return sweep(self.place.url, self.wrapped(store), settings, self.send)

    def wrapped(self, store: Store) -> Store:
        """Return the store that is swept in place of ``store``."""
        return store

    def send(self, task: str, record: dict[str, Any]) -> None:
        """Note what is sent."""
        self.sent.append((task, record["id"]))

    def work(self) -> None:
        """Carry out all imports that were sent."""
        for _, import_id in self.sent:
            run_junit_import({"id": import_id})
        self.sent.clear()

    def counts(self, **more: Any) -> dict[str, int]:
        """Sweep once, and return the counts that are not zero."""
        return {name: value for name, value in vars(self.sweep(**more)).items() if value}


def only_import() -> Import:
    """Return the one import that is stored."""
    db.session.expire_all()
    (found,) = rows_of(Import)
    assert isinstance(found, Import)
    return found


def test_an_object_is_sent_and_then_moved(app: Flask, place: Place) -> None:
    """First it is stored and sent; while the import has not ended it stays; when it is done it is moved."""
    sweeper = Sweeper(place)
    place.put("a/run.xml", REPORT)
    assert sweeper.counts() == {"sent": 1}
    import_ = only_import()
    assert sweeper.sent == [(TASKS["junit"], import_.id)]
    assert (import_.filename, import_.format, import_.status) == ("run.xml", "junit", "pending")
    for status in ("pending", "running"):
        db.session.execute(db.update(Import).values(status=status))
        db.session.commit()
        assert sweeper.counts() == {"waiting": 1}
    assert place.names() == ["a/run.xml"]
    sweeper.work()
    assert sweeper.counts() == {"imported": 1}
    assert place.names() == [f"imported/{import_.id}/a/run.xml"]
    assert sweeper.counts() == {}
    assert len(rows_of(Run)) == 1


def test_an_archive_is_sent_to_its_own_task(app: Flask, place: Place) -> None:
    """By its content."""
    sweeper = Sweeper(place)
    place.put("run.tar.gz", compress(TarInfo("run.json").tobuf()))
    sweeper.sweep()
    assert [task for task, _ in sweeper.sent] == [TASKS["archive"]]


def test_an_object_can_be_deleted_after_its_import(app: Flask, place: Place) -> None:
    """It stays until the import is done, and leaves nothing behind."""
    sweeper = Sweeper(place, after="delete")
    place.put("a.xml", REPORT)
    sweeper.sweep()
    assert place.names() == ["a.xml"]
    sweeper.work()
    assert sweeper.counts() == {"imported": 1}
    assert place.names() == []


def test_a_kept_object_is_remembered_by_its_marker(app: Flask, place: Place) -> None:
    """Also when the import's own row is pruned; without the marker it is imported once more."""
    sweeper = Sweeper(place, after="keep")
    place.put("a.xml", REPORT)
    sweeper.sweep()
    sweeper.work()
    assert sweeper.counts() == {"imported": 1}
    mark = f"a.xml.{only_import().id}.imported"
    assert place.names() == ["a.xml", mark]
    forget_imports()
    assert sweeper.counts() == {}
    place.delete(mark)
    assert sweeper.counts() == {"sent": 1}


def test_a_new_version_of_a_kept_object_is_imported(app: Flask, place: Place) -> None:
    """The marker is that of the version before."""
    sweeper = Sweeper(place, after="keep")
    place.put("a.xml", REPORT)
    for number in (1, 2):
        assert sweeper.sweep().sent == 1
        sweeper.work()
        sweeper.sweep()
        place.put("a.xml", REPORT + b" " * number)
    assert len(rows_of(Run)) == 2


def test_the_markers_of_names_that_begin_with_each_other_are_kept_apart(app: Flask, place: Place) -> None:
    """Each object has its own, wherever it stands in the listing."""
    sweeper = Sweeper(place, after="keep")
    names = ["a.xml", "a.xml-b.xml", "a.xml.tar", "a.xml.xml", "b.xml"]
    for name in names:
        place.put(name, REPORT)
    assert sweeper.counts() == {"sent": len(names)}
    sweeper.work()
    assert sweeper.counts() == {"imported": len(names)}
    forget_imports()
    assert sweeper.counts() == {}


def forget_imports() -> None:
    """Delete all imports, as the prune does after a week."""
    db.session.execute(db.delete(Import))
    db.session.commit()


def test_a_move_that_was_cut_off_is_finished_without_a_second_import(
    app: Flask, bucket_place: BucketPlace
) -> None:
    """Though the row is pruned: the copy says that the import was done."""
    sweeper = Sweeper(bucket_place)
    bucket_place.put("a.xml", REPORT)
    sweeper.sweep()
    sweeper.work()
    bucket_place.put(f"imported/{only_import().id}/a.xml", REPORT)
    forget_imports()
    assert sweeper.counts() == {"imported": 1}
    assert sweeper.sent == []
    assert [name.split("/")[0] for name in bucket_place.names()] == ["imported"]


@pytest.fixture
def bucket_place(request: pytest.FixtureRequest) -> BucketPlace:
    """Return a bucket."""
    return BucketPlace(request.getfixturevalue("bucket"))


def test_the_reason_of_a_failure_is_written_beside_the_object(app: Flask, place: Place) -> None:
    """The object stays and is not sent again, also when the row is pruned."""
    sweeper = Sweeper(place)
    place.put("a.xml", BAD)
    sweeper.sweep()
    sweeper.work()
    assert sweeper.counts() == {"failed": 1}
    import_ = only_import()
    reason = f"a.xml.{import_.id}.error.txt"
    assert place.names() == ["a.xml", reason]
    assert import_.data is not None
    assert place.get(reason) == (
        f"{import_.data['error']}\n\nDelete this file to try again, or replace a.xml by another version.\n"
    )
    assert sweeper.counts() == {"given_up": 1}
    forget_imports()
    assert sweeper.counts() == {"given_up": 1}


@pytest.mark.parametrize("is_pruned", [True, False])
def test_who_deletes_the_reason_has_the_object_tried_again(app: Flask, place: Place, is_pruned: bool) -> None:
    """Whether or not the row of the import that failed is still there."""
    sweeper = Sweeper(place)
    place.put("a.xml", BAD)
    sweeper.sweep()
    sweeper.work()
    sweeper.sweep()
    import_id = only_import().id
    if is_pruned:
        forget_imports()
    place.delete(f"a.xml.{import_id}.error.txt")
    assert sweeper.counts() == {"sent": 1}
    assert only_import().status == "pending"
    assert only_import().id == import_id
    assert len(rows_of(ImportFile)) == 1
    sweeper.work()
    assert sweeper.counts() == {"failed": 1}
    assert len(place.names()) == 2


def test_a_reason_that_was_written_by_a_sweep_that_died_then_can_be_deleted(app: Flask, place: Place) -> None:
    """A later sweep sees it, and knows from then on that whoever deletes it wants another try."""
    sweeper = Sweeper(place)
    place.put("a.xml", BAD)
    sweeper.sweep()
    sweeper.work()
    reason = f"a.xml.{only_import().id}.error.txt"
    place.put(reason, b"the reason")
    assert sweeper.counts() == {"given_up": 1}
    assert place.get(reason) == "the reason"
    assert sweeper.counts() == {"given_up": 1}
    place.delete(reason)
    assert sweeper.counts() == {"sent": 1}


def test_a_new_version_of_a_failed_object_is_tried(app: Flask, place: Place) -> None:
    """The reason beside it is that of the version before."""
    sweeper = Sweeper(place)
    place.put("a.xml", BAD)
    sweeper.sweep()
    sweeper.work()
    sweeper.sweep()
    place.put("a.xml", REPORT)
    assert sweeper.sweep().sent == 1
    sweeper.work()
    assert sweeper.sweep().imported == 1


def test_a_file_that_is_no_result_file_at_all_gets_its_reason_at_once(app: Flask, place: Place) -> None:
    """There is no import of it."""
    sweeper = Sweeper(place)
    place.put("a.xml", NO_FILE)
    assert sweeper.counts() == {"failed": 1}
    assert rows_of(Import) == []
    _, reason = place.names()
    assert place.get(reason).startswith("The file is neither XML nor a tar or zip archive")
    assert sweeper.counts() == {"given_up": 1}
    place.delete(reason)
    assert sweeper.counts() == {"failed": 1}


def test_an_object_that_is_too_large_gets_its_reason(app: Flask, place: Place) -> None:
    """With the setting that limits it; when that is raised and the reason deleted, it is imported."""
    sweeper = Sweeper(place)
    place.put("a.xml", REPORT)
    assert sweeper.counts(max_object_bytes=len(REPORT) - 1) == {"failed": 1}
    _, reason = place.names()
    assert "IBUTSU_INTAKE_MAX_OBJECT_BYTES" in place.get(reason)
    place.delete(reason)
    assert sweeper.counts(max_object_bytes=len(REPORT)) == {"sent": 1}


def test_other_objects_are_left_alone(app: Flask, place: Place) -> None:
    """Other endings, hidden names, and names that a database or a log cannot hold; they are counted."""
    names = [".a.xml", ".git/b.xml", "a.part", "a.xml.tmp", "b.json"]
    if isinstance(place, FolderPlace):
        names += ["c\nd.xml", "e\udcff.xml"]
    for name in names:
        place.put(name)
    assert Sweeper(place).counts() == {"others": len(names)}
    assert place.names() == names


def test_a_sweep_goes_on_where_the_one_before_stopped(app: Flask, place: Place) -> None:
    """The limit counts objects with which something was done."""
    sweeper = Sweeper(place, max_objects=2)
    for name in ("a.xml", "b.xml", "c.xml"):
        place.put(name, REPORT)
    assert sweeper.counts() == {"sent": 2}
    assert sweeper.counts() == {"waiting": 2, "sent": 1}
    sweeper.work()
    assert sweeper.counts() == {"imported": 2}
    assert sweeper.counts() == {"imported": 1}


def test_all_objects_are_looked_at_whatever_their_number(app: Flask, tmp_path: Path) -> None:
    """Their imports are looked up page by page."""
    (tmp_path / "intake").mkdir()
    sweeper = Sweeper(FolderPlace(tmp_path / "intake"))
    for number in range(401):
        sweeper.place.put(f"{number}.xml", REPORT)
    assert sweeper.counts() == {"sent": 401}
    assert sweeper.counts() == {"waiting": 401}


def test_the_project_of_the_settings_is_that_of_the_upload(app: Flask, place: Place) -> None:
    """It is given by its name or its id, and authorised."""
    project_id = project_called("shop")
    place.put("a.xml", REPORT)
    sweeper = Sweeper(place, project="shop")
    sweeper.sweep()
    assert (only_import().data or {})["project_id"] == project_id
    sweeper.work()
    assert [run.project_id for run in rows_of(Run)] == [project_id]


def test_without_a_project_the_file_may_name_one(app: Flask, place: Place) -> None:
    """As in an upload without a project."""
    place.put("a.xml", REPORT)
    sweeper = Sweeper(place)
    sweeper.sweep()
    assert "project_id" not in (only_import().data or {})


def test_with_an_unknown_project_nothing_is_stored(app: Flask, place: Place) -> None:
    """The message names it."""
    place.put("a.xml", REPORT)
    with pytest.raises(InvalidInputError) as refused:
        Sweeper(place, project="shpo").sweep()
    assert str(refused.value) == (
        "There is no project called 'shpo'; give the name or the id of a project that exists."
    )
    assert rows_of(Import) == []


class FakeFault:
    """A store that does something else before one of its methods works."""

    def __init__(self, store: Store, method: str, before: Callable[[str], None]) -> None:
        self._store = store
        self._method = method
        self._before = before

    def __getattr__(self, method: str) -> Any:
        if method != self._method:
            return getattr(self._store, method)

        def called(each: StoredObject | str, *arguments: Any) -> Any:
            self._before(each if isinstance(each, str) else each.name)
            return getattr(self._store, method)(each, *arguments)

        return called


class FaultySweeper(Sweeper):
    """A sweeper before whose calls of a method of the store something happens."""

    method: str
    before: Callable[[str], None]

    def wrapped(self, store: Store) -> Any:
        """Return the store with the fault."""
        return FakeFault(store, self.method, self.before)


def faulty(place: Place, method: str, before: Callable[[str], None], **settings: Any) -> FaultySweeper:
    """Return a sweeper that calls ``before`` with a name before each call of a method."""
    sweeper = FaultySweeper(place, **settings)
    sweeper.method, sweeper.before = method, before
    return sweeper


@pytest.mark.parametrize("method", ["read", "move"])
def test_an_object_that_the_store_refuses_does_not_keep_the_others_from_being_imported(
    app: Flask, place: Place, method: str
) -> None:
    """It is named, and tried again by the next sweep."""

    def refuse(name: str) -> None:
        if name == "a.xml":
            message = "no"
            raise StoreError(message)

    sweeper = faulty(place, method, refuse)
    for name in ("a.xml", "b.xml"):
        place.put(name, REPORT)
    problems = [f"{place.url}/a.xml: no"]
    if method == "read":
        assert sweeper.counts() == {"sent": 1, "problems": problems}
        return
    sweeper.sweep()
    sweeper.work()
    assert sweeper.counts() == {"imported": 1, "problems": problems}
    assert Sweeper(place).counts() == {"imported": 1}


def test_an_outage_ends_the_sweep_and_the_next_goes_on(app: Flask, place: Place) -> None:
    """What was stored before is stored; no object gets a reason for it."""

    def fail(name: str) -> None:
        if name == "b.xml":
            message = "away"
            raise StoreOutageError(message)

    for name in ("a.xml", "b.xml", "c.xml"):
        place.put(name, REPORT)
    with pytest.raises(StoreOutageError):
        faulty(place, "read", fail).sweep()
    assert Sweeper(place).counts() == {"waiting": 1, "sent": 2}
    assert place.names() == ["a.xml", "b.xml", "c.xml"]


@pytest.mark.parametrize("is_replaced", [True, False])
def test_an_object_that_is_gone_or_replaced_before_it_is_read_is_left_to_the_next_sweep(
    app: Flask, place: Place, is_replaced: bool
) -> None:
    """An import is always of the version that was read."""

    def change(name: str) -> None:
        place.delete(name)
        if is_replaced:
            place.put(name, REPORT + b"\n")

    place.put("a.xml", REPORT)
    assert faulty(place, "read", change).counts() == {}
    assert rows_of(Import) == []
    assert Sweeper(place).counts() == ({"sent": 1} if is_replaced else {})


def test_a_version_that_arrives_when_the_old_one_is_moved_is_imported_too(app: Flask, place: Place) -> None:
    """It is not taken for the one that was imported."""

    def replace(name: str) -> None:
        place.put(name, REPORT + b"\n")

    place.put("a.xml", REPORT)
    sweeper = Sweeper(place)
    sweeper.sweep()
    sweeper.work()
    assert faulty(place, "move", replace).counts() == {}
    assert place.names() == ["a.xml"]
    assert sweeper.counts() == {"sent": 1}


def test_an_object_that_another_sweep_takes_in_first_is_not_sent_twice(app: Flask, place: Place) -> None:
    """Between the look at the database and the insertion."""
    place.put("a.xml", REPORT)
    first = Sweeper(place)

    def overtake(_: str) -> None:
        first.sweep()

    second = faulty(place, "read", overtake)
    assert second.counts() == {"waiting": 1}
    assert (len(first.sent), len(second.sent)) == (1, 0)


def test_an_object_that_another_sweep_has_moved_and_whose_row_is_pruned_is_not_imported_again(
    app: Flask, place: Place
) -> None:
    """The sweep that listed it before finds it gone."""

    def overtake(_: str) -> None:
        first = Sweeper(place)
        first.sweep()
        first.work()
        first.sweep()
        forget_imports()

    place.put("a.xml", REPORT)
    assert faulty(place, "read", overtake).counts() == {}
    assert rows_of(Import) == []
    assert len(rows_of(Run)) == 1


def test_an_object_that_another_sweep_has_marked_and_whose_row_is_pruned_is_not_imported_again(
    app: Flask, place: Place
) -> None:
    """The sweep that listed it before looks for the marker once more."""

    def overtake(_: str) -> None:
        if not rows_of(Run):
            first = Sweeper(place, after="keep")
            first.sweep()
            first.work()
            first.sweep()
            forget_imports()

    place.put("a.xml", REPORT)
    assert faulty(place, "find", overtake, after="keep").counts() == {"imported": 1}
    assert rows_of(Import) == []
    assert len(rows_of(Run)) == 1


ENDS: Final = {"move": 3, "delete": 0, "keep": 6}
"""Objects that are left of three, by what becomes of them."""


@pytest.mark.parametrize("after", ENDS)
@pytest.mark.parametrize("database_uri", ["sqlite", "postgresql"], indirect=True)
def test_whatever_number_of_sweeps_at_once_there_is_one_import_of_each_object(
    app: Flask, place: Place, after: str
) -> None:
    """Every object is sent once, imported once, and ends where it belongs."""
    sweepers = [Sweeper(place, after=after) for _ in range(4)]
    for number in range(3):
        place.put(f"{number}.xml", REPORT)
    for expected in ("pending", "done"):
        sweep_at_once(app, sweepers)
        assert sum(len(sweeper.sent) for sweeper in sweepers) == (3 if expected == "pending" else 0)
        assert [each.status for each in rows_of(Import)] == [expected] * 3
        for sweeper in sweepers:
            sweeper.work()
        db.session.expire_all()
    assert len(rows_of(Run)) == 3
    assert len(place.names()) == ENDS[after]


def sweep_at_once(app: Flask, sweepers: list[Sweeper]) -> None:
    """Let all sweep, each in a thread of its own."""
    begin = Barrier(len(sweepers))

    def sweep_in_context(sweeper: Sweeper) -> None:
        with app.app_context():
            begin.wait()
            sweeper.sweep()

    with ThreadPoolExecutor(len(sweepers)) as threads:
        list(threads.map(sweep_in_context, sweepers))
