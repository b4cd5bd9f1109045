"""Check with generated uploads that whatever comes is imported whole, or refused without a trace."""

from __future__ import annotations

import gzip
import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ibutsu_server.db import db
from ibutsu_server.db.models import Artifact, Import, ImportFile, Result, Run
from ibutsu_server.tasks.importers import run_archive_import, run_junit_import
from tests.db.rows import make_import, stored
from tests.ingest.archives import RESULT, RUN, archive

pytestmark = pytest.mark.usefixtures("app", "celery_app")

ANY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

_LONG = "".join(sha256(str(number).encode()).hexdigest() for number in range(100))
"""No index takes a text that is so long and cannot be compressed."""

_TEXTS = st.text(max_size=8) | st.sampled_from(
    [
        "\0", "\ud800", "a\0b", "\U0001d7d8", "NaN", "1e999", "-1", "9" * 400, "10000-01-01T00:00:00",
        "0001-01-01", "2026-03-01T10:00:00+99:99", _LONG, "é" * 3_000, "passed", RUN, RESULT, "{}",
        "'; DROP TABLE runs",
    ]
)  # fmt: skip
_FILE_NAMES = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ["", "..", "/a", "a/b", "é" * 2_000, _LONG, "run.json", "result.json"]
)
_NUMBERS = st.sampled_from([0, -1, 2**31, 2**63, 10**400, 0.1, 1e308, float("inf"), float("nan")])
_VALUES = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.integers() | _TEXTS,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(_TEXTS, values, max_size=3),
    max_leaves=6,
)
_NAMES = [
    "id", "run_id", "test_id", "result", "start_time", "duration", "component", "env", "source", "params",
    "summary", "project", "project_id", "created", "metadata",
]  # fmt: skip
_METADATA = st.dictionaries(
    st.sampled_from(["jenkins", "tags", "project", "component", "node_id", "user_properties"]) | _TEXTS,
    _VALUES | st.dictionaries(st.sampled_from(["job_name", "build_number"]), _VALUES),
    max_size=4,
)
_DOCUMENTS = st.builds(
    lambda columns, metadata: {"result": "passed", **columns, **({"metadata": metadata} if metadata else {})},
    st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=4),
    _METADATA,
)


def check(task: Any, content: bytes) -> None:
    """Import the upload: it ends as done with its rows, or in error with a reason and no row."""
    for model in (Artifact, Result, Run, ImportFile, Import):
        db.session.execute(db.delete(model))
    import_id = stored(make_import(content))
    task({"id": import_id})
    ended = db.session.get_one(Import, import_id)
    results, artifacts = (db.session.scalar(db.select(db.func.count(m.id))) for m in (Result, Artifact))
    runs = list(db.session.scalars(db.select(Run)))
    if ended.status == "error":
        assert (ended.data or {})["error"].endswith(".")
        assert (len(runs), results, artifacts) == (0, 0, 0)
    else:
        assert ended.status == "done"
        assert [run.id for run in runs] == (ended.data or {})["run_id"]
        assert (runs[0].summary or {})["tests"] >= (results or 0)


@ANY
@given(run=_DOCUMENTS, result=_DOCUMENTS, name=_FILE_NAMES)
@example(run={}, result={"result": "passed", "metadata": {"jenkins": {"job_name": [_LONG]}}}, name="a.log")
def test_any_documents_in_an_archive(run: dict[str, Any], result: dict[str, Any], name: str) -> None:
    """Every value may be of any kind, and a file may have any name."""
    files: dict[str, bytes | dict[str, Any]] = {
        f"{RUN}/run.json": run,
        f"{RUN}/{RESULT}/result.json": result,
        f"{RUN}/{RESULT}/{name}": b"file",
    }
    check(run_archive_import, archive(files))


@ANY
@given(place=st.integers(0, 6_000), junk=st.binary(min_size=1, max_size=20))
def test_any_damage_inside_an_archive(place: int, junk: bytes) -> None:
    """Bytes that changed before the archive was compressed meet no checksum but the headers'."""
    files: dict[str, bytes | dict[str, Any]] = {
        f"{RUN}/run.json": {"metadata": {"tags": ["nightly"]}},
        f"{RUN}/{RESULT}/result.json": {"result": "failed", "start_time": "2026-03-01T10:00:00"},
        f"{RUN}/{RESULT}/traceback.log": b"trace",
    }
    tar = bytearray(gzip.decompress(archive(files)))
    tar[place : place + len(junk)] = junk
    check(run_archive_import, gzip.compress(bytes(tar)))


@ANY
@given(text=_TEXTS, value=_VALUES)
def test_any_words_in_a_report(text: str, value: Any) -> None:
    """Names, times, properties and output may hold whatever XML can, and references to what it cannot."""
    written = "".join(f"&#{ord(character)};" for character in text)
    other = "".join(f"&#{ord(character)};" for character in json.dumps(value))
    check(
        run_junit_import,
        (
            f'<testsuite name="{written}" timestamp="{other}" time="{other}"><properties>'
            f'<property name="{written}" value="{other}"/><property name="{other}">{written}</property>'
            f'</properties><testcase name="{other}" classname="{written}" time="{written}">'
            f'<failure type="{written}" message="{other}">{written}</failure>'
            f"<system-out>{written} [[ATTACHMENT|{written}]]</system-out></testcase>"
            f'<testcase name="{written}" status="{written}"/></testsuite>'
        ).encode(),
    )


@ANY
@given(content=st.binary(max_size=300))
def test_any_bytes(content: bytes) -> None:
    """Bytes that mean nothing end in error."""
    for task in (run_junit_import, run_archive_import):
        check(task, content)
