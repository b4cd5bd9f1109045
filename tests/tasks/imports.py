"""Import files in tests, and read what was stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibutsu_server.db import Base, db
from ibutsu_server.db.models import Artifact, Import, Project, Result, Run
from tests.db.rows import make_import, stored

if TYPE_CHECKING:
    from collections.abc import Mapping

REPORT = b"""<testsuites time="3"><testsuite name="shop" timestamp="2026-03-01T10:00:00">
<testcase classname="tests.TestCart" name="test_total" time="1.5"/>
<testcase classname="tests.TestCart" name="test_empty" time="0.5">
  <failure type="AssertionError" message="no">trace</failure><system-out>said</system-out>
</testcase></testsuite></testsuites>"""


def import_(task: Any, content: bytes | None, **columns: Any) -> Import:
    """Store a file, run its task here, and return the import as it ended."""
    import_id = stored(make_import(content, **columns))
    task({"id": import_id})
    return db.session.get_one(Import, import_id)


def error_of(ended: Import) -> str:
    """Return the reason of an import that ended in error."""
    assert ended.status == "error", ended.data
    reason: str = (ended.data or {})["error"]
    return reason


def project_called(name: str) -> str:
    """Store a project and return its id."""
    return stored(Project(name=name, title=name))


def rows_of(model: type[Base]) -> list[Any]:
    """Return all rows of a table."""
    return list(db.session.scalars(db.select(model)))


def is_untouched() -> bool:
    """Return whether there is no run, no result and no artifact."""
    return not (rows_of(Run) or rows_of(Result) or rows_of(Artifact))


def columns_of(row: Base, *names: str) -> Mapping[str, Any]:
    """Return some columns of a row by their names."""
    return {name: getattr(row, name) for name in names}
