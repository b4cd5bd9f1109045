"""Import the shared corpus of real and hostile files, where it lies beside the project."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from ibutsu_server.db import db
from ibutsu_server.db.models import Artifact, Import, Result, Run
from ibutsu_server.ingest.upload import find_or_create_project
from ibutsu_server.tasks.importers import run_archive_import, run_junit_import
from tests.db.rows import make_import, stored

if TYPE_CHECKING:
    from flask import Flask

CORPUS: Final = Path(__file__).parents[3] / "shared" / "corpus"
STATES: Final = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")

pytestmark = [
    pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the corpus is not there: {CORPUS}"),
    pytest.mark.usefixtures("celery_app"),
]


def truth(name: str) -> dict[str, Any]:
    """Read a file of expectations."""
    expected: dict[str, Any] = json.loads((CORPUS / name).read_text(encoding="utf-8"))
    return expected


def carry_out(path: Path) -> tuple[Import, Counter[str]]:
    """Import a file and give the import as it ended, with the number of its results by state."""
    is_archive = path.name.endswith(".tar.gz")
    upload = {"project_id": find_or_create_project("corpus").id}
    import_id = stored(make_import(path.read_bytes(), filename=path.name, data=upload))
    (run_archive_import if is_archive else run_junit_import)({"id": import_id})
    ended = db.session.get_one(Import, import_id)
    run_ids = (ended.data or {}).get("run_id", [])
    counts = db.session.execute(
        db.select(Result.result, db.func.count()).where(Result.run_id.in_(run_ids)).group_by(Result.result)
    )
    return ended, Counter({str(state): number for state, number in counts})


def disagreement(expected: dict[str, Any], ended: Import, states: Counter[str]) -> str | None:
    """Say how an import differs from the truth, if it does; an ambiguous case may be any of its readings."""
    must = expected["must"]
    if must == "reject" or (must == "import or reject" and ended.status == "error"):
        is_clean = ended.status == "error" and (ended.data or {}).get("error") and not states
        return None if is_clean else f"{ended.status}, not a clean reject"
    if ended.status != "done":
        return f"{ended.status}: {(ended.data or {}).get('error')}"
    if states.total() != expected["testcases"]:
        return f"{states.total()} of {expected['testcases']} results"
    sure = Counter({state: expected[state] for state in STATES})
    sure -= Counter(case["primary"] for case in expected["ambiguous"])
    return None if states >= sure else f"{dict(states)}, not at least {dict(sure)}"


def test_every_report_of_the_corpus_is_read_as_it_is_meant(app: Flask) -> None:
    """Rows and states are those of the truth, the summary counts them, and bad files leave nothing."""
    differences = {}
    for name, expected in truth("expected.json").items():
        ended, states = carry_out(CORPUS / "junit" / name)
        if difference := disagreement(expected, ended, states):
            differences[name] = difference
        elif ended.status == "done":
            summary = db.session.get_one(Run, (ended.data or {})["run_id"][0]).summary or {}
            assert summary["tests"] == states.total(), name
    assert differences == {}


def test_the_archives_of_the_corpus_keep_everything(app: Flask) -> None:
    """Ids, states and the names of all files are those of the archives."""
    for name, expected in truth("expected_archives.json").items():
        ended, states = carry_out(CORPUS / "archives" / name)
        assert (ended.status, (ended.data or {}).get("run_id")) == ("done", [expected["run_id"]])
        assert states == expected["by_result"]
        of_run = db.select(Artifact.filename).where(Artifact.run_id == expected["run_id"])
        assert sorted(db.session.scalars(of_run)) == sorted(expected["run_artifacts"])
        results = db.select(Result.id).where(Result.run_id == expected["run_id"])
        of_results = db.select(Artifact.filename).where(Artifact.result_id.in_(results))
        assert Counter(db.session.scalars(of_results)) == expected["result_artifacts"]


def test_hostile_files_end_as_they_must(app: Flask) -> None:
    """Each is imported, or rejected with a message and nothing left behind."""
    differences = {}
    for name, expected in truth("hostile/manifest.json").items():
        path = CORPUS / "hostile" / name
        if not path.is_file():
            continue  # a large one, which the manifest only describes
        ended, states = carry_out(path)
        allowed = {"import": {"done"}, "reject": {"error"}}.get(expected["must"], {"done", "error"})
        if ended.status not in allowed:
            differences[name] = f"{ended.status}: {(ended.data or {}).get('error')}"
        elif expected["must"] == "import" and states.total() != expected["n"]:
            differences[name] = f"{states.total()} of {expected['n']} results"
        elif ended.status == "error" and (states or not (ended.data or {}).get("error")):
            differences[name] = "not a clean reject"
    assert differences == {}
