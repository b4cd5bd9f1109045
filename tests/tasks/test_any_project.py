"""Check with generated uploads that no row of another project changes, whatever an upload says."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ibutsu_server.db import db
from ibutsu_server.db.models import Artifact, Import, ImportFile, Project, Result, Run
from ibutsu_server.tasks.importers import run_archive_import, run_junit_import
from tests.db.rows import make_import, stored
from tests.ingest.archives import archive
from tests.tasks.imports import REPORT

pytestmark = pytest.mark.usefixtures("app", "celery_app")


def _id(kind: int, owner: int) -> str:
    return f"{kind}{owner}111111-1111-4111-8111-111111111111"


OWN, OTHER, NOBODY, NEW = range(4)
PROJECTS: Final = {OWN: _id(1, OWN), OTHER: _id(1, OTHER), NOBODY: None, NEW: None}
RUNS: Final = [_id(2, owner) for owner in (OWN, OTHER, NOBODY, NEW)]
RESULTS: Final = [_id(3, owner) for owner in (OWN, OTHER, NOBODY, NEW)]
NAMES: Final = ["own", "other", "nobody", PROJECTS[OWN], PROJECTS[OTHER], "", None, 7, ["other"]]

_NAMES = st.sampled_from(NAMES)
_IDS = st.sampled_from([*RUNS, *RESULTS])
_METADATA = st.dictionaries(
    st.sampled_from(["project", "project_id", "run", "original_project"]), _NAMES | _IDS, max_size=3
)
_DOCUMENTS = st.builds(
    lambda ids, metadata: {"result": "passed", "metadata": metadata, **ids},
    st.dictionaries(st.sampled_from(["project_id", "project"]), _NAMES, max_size=2),
    _METADATA,
)
_UPLOADS = st.builds(
    lambda project, metadata: {"metadata": metadata} | ({} if project is None else {"project_id": project}),
    st.sampled_from([PROJECTS[OWN], "own", None, "nobody", 7]),
    _METADATA,
)
_ARCHIVES = st.builds(
    lambda run_id, run, results: (
        run_archive_import,
        archive(
            {
                f"{run_id}/run.json": run,
                **{f"{run_id}/{id_}/result.json": document for id_, document in results.items()},
                **{f"{run_id}/{id_}/log.txt": b"new" for id_ in results},
            }
        ),
        "archive.tar.gz",
    ),
    st.sampled_from(RUNS),
    _DOCUMENTS,
    st.dictionaries(st.sampled_from(RESULTS), _DOCUMENTS, max_size=3),
)


def _property(name: Any) -> str:
    return f'<properties><property name="project" value="{name}"/></properties>'


_REPORTS = st.builds(
    lambda run_id, root, suite, case: (
        run_junit_import,
        (
            f'<testsuites id="{run_id}">{_property(root)}<testsuite name="s" project="{suite}">'
            f'{_property(suite)}<testcase name="a" project="{case}" id="{run_id}">{_property(case)}'
            "<system-out>new</system-out></testcase></testsuite></testsuites>"
        ).encode(),
        f"results-{run_id}.xml",
    ),
    st.sampled_from(RUNS),
    _NAMES,
    _NAMES,
    _NAMES,
)


def store_rows() -> None:
    """Store two projects, a run with a result and files in each and in none, and a strange result in one."""
    for model in (Artifact, Result, Run, ImportFile, Import, Project):
        db.session.execute(db.delete(model))
    for owner, name in ((OWN, "own"), (OTHER, "other"), (NOBODY, None)):
        if name:
            db.session.add(Project(id=PROJECTS[owner], name=name, title=name))
            db.session.flush()
        project_id, data = PROJECTS[owner], {"project": name, "kept": [1, "ü"]}
        stored(
            Run(id=RUNS[owner], project_id=project_id, data=data, summary={"tests": 1}, source="kept"),
            Result(id=RESULTS[owner], run_id=RUNS[owner], project_id=project_id, data=data, result="failed"),
            Artifact(run_id=RUNS[owner], filename="run.log", content=b"\0\xff"),
            Artifact(result_id=RESULTS[owner], filename="result.log", content=b"\0\xff"),
        )
    strange = Result(id=_id(4, OTHER), run_id=RUNS[OWN], project_id=PROJECTS[OTHER], result="failed")
    stored(strange, Artifact(result_id=strange.id, run_id=RUNS[OWN], filename="strange.log", content=b"a"))


def rows() -> dict[str, tuple[str | None, bytes]]:
    """Return the project and all columns of every run, result and artifact, by id."""
    found: dict[str, tuple[str | None, bytes]] = {}
    for model in (Run, Result, Artifact):
        for row in db.session.scalars(db.select(model).execution_options(populate_existing=True)):
            values = [getattr(row, column.key) for column in model.__table__.columns]
            owner = getattr(row, "result_id", None) or getattr(row, "run_id", None)
            project_id = row.project_id if isinstance(row, Run | Result) else found[str(owner)][0]
            found[row.id] = (project_id, json.dumps(values, default=repr, sort_keys=True).encode())
    return found


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(file=_ARCHIVES | _REPORTS, upload=_UPLOADS)
@example(file=(run_junit_import, REPORT, f"{RUNS[OTHER]}.xml"), upload={"metadata": {"project": "other"}})
@example(
    file=(run_junit_import, REPORT, "new.xml"),
    upload={"project_id": PROJECTS[OWN], "metadata": {"project": "other"}},
)
@example(file=(run_junit_import, REPORT, f"{RUNS[OWN]}.xml"), upload={"project_id": PROJECTS[OWN]})
def test_no_upload_changes_a_row_of_another_project(
    file: tuple[Any, bytes, str], upload: dict[str, Any]
) -> None:
    """Every row outside of the authorised project stays byte for byte what it was."""
    task, content, filename = file
    store_rows()
    before = rows()
    import_id = stored(make_import(content, filename=filename, data=upload))
    task({"id": import_id})
    after = rows()
    is_authorised = upload.get("project_id") in (PROJECTS[OWN], "own")
    kept = {id_: row for id_, row in before.items() if not is_authorised or row[0] != PROJECTS[OWN]}
    assert {id_: after.get(id_) for id_ in kept} == kept
    added = {row[0] for id_, row in after.items() if id_ not in before}
    if is_authorised:
        assert added <= {PROJECTS[OWN]}
    if db.session.get_one(Import, import_id).status == "error":
        assert after == before
