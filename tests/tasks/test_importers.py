"""Show what an import stores, and how it ends whatever happens."""

from __future__ import annotations

import re
import tracemalloc
from contextlib import contextmanager
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from ibutsu_server.app import create_app
from ibutsu_server.celery_utils import create_flask_celery_app
from ibutsu_server.db import db
from ibutsu_server.db.models import Artifact, Import, ImportFile, Project, Result, Run
from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.settings import ImportSettings, ServerSettings
from ibutsu_server.settings.urls import DatabaseUrl
from ibutsu_server.tasks.importers import end_failed_import, run_archive_import, run_junit_import
from ibutsu_server.tasks.runs import update_run
from tests.db.rows import make_import, make_run, stored
from tests.ingest.archives import OTHER_RESULT, RESULT, RUN, archive, one_run
from tests.tasks.imports import REPORT, error_of, import_, is_untouched, project_called, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from celery import Celery
    from flask import Flask

    from ibutsu_server.settings import FlaskCelerySettings

pytestmark = pytest.mark.usefixtures("celery_app")


def test_a_junit_report_becomes_run_results_and_files(app: Flask) -> None:
    """Everything is stored, the run is summed up, and the content of the upload is cleared."""
    project_id = project_called("shop")
    upload = {"project_id": project_id, "source": "ci", "metadata": {"build": "7"}}
    ended = import_(run_junit_import, REPORT, data=upload)
    (run,) = rows_of(Run)
    assert (ended.status, ended.data) == ("done", {**upload, "run_id": [run.id]})
    assert (run.project_id, run.source, run.duration, run.data["build"]) == (project_id, "ci", 3.0, "7")
    assert run.summary | {"tests": 2, "failures": 1, "passes": 1, "pass_percent": 50} == run.summary
    assert run.start_time.isoformat() == "2026-03-01T10:00:00"
    results = {result.test_id: result for result in rows_of(Result)}
    failed = results["TestCart.test_empty"]
    assert (failed.result, failed.run_id, failed.project_id) == ("failed", run.id, project_id)
    files = {file.filename: file for file in rows_of(Artifact)}
    assert files.keys() == {"traceback.log", "system-out.log"}
    assert files["system-out.log"].content == b"said"
    assert files["traceback.log"].data == {"contentType": "text/plain", "resultId": failed.id}
    assert rows_of(ImportFile)[0].content is None


def test_an_archive_keeps_its_ids_and_files(app: Flask) -> None:
    """Run and result have the ids of the archive, and each its own file."""
    ended = import_(run_archive_import, one_run({"metadata": {"jenkins": {"job_name": "nightly"}}}))
    assert (ended.status, ended.data) == ("done", {"run_id": [RUN]})
    (run,), (result,) = rows_of(Run), rows_of(Result)
    assert (run.id, result.id, result.result) == (RUN, RESULT, "failed")
    assert run.data["jenkins"] == {"job_name": "nightly"}
    owners = {(file.filename, file.run_id, file.result_id) for file in rows_of(Artifact)}
    assert owners == {("run.log", RUN, None), ("traceback.log", None, RESULT)}


@pytest.mark.parametrize(
    ("task", "content", "filename"),
    [(run_archive_import, one_run(), "run.tar.gz"), (run_junit_import, REPORT, f"results-{RUN}.xml")],
)
def test_the_same_file_again_updates_the_same_rows(
    app: Flask, task: Any, content: bytes, filename: str
) -> None:
    """An archive, or a report whose name holds a UUID, neither doubles nor fails."""
    upload = {"project_id": project_called("shop")}
    counts = []
    for _ in range(2):
        assert import_(task, content, filename=filename, data=upload).status == "done"
        counts.append([{row.id for row in rows_of(model)} for model in (Run, Result)])
        assert len(rows_of(Artifact)) == 2
    assert counts[0] == counts[1]
    assert counts[0][0] == {RUN}


def test_what_no_index_can_hold_is_shortened_and_stays_distinct(app: Flask) -> None:
    """Long names, that differ only at their end, come in and stay apart; so does the upload's own word."""
    long = "".join(uuid4().hex for _ in range(200))
    cases = "".join(f'<testcase name="{long}{end}"/>' for end in "ab").encode()
    upload = {"source": long, "metadata": {"jenkins": {"job_name": long}}}
    ended = import_(run_junit_import, b"<testsuite>%s</testsuite>" % cases, data=upload)
    assert ended.status == "done"
    names = {result.test_id for result in rows_of(Result)}
    (run,) = rows_of(Run)
    assert len(names) == 2
    assert all(value[:2000] == long[:2000] for value in (*names, run.source, run.data["jenkins"]["job_name"]))


@pytest.mark.parametrize("data", [{"metadata": ["a"]}, {"source": 7}, {"project_id": ["a"]}])
def test_an_upload_of_the_wrong_kind_ends_in_error(app: Flask, data: dict[str, Any]) -> None:
    """What was stored beside the file is checked before anything is read."""
    ended = import_(run_junit_import, REPORT, data=data)
    assert "project_id and source must be text, and its metadata a JSON object" in error_of(ended)
    assert is_untouched()


@pytest.mark.parametrize(
    ("task", "content", "reason"),
    [
        (run_junit_import, b"<testsuite><testcase name='a'/>", "not well-formed"),
        (run_junit_import, b"<html/>", "its root element is <html>"),
        (run_archive_import, b"no archive", "archive"),
        (run_archive_import, one_run(result="great"), "has the result 'great'"),
        (run_junit_import, None, "no longer stored; upload it again"),
    ],
)
def test_a_file_that_can_never_be_imported_ends_in_error(
    app: Flask, task: Any, content: bytes | None, reason: str
) -> None:
    """The import says why, nothing is left behind, and the content stays so that it can be retried."""
    ended = import_(task, content)
    assert reason in error_of(ended)
    assert is_untouched()
    assert rows_of(ImportFile)[0].content == content


@pytest.mark.parametrize(
    ("task", "content"),
    [
        (
            run_junit_import,
            b"""<testsuite name="s"><properties><property name="env" value="root"/>
            <property name="component" value="root"/><property name="source" value="root"/></properties>
            <testcase name="a"><properties><property name="env" value="own"/></properties></testcase>
            </testsuite>""",
        ),
        (
            run_archive_import,
            one_run(dict.fromkeys(("env", "component", "source"), "root"), env="own", source="own"),
        ),
    ],
)
def test_the_form_fills_the_columns_over_all_that_the_file_says(
    app: Flask, task: Any, content: bytes
) -> None:
    """Its source, env and component win in the run and in every result."""
    form = {"source": "form", "metadata": {"env": "form", "component": "form"}}
    import_(task, content, data=form)
    for row in (*rows_of(Run), *rows_of(Result)):
        assert (row.source, row.env, row.component) == ("form", "form", "form")


def test_a_source_in_the_metadata_of_the_form_is_one_too(app: Flask) -> None:
    """The field of the form comes first."""
    import_(run_junit_import, REPORT, data={"metadata": {"source": "metadata"}})
    import_(run_junit_import, REPORT, data={"source": "field", "metadata": {"source": "metadata"}})
    assert sorted(run.source for run in rows_of(Run)) == ["field", "metadata"]


def test_other_metadata_of_the_form_comes_between_result_and_run(app: Flask) -> None:
    """A result's own comes first, then the form's, then that of run.json."""
    content = one_run({"metadata": {"build": "run", "lane": "run"}}, metadata={"build": "own"})
    import_(run_archive_import, content, data={"metadata": {"build": "form", "os": "form"}})
    (run,), (result,) = rows_of(Run), rows_of(Result)
    assert run.data == {"build": "form", "os": "form", "lane": "run"}
    assert result.data == {"build": "own", "os": "form", "run": RUN}


@pytest.mark.parametrize(
    ("limit", "status"), [(len('{"a": "b"}') * 2, "done"), (len('{"a": "b"}') * 2 - 1, "error")]
)
def test_metadata_of_the_form_is_limited_as_often_as_it_is_kept(app: Flask, limit: int, status: str) -> None:
    """Each of two results keeps it."""
    ServerSettings.of_app(app, ImportSettings.hermetic(max_copied_bytes=limit))
    report = (
        b'<testsuites><testcase name="a"/><testcase name="b"/></testsuites>'  # no suite that says anything
    )
    ended = import_(run_junit_import, report, data={"metadata": {"a": "b"}})
    assert ended.status == status
    if status == "error":
        assert error_of(ended) == (
            f"The metadata of the upload is kept with each result, and that is more than {limit:,} "
            "bytes: upload it with less metadata, or raise IBUTSU_IMPORT_MAX_COPIED_BYTES."
        )


@pytest.mark.parametrize(
    "value", [10**30, -(10**30), 2**64 - 1, 0.1, "\N{GRINNING FACE}", '\u00e9\n"', True, None]
)
def test_metadata_is_stored_as_it_was_written(app: Flask, value: Any) -> None:
    """Integers of any size and values at any depth are kept."""
    deep = value
    for _ in range(300):
        deep = [deep]
    import_(run_archive_import, one_run(metadata={"plain": value, "deep": deep}))
    (result,) = rows_of(Result)
    assert (result.data["plain"], result.data["deep"]) == (value, deep)


def two_results(first: dict[str, Any], second: dict[str, Any]) -> bytes:
    """Pack a run without columns, and two results of which the first comes first."""
    common = {"result": "passed", "duration": 1.25}
    return archive(
        {
            f"{RUN}/run.json": {"duration": 99},
            f"{RUN}/{RESULT}/result.json": {**common, "start_time": "2026-03-01T10:00:00", **first},
            f"{RUN}/{OTHER_RESULT}/result.json": {**common, "start_time": "2026-03-01T11:00:00", **second},
        }
    )


def test_a_run_has_the_columns_on_which_all_its_results_agree(app: Flask) -> None:
    """A result without a value does not disagree; one with another value leaves the run without any."""
    first = {"env": "qa", "metadata": {"user_properties": {"component": "till"}}}
    second = {"env": "qa", "component": "cart", "source": "lab"}
    import_(run_archive_import, two_results(first, second))
    (run,) = rows_of(Run)
    assert (run.env, run.component, run.source) == ("qa", None, "lab")
    assert sorted(result.component for result in rows_of(Result)) == ["cart", "till"]


def test_a_run_takes_as_long_as_its_results(app: Flask) -> None:
    """Its duration is what an update of the run computes, and stays so."""
    import_(run_archive_import, two_results({}, {}))
    (run,) = rows_of(Run)
    assert (run.duration, run.data["duration"]) == (2.5, 99)
    update_run(RUN)
    assert [run.duration for run in rows_of(Run)] == [2.5]


def test_a_run_was_created_when_its_document_says(app: Flask) -> None:
    """Its start is that of the document as well."""
    import_(run_archive_import, one_run({"created": "2026-03-01T09:00:00+00:00"}))
    (run,) = rows_of(Run)
    assert (str(run.created), str(run.start_time)) == ("2026-03-01 09:00:00", "2026-03-01 10:00:00")


def test_a_run_takes_jenkins_and_tags_from_its_first_result(app: Flask) -> None:
    """The first is the one that started first, wherever it stands in the file."""
    first, second = {"metadata": {"tags": ["first"]}}, {"metadata": {"tags": ["second"], "jenkins": {"a": 1}}}
    import_(run_archive_import, two_results(second | {"start_time": "2026-03-01T12:00:00"}, first))
    (run,) = rows_of(Run)
    assert run.data["tags"] == ["first"]
    assert "jenkins" not in run.data
    assert str(run.start_time) == "2026-03-01 11:00:00"


@pytest.mark.parametrize(
    ("task", "content"),
    [
        (
            run_junit_import,
            b"<testsuite><testcase name='a'><strange><b/></strange></testcase></testsuite>",
        ),
        (run_archive_import, archive({f"{RUN}/run.json": {}, f"{RUN}/elements.xml": b"<strange/>"})),
    ],
)
def test_a_file_that_a_browser_would_run_is_served_as_text(app: Flask, task: Any, content: bytes) -> None:
    """Its bytes stay, and its own type is kept beside the one to serve it with."""
    import_(task, content)
    (file,) = rows_of(Artifact)
    assert (file.filename, file.data["contentType"]) == ("elements.xml", "text/plain")
    assert file.data["originalContentType"] in ("text/xml", "application/xml")
    assert b"<strange" in file.content


def test_a_file_name_in_an_archive_loses_what_deceives(app: Flask) -> None:
    """The name that is stored reads as it is."""
    import_(run_archive_import, archive({f"{RUN}/run.json": {}, f"{RUN}/a\u202egnp.exe": b"MZ"}))
    assert [file.filename for file in rows_of(Artifact)] == ["agnp.exe"]


def test_a_result_of_another_run_is_not_overwritten(app: Flask) -> None:
    """An id that is taken by another run is rejected, and that run keeps its result."""
    other = make_run()
    stored(other, Result(id=RESULT, run_id=other.id, result="passed"))
    ended = import_(run_archive_import, one_run())
    assert (ended.status, [row.run_id for row in rows_of(Result)]) == ("error", [other.id])


def test_an_import_that_has_ended_is_left_alone(app: Flask) -> None:
    """A message that comes twice imports once."""
    ended = import_(run_junit_import, REPORT)
    run_junit_import({"id": ended.id})
    assert len(rows_of(Run)) == 1


def test_an_import_left_running_is_taken_up_again(app: Flask) -> None:
    """The worker that had it was killed: whoever gets the message again does it."""
    assert import_(run_junit_import, REPORT, status="running").status == "done"


def test_two_workers_make_one_run(app: Flask, celery_app: Celery) -> None:
    """Of two that get the same import one does it."""
    import_id = stored(make_import(REPORT))
    together = Barrier(2)

    def work() -> None:
        together.wait()
        celery_app.tasks[run_junit_import.name]({"id": import_id})

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rows_of(Run)) == 1
    assert len(rows_of(Result)) == 2


@pytest.mark.parametrize("record", [{}, {"id": "7"}, {"id": None}, None, {"id": str(uuid4())}])
def test_a_record_without_a_usable_id_is_bad_input(app: Flask, record: Any) -> None:
    """The message says what is wrong with the record."""
    with pytest.raises(InvalidInputError, match="import"):
        run_junit_import(record)


def test_a_fault_that_does_not_pass_ends_in_error_and_keeps_the_file(
    app: Flask, settings: FlaskCelerySettings
) -> None:
    """After the last retry the import says so; the file is kept for whoever looks into it."""
    create_flask_celery_app(app, settings=settings.model_copy(update={"task_max_retries": 0}))
    import_id = stored(make_import(REPORT))
    db.session.execute(db.text("ALTER TABLE artifacts RENAME TO elsewhere"))
    db.session.commit()
    assert run_junit_import.apply(args=({"id": import_id},)).state == "FAILURE"
    ended = db.session.get_one(Import, import_id)
    assert ended.status == "error"
    assert "The import was tried 1 times and failed" in (ended.data or {})["error"]
    assert rows_of(ImportFile)[0].content == REPORT
    assert rows_of(Run) == rows_of(Result) == []


def test_a_failed_import_leaves_the_session_of_its_caller_alone(
    app: Flask, settings: FlaskCelerySettings
) -> None:
    """Marking the import as failed commits nothing that the caller has pending."""
    create_flask_celery_app(app, settings=settings.model_copy(update={"task_max_retries": 0}))
    import_id = stored(make_import(REPORT))
    db.session.execute(db.text("ALTER TABLE artifacts RENAME TO elsewhere"))
    db.session.commit()
    pending = Project(name="pending")
    db.session.add(pending)
    run_junit_import.apply(args=({"id": import_id},))
    assert pending in db.session.new


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_more_results_cost_two_statements_a_batch(app: Flask, tmp_path: Path) -> None:
    """Whatever a batch holds, its results are one statement and its files another."""
    batch = app.extensions["ibutsu_server"].imports.batch_size
    case = b'<testcase name="a"><system-out>said</system-out></testcase>'
    issued = []
    for batches in (0, 1, 4):
        with traced(tmp_path / "trace") as trace:
            report = b"<testsuite>%s</testsuite>" % (case * batch * batches)
            assert import_(run_junit_import, report).status == "done"
            db.session.rollback()  # the connection goes back, and the trace is written to its end
        issued.append(len(re.findall(r"\t(?:Query|Execute)\t", trace.read_text())))
    assert issued[2] - issued[1] == 3 * 2


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_an_import_of_a_new_run_costs_nine_statements(app: Flask) -> None:
    """Beside those that copy rows: claim, mark, claim again, project, run, status, and the empty content.

    A claim is two statements, of which the first limits how long the second waits.
    """
    import_id = stored(make_import(REPORT, data={"project_id": project_called("shop")}))
    issued: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        issued.append(" ".join(statement.split()[:2]))

    event.listen(db.engine, "before_cursor_execute", note)
    run_junit_import({"id": import_id})
    event.remove(db.engine, "before_cursor_execute", note)
    claim = ["SELECT set_config(%(set_config_2)s::VARCHAR,", "UPDATE imports"]
    written = ["INSERT INTO", "UPDATE imports", "UPDATE import_files"]
    assert issued == [*claim, "UPDATE imports", *claim, "SELECT projects.name,", *written]
    assert db.session.get_one(Import, import_id).status == "done"


def test_memory_does_not_grow_with_metadata_that_many_results_take_over() -> None:
    """A property of 1 MB comes with each of 100 results, and a batch is written before it has them all."""
    megabyte = 1024**2
    properties = b'<properties><property name="p" value="%s"/></properties>' % (b"x" * megabyte)
    report = b"<testsuite>%s%s</testsuite>" % (properties, b'<testcase name="a"/>' * 100)
    tracemalloc.start()
    try:
        assert import_(run_junit_import, report).status == "done"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50 * megabyte
    assert db.session.scalar(db.select(db.func.count()).select_from(Result)) == 100


@contextmanager
def traced(path: Path) -> Iterator[Path]:
    """Have PostgreSQL's client library write down every message to the server."""
    with path.open("wb") as file:

        def trace(connection: psycopg.Connection[Any], *_: object) -> None:
            connection.pgconn.trace(file.fileno())

        def untrace(connection: psycopg.Connection[Any], *_: object) -> None:
            connection.pgconn.untrace()

        event.listen(db.engine, "checkout", trace)
        event.listen(db.engine, "checkin", untrace)
        yield path
        event.remove(db.engine, "checkout", trace)
        event.remove(db.engine, "checkin", untrace)


@pytest.mark.parametrize("retries", [0, 2])
def test_an_import_that_was_sent_with_keyword_arguments_says_why_it_failed(
    app: Flask, settings: FlaskCelerySettings, retries: int
) -> None:
    """The sentence has the number of attempts, however the record was passed."""
    create_flask_celery_app(app, settings=settings.model_copy(update={"task_max_retries": retries}))
    import_id = stored(make_import(REPORT))
    db.session.execute(db.text("ALTER TABLE artifacts RENAME TO elsewhere"))
    db.session.commit()
    assert run_junit_import.apply(kwargs={"import_": {"id": import_id}}).state == "FAILURE"
    ended = db.session.get_one(Import, import_id)
    assert ended.status == "error"
    assert f"The import was tried {retries + 1} times and failed" in (ended.data or {})["error"]


def test_an_outage_is_no_reason_for_an_import_to_end(app: Flask, settings: FlaskCelerySettings) -> None:
    """When even the last attempt met an outage, the import stays as it is, for the rescue."""
    create_flask_celery_app(app, settings=settings.model_copy(update={"task_max_retries": 0}))
    import_id = stored(make_import(REPORT))
    outage = OperationalError("SELECT 1", {}, psycopg.OperationalError("connection refused"))
    task: Any = run_junit_import
    end_failed_import(task, outage, [{"id": import_id}], {})
    assert db.session.get_one(Import, import_id).status == "pending"


def test_the_end_of_an_import_may_wait_for_the_database(
    app: Flask, settings: FlaskCelerySettings, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the error cannot be written now, the failure of the task stays its own, and the rescue comes."""
    away = settings.model_copy(
        update={"sqlalchemy_database_uri": DatabaseUrl("postgresql://h@127.0.0.1:1/d")}
    )
    elsewhere = create_app(away)
    celery_app = create_flask_celery_app(elsewhere)
    task: Any = celery_app.tasks[run_junit_import.name]
    end_failed_import(task, RuntimeError("boom"), [], {"import_": {"id": str(uuid4())}})
    assert "is left for the rescue: connection failed" in caplog.text
