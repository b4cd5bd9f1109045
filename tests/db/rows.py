"""Make rows for tests: only what a test says matters, the rest is plain."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ibutsu_server.db import Base, db
from ibutsu_server.db.models import Artifact, Import, ImportFile, Result, Run
from ibutsu_server.db.types import utc_now

if TYPE_CHECKING:
    from sqlalchemy.orm import InstrumentedAttribute


def without_moment(column: InstrumentedAttribute[dt.datetime], *rows: Base) -> None:
    """Take a moment from stored rows, as PostgreSQL databases of older versions have them."""
    table, ids = column.table.name, [row.id for row in rows]
    db.session.execute(db.text(f"ALTER TABLE {table} ALTER {column.name} DROP NOT NULL"))
    model = column.class_
    db.session.execute(db.update(model).where(model.id.in_(ids)).values({column: None}))
    db.session.commit()


def days_ago(days: float) -> dt.datetime:
    """Give the moment so many days ago."""
    return utc_now() - dt.timedelta(days=days)


def stored(*rows: Base) -> str:
    """Commit rows, parents first, and give the id of the first; the objects keep what they hold."""
    for row in rows:
        db.session.add(row)
        db.session.flush()
    db.session.expunge_all()
    db.session.commit()
    return rows[0].id


def make_run(age: float = 0, **columns: Any) -> Run:
    """Make a run that started and was created ``age`` days ago."""
    return Run(id=str(uuid4()), start_time=days_ago(age), created=days_ago(age), **columns)


def make_result(run: Run | str, state: str = "passed", *, age: float = 0, **columns: Any) -> Result:
    """Make a result of a run that started ``age`` days ago."""
    run_id = run if isinstance(run, str) else run.id
    return Result(id=str(uuid4()), run_id=run_id, result=state, start_time=days_ago(age), **columns)


def make_file(owner: Run | Result, age: float = 0) -> Artifact:
    """Make a file of a run or a result, uploaded ``age`` days ago."""
    owned = {"run_id": owner.id} if isinstance(owner, Run) else {"result_id": owner.id}
    return Artifact(filename="output.log", content=b"text", upload_date=days_ago(age), **owned)


def make_import(content: bytes | None = b"<testsuite/>", age: float = 0, **columns: Any) -> Import:
    """Make a pending import with its file, created ``age`` days ago."""
    given = {"filename": "report.xml", "format": "junit", "status": "pending", "data": {}, **columns}
    import_ = Import(id=str(uuid4()), created=days_ago(age), **given)
    import_.file = ImportFile(content=content)
    return import_
