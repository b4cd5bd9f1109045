"""Show that an upload stays inside the project it was uploaded to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from ibutsu_server.db import db
from ibutsu_server.db.models import Artifact, Result, Run
from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.ownership import Ownership
from ibutsu_server.ingest.records import RunRecord, UploadRecord
from ibutsu_server.ingest.writer import RunWriter
from ibutsu_server.settings import ImportSettings
from ibutsu_server.tasks.importers import run_archive_import, run_junit_import
from tests.db.rows import make_file, make_result, make_run, stored
from tests.ingest.archives import RESULT, RUN, archive, one_run
from tests.tasks.imports import error_of, import_, is_untouched, project_called, rows_of

if TYPE_CHECKING:
    from flask import Flask

pytestmark = pytest.mark.usefixtures("celery_app")

NAMED_FILE = f"results-{RUN}.xml"


def report(project: str | None = None, *, case: str | None = None) -> bytes:
    """Write a report of one case, in which the root or the case names a project."""
    of_root, of_case = (
        f'<properties><property name="project" value="{name}"/></properties>' if name else ""
        for name in (project, case)
    )
    return f'<testsuite name="s">{of_root}<testcase name="a">{of_case}</testcase></testsuite>'.encode()


def projects_of_rows() -> set[str | None]:
    """Return the projects of all runs and results."""
    return {row.project_id for model in (Run, Result) for row in rows_of(model)}


@pytest.mark.parametrize(
    ("task", "content", "metadata"),
    [
        (run_archive_import, one_run({"project_id": "other"}), {}),
        (run_archive_import, one_run({"metadata": {"project": "other"}}), {}),
        (run_junit_import, report("other"), {}),
        (run_junit_import, report(), {"project": "other"}),
    ],
)
@pytest.mark.parametrize("exists", [True, False])
def test_what_is_said_about_a_project_never_decides(
    app: Flask, task: Any, content: bytes, metadata: dict[str, Any], exists: bool
) -> None:
    """With an authorised project all rows are in it; another one that is named is kept as the original."""
    own = project_called("own")
    if exists:
        project_called("other")
    ended = import_(task, content, data={"project_id": own, "metadata": metadata})
    assert ended.status == "done", ended.data
    assert projects_of_rows() == {own}
    (run,) = rows_of(Run)
    assert run.data["original_project"] == "other"
    assert run.data.get("project") in (None, "own")
    assert "other" not in run.data.get("properties", {}).values()


def test_a_result_keeps_the_projects_it_names(app: Flask) -> None:
    """Each name is kept once, and the row names its own project where one was given."""
    own = project_called("own")
    content = one_run(project_id=own, metadata={"project": "a"})
    import_(run_archive_import, content, data={"project_id": own, "metadata": {"project": "b"}})
    (result,) = rows_of(Result)
    assert (result.data["project"], result.data["original_project"]) == ("own", ["a", "b"])


def test_a_case_that_names_a_project_keeps_it_beside_its_properties(app: Flask) -> None:
    """A property of a test does not pose as the project of the row."""
    own = project_called("own")
    import_(run_junit_import, report(case="other"), data={"project_id": own})
    (result,) = rows_of(Result)
    assert result.data["original_project"] == "other"
    assert "project" not in result.data
    assert result.data["properties"] == {}


@pytest.mark.parametrize("given", ["name", "id", "upper case id"])
def test_the_own_project_is_not_an_original(app: Flask, given: str) -> None:
    """The name or the id of the authorised project is kept as it was written."""
    own = project_called("own")
    written = {"name": "own", "id": own, "upper case id": own.upper()}[given]
    content = one_run({"metadata": {"project": written}}, metadata={"project": None})
    import_(run_archive_import, content, data={"project_id": own})
    (run,), (result,) = rows_of(Run), rows_of(Result)
    assert (run.data["project"], run.data.get("original_project")) == (written, None)
    assert result.data["project"] is None


def test_a_project_without_a_name_is_named_by_its_id(app: Flask) -> None:
    """The rows name it where the file named another one."""
    own = project_called("")
    import_(run_archive_import, one_run(metadata={"project": "other"}), data={"project_id": own})
    (result,) = rows_of(Result)
    assert (result.data["project"], result.data["original_project"]) == (own, "other")


def test_an_authorised_project_that_does_not_exist_is_a_reject(app: Flask) -> None:
    """Nothing is stored, and the message names the project."""
    project_id = str(uuid4())
    ended = import_(run_junit_import, report(), data={"project_id": project_id})
    assert f"The project '{project_id}' of the upload does not exist" in error_of(ended)
    assert is_untouched()


def test_an_id_means_its_project_whatever_another_one_is_called(app: Flask) -> None:
    """A project whose name is the id of another one does not take its uploads."""
    own = project_called("own")
    project_called(own)
    import_(run_junit_import, report(), data={"project_id": own})
    assert projects_of_rows() == {own}


@pytest.mark.parametrize(
    ("task", "content", "metadata"),
    [
        (run_junit_import, report(), {"project": "shop"}),
        (run_junit_import, report("other"), {"project": "shop"}),
        (run_junit_import, report("shop"), {}),
        (run_junit_import, report("shop").replace(b"testcase", b"other"), {}),
        (run_archive_import, one_run({"metadata": {"project": "shop"}}), {}),
    ],
)
def test_an_upload_without_a_project_may_add_a_run_to_the_one_it_names(
    app: Flask, task: Any, content: bytes, metadata: dict[str, Any]
) -> None:
    """The form names the project, or else the file."""
    shop = project_called("shop")
    project_called("other")
    assert import_(task, content, data={"metadata": metadata}).status == "done"
    assert projects_of_rows() == {shop}
    assert rows_of(Run)[0].data["project"] == "shop"


def test_only_the_root_of_a_report_names_its_project(app: Flask) -> None:
    """A property of a case does not move the run."""
    project_called("shop")
    import_(run_junit_import, report(case="shop"), data={})
    assert projects_of_rows() == {None}


def test_properties_that_name_no_project_are_left_as_they_are() -> None:
    """Where nobody says anything about a project, the metadata is what it was."""
    metadata = {"properties": {"run": "7"}, "a": 1}
    assert Ownership(None, is_authorised=False).settle(metadata, None) is metadata


@pytest.mark.parametrize("named", [["shop"], 7, {"name": "shop"}, ""])
def test_what_is_not_text_names_no_project(app: Flask, named: Any) -> None:
    """The run is stored without a project, and what was said is kept."""
    project_called("shop")
    ended = import_(run_archive_import, one_run({"metadata": {"project": named}}), data={})
    assert ended.status == "done", ended.data
    assert projects_of_rows() == {None}


def test_an_unknown_name_leaves_the_run_without_a_project(app: Flask) -> None:
    """The name is kept as what it is, and does not pose as a project that is created later."""
    import_(run_archive_import, one_run({"metadata": {"project": "later"}}), data={})
    assert projects_of_rows() == {None}
    (run,) = rows_of(Run)
    assert (run.data["original_project"], "project" in run.data) == ("later", False)


def test_a_name_that_two_projects_have_is_a_reject(app: Flask) -> None:
    """The message says to give the id."""
    project_called("shop"), project_called("shop")
    ended = import_(run_junit_import, report(), data={"metadata": {"project": "shop"}})
    assert "More than one project is called 'shop'; upload to a project by its id." in error_of(ended)


@pytest.mark.parametrize("exists", [True, False])
def test_the_settings_can_refuse_a_project_that_is_only_named(
    app: Flask, monkeypatch: pytest.MonkeyPatch, exists: bool
) -> None:
    """The answer is the same whether there is such a project or not; an upload that names none goes on."""
    if exists:
        project_called("shop")
    refuse_named_projects(app, monkeypatch)
    ended = import_(run_junit_import, report("shop"), data={})
    assert "Only its metadata names the project 'shop'" in error_of(ended)
    assert "IBUTSU_IMPORT_PROJECT_FROM_METADATA" in error_of(ended)
    assert import_(run_junit_import, report(), data={}).status == "done"


def refuse_named_projects(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set IBUTSU_IMPORT_PROJECT_FROM_METADATA=false."""
    kept = app.extensions["ibutsu_server"]
    imports = kept.imports.model_copy(update={"project_from_metadata": False})
    monkeypatch.setitem(app.extensions, "ibutsu_server", kept.model_copy(update={"imports": imports}))


@pytest.mark.parametrize("of_run", ["other", None])
@pytest.mark.parametrize("upload", ["own", "named", "none"])
@pytest.mark.parametrize(
    ("task", "content", "filename"),
    [(run_archive_import, one_run(), "run.tar.gz"), (run_junit_import, report(), NAMED_FILE)],
)
def test_a_run_that_is_not_the_projects_own_is_not_taken_over(
    app: Flask, of_run: str | None, upload: str, task: Any, content: bytes, filename: str
) -> None:
    """A run of another project, or of none, stays as it is whoever uploads its id."""
    other = project_called("other")
    run = Run(id=RUN, project_id=other if of_run else None, data={"kept": True})
    stored(run, make_result(run, project_id=run.project_id))
    uploads = {
        "own": {"project_id": project_called("own")},
        "named": {"metadata": {"project": "other"}},
        "none": {},
    }
    ended = import_(task, content, filename=filename, data=uploads[upload])
    assert f"The run {RUN} exists already, and only an upload to the project it belongs to" in error_of(ended)
    assert [row.data for row in rows_of(Run)] == [{"kept": True}]
    assert len(rows_of(Result)) == 1


@pytest.mark.parametrize("of_result", ["other", "own", None])
def test_a_result_that_exists_elsewhere_is_not_taken_over(app: Flask, of_result: str | None) -> None:
    """A result id of another run is a reject, whatever project that run is in."""
    own = project_called("own")
    projects = {"other": project_called("other"), "own": own, None: None}
    run = make_run(project_id=projects[of_result])
    stored(run, Result(id=RESULT, run_id=run.id, project_id=projects[of_result], test_id="kept"))
    ended = import_(run_archive_import, one_run(), data={"project_id": own})
    assert "holds a result whose id exists already outside of the run" in error_of(ended)
    assert [row.test_id for row in rows_of(Result)] == ["kept"]


def test_replacing_a_run_deletes_only_rows_of_its_project(app: Flask) -> None:
    """A result of another project that was added to the run stays, with its file."""
    own, other = project_called("own"), project_called("other")
    run = Run(id=RUN, project_id=own)
    mine, strange = make_result(run, project_id=own), make_result(run, project_id=other)
    strange_file, both = make_file(strange), make_file(strange)
    both.run_id = RUN
    stored(run, mine, make_result(run), strange, strange_file, both, make_file(mine), make_file(run))
    kept = {strange_file.id, both.id}
    ended = import_(run_archive_import, one_run(), data={"project_id": own})
    assert ended.status == "done", ended.data
    assert {row.id for row in rows_of(Result)} == {RESULT, strange.id}
    files = {row.id: row.filename for row in rows_of(Artifact)}
    assert kept < files.keys()
    assert sorted(name for id_, name in files.items() if id_ not in kept) == ["run.log", "traceback.log"]


def test_the_same_upload_without_a_project_again_is_a_reject(app: Flask) -> None:
    """The rows of the first one stay: nobody was authorised to replace them."""
    project_called("shop")
    content = archive({f"{RUN}/run.json": {"metadata": {"project": "shop"}}})
    assert import_(run_archive_import, content, data={}).status == "done"
    assert "give that project with the upload" in error_of(import_(run_archive_import, content, data={}))


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_a_run_that_moves_during_the_import_is_not_moved_back(app: Flask) -> None:
    """The owner of a run is checked again when its row is written."""
    own, other = project_called("own"), project_called("other")
    stored(Run(id=RUN, project_id=own))
    upload, limits = UploadRecord(own), ImportSettings.hermetic()
    with RunWriter(RUN, Ownership.of(upload, None, limits), upload, limits) as writer:
        with db.engine.begin() as mover:
            mover.execute(db.text("UPDATE runs SET project_id = :project"), {"project": other})
        with pytest.raises(ImportRejectedError, match="exists already"):
            writer.finish(RunRecord(RUN))
