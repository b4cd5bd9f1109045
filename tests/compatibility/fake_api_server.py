"""A stand-in for the existing API server, which cannot be had here.

It knows the contract and nothing of this package's code: it writes rows by column names, sends tasks by name
as JSON through a plain Celery app, and reads rows back.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from celery import Celery
from sqlalchemy import MetaData, create_engine, insert, select

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from sqlalchemy import Table


class FakeApiServer:
    """The API server's side of the contract, over its own connections to the database and the broker."""

    def __init__(self, database_uri: str, broker_url: str) -> None:
        self._engine = create_engine(database_uri)
        self._tables = MetaData()
        self._tables.reflect(self._engine)
        self._celery = Celery("api", broker=broker_url, backend=broker_url, set_as_current=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._celery.close()
        self._engine.dispose()

    def add(self, table: str, **columns: Any) -> str:
        """Write a row, and return its id."""
        row = {"id": str(uuid4()), **columns}
        with self._engine.begin() as connection:
            connection.execute(insert(self._table(table)).values(row))
        return str(row["id"])

    def add_project(self, **columns: Any) -> dict[str, Any]:
        """Write a project with a name of its own, and return its row."""
        project_id = self.add("projects", **{"name": f"project-{uuid4()}", "title": "A project", **columns})
        (row,) = self.rows("projects", id=project_id)
        return row

    def upload(self, filename: str, content: bytes, **data: Any) -> dict[str, Any]:
        """Store a file as the API does, have it imported, and return the import's row when that has ended.

        ``data`` is what a form says: ``project_id``, ``source``, ``metadata``.
        """
        import_id = self.add("imports", filename=filename, format="", status="pending", data=data or {})
        self.add("import_files", import_id=import_id, content=content)
        task = "run_archive_import" if filename.endswith(".tar.gz") else "run_junit_import"
        record = {
            "id": import_id,
            "filename": filename,
            "format": "",
            "data": data or {},
            "status": "pending",
        }
        self.call(f"importers.{task}", record)
        (row,) = self.rows("imports", id=import_id)
        return row

    def call(self, task: str, *arguments: Any, **named: Any) -> Any:
        """Send a task by name, as JSON, and return its result."""
        json.dumps([arguments, named])  # the API sends nothing else
        sent = self._celery.send_task(f"ibutsu_server.tasks.{task}", args=arguments, kwargs=named)
        return sent.get(timeout=60)

    def rows(self, table: str, **columns: Any) -> list[dict[str, Any]]:
        """Return the rows that have these values, ids as text."""
        source = self._table(table)
        wanted = [source.c[name] == value for name, value in columns.items()]
        with self._engine.connect() as connection:
            found = connection.execute(select(source).where(*wanted)).mappings().all()
        return [{name: self._plain(name, value) for name, value in row.items()} for row in found]

    def _table(self, name: str) -> Table:
        return self._tables.tables[name]

    @staticmethod
    def _plain(name: str, value: Any) -> Any:
        return str(value) if value is not None and (name == "id" or name.endswith("_id")) else value
