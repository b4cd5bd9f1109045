"""Define every table of an Ibutsu database.

Names, columns and keys are those of existing Ibutsu 3.1 databases; only ``import_files`` cascades.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar, Final

from sqlalchemy import Column, ForeignKey, Index, Table, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ibutsu_server.db.base import PRIVATE, Base, db
from ibutsu_server.db.types import PortableJSON, PortableUuid, UtcDateTime, utc_now, utc_timestamp

Json = dict[str, Any]

ENDED_STATUSES: Final = ("done", "error")
"""What ``Import.status`` is when nothing more will be done with the uploaded file."""

_METADATA_ON_THE_WIRE = {"data": "metadata"}


def _reference(target: str, **options: Any) -> Any:
    return mapped_column(PortableUuid, ForeignKey(target, **options), index=True)


def _moment(*, index: bool = True) -> Any:
    return mapped_column(UtcDateTime, default=utc_now, server_default=utc_timestamp(), index=index)


def _searchable() -> Any:
    return mapped_column(Text, index=True)


def _text() -> Any:
    return mapped_column(Text)


def _secret() -> Any:
    """Return a column that :meth:`Base.to_dict` leaves out."""
    return mapped_column(Text, info={PRIVATE: True})


def _json() -> Any:
    return mapped_column(PortableJSON)


def _metadata_indexes(table: str) -> tuple[Index, ...]:
    """Index the places in ``data`` that people search by."""
    return (
        _index_in_json(f"ix_{table}_tags", "(data -> 'tags')", postgresql_using="gin"),
        _index_in_json(f"ix_{table}_jenkins_job_name", "((data -> 'jenkins') ->> 'job_name')"),
        _index_in_json(f"ix_{table}_jenkins_build_number", "((data -> 'jenkins') ->> 'build_number')"),
    )


def _index_in_json(name: str, expression: str, **options: Any) -> Index:
    """Index an expression over a JSON column, which only PostgreSQL can do."""
    return Index(name, text(expression), **options).ddl_if(dialect="postgresql")


users_projects = Table(
    "users_projects",
    db.metadata,
    Column("user_id", PortableUuid, ForeignKey("users.id"), primary_key=True),
    Column("project_id", PortableUuid, ForeignKey("projects.id"), primary_key=True, index=True),
)


class Group(Base):
    """Be a group of users and projects."""

    __tablename__ = "groups"

    name: Mapped[str | None] = _searchable()
    data: Mapped[Json | None] = _json()


class User(Base):
    """Be a person who may log in."""

    __tablename__ = "users"

    email: Mapped[str] = mapped_column(Text, index=True, unique=True)
    _password: Mapped[str | None] = _secret()
    name: Mapped[str | None] = _text()
    activation_code: Mapped[str | None] = _secret()
    is_superadmin: Mapped[bool | None] = mapped_column(default=False)
    is_active: Mapped[bool | None] = mapped_column(default=False)
    group_id: Mapped[str | None] = _reference("groups.id")

    projects: Mapped[list[Project]] = relationship(secondary=users_projects, back_populates="users")
    tokens: Mapped[list[Token]] = relationship(back_populates="user")


class Project(Base):
    """Be a project: the owner of runs, results and imports."""

    __tablename__ = "projects"

    name: Mapped[str | None] = _searchable()
    title: Mapped[str | None] = _searchable()
    owner_id: Mapped[str | None] = _reference("users.id")
    group_id: Mapped[str | None] = _reference("groups.id")
    default_dashboard_id: Mapped[str | None] = _reference(
        "dashboards.id", use_alter=True, name="fk_projects_default_dashboard_id"
    )

    owner: Mapped[User | None] = relationship(foreign_keys=[owner_id])
    users: Mapped[list[User]] = relationship(secondary=users_projects, back_populates="projects")


class Dashboard(Base):
    """Be a page of widgets."""

    __tablename__ = "dashboards"

    title: Mapped[str | None] = _searchable()
    description: Mapped[str | None] = _text()
    filters: Mapped[str | None] = _text()
    project_id: Mapped[str | None] = _reference("projects.id")
    user_id: Mapped[str | None] = _reference("users.id")


class WidgetConfig(Base):
    """Be one widget of a dashboard, or a view in the navigation."""

    __tablename__ = "widget_configs"

    navigable: Mapped[bool | None] = mapped_column(index=True)
    params: Mapped[Json | None] = _json()
    project_id: Mapped[str | None] = _reference("projects.id")
    dashboard_id: Mapped[str | None] = _reference("dashboards.id")
    title: Mapped[str | None] = _text()
    type: Mapped[str | None] = _searchable()
    weight: Mapped[int | None] = mapped_column(default=0)
    widget: Mapped[str | None] = _searchable()


class Token(Base):
    """Be an API token of a user."""

    __tablename__ = "tokens"

    name: Mapped[str | None] = _text()
    token: Mapped[str | None] = _secret()
    expires: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    user_id: Mapped[str | None] = _reference("users.id")

    user: Mapped[User | None] = relationship(back_populates="tokens")


class Run(Base):
    """Be one run of a test suite."""

    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_start_time_id", "start_time", "id"),  # the order of pages
        *_metadata_indexes("runs"),
        _index_in_json("ix_runs_summary_pass_percent", "(summary -> 'pass_percent')"),
    )
    wire_names: ClassVar[dict[str, str]] = _METADATA_ON_THE_WIRE

    component: Mapped[str | None] = _searchable()
    created: Mapped[dt.datetime] = _moment()
    data: Mapped[Json | None] = _json()
    duration: Mapped[float | None] = mapped_column(index=True)
    """Seconds."""
    env: Mapped[str | None] = _searchable()
    project_id: Mapped[str | None] = _reference("projects.id")
    source: Mapped[str | None] = _searchable()
    start_time: Mapped[dt.datetime] = _moment(index=False)
    summary: Mapped[Json | None] = _json()


class Result(Base):
    """Be the result of one test."""

    __tablename__ = "results"
    __table_args__ = (
        Index("ix_results_run_id_start_time_id", "run_id", "start_time", "id"),  # the first result of a run
        Index("ix_results_start_time_id", "start_time", "id"),  # the order of pages
        *_metadata_indexes("results"),
    )
    wire_names: ClassVar[dict[str, str]] = _METADATA_ON_THE_WIRE

    component: Mapped[str | None] = _searchable()
    data: Mapped[Json | None] = _json()
    duration: Mapped[float | None] = mapped_column(index=True)
    """Seconds."""
    env: Mapped[str | None] = _searchable()
    params: Mapped[Json | None] = _json()
    project_id: Mapped[str | None] = _reference("projects.id")
    result: Mapped[str | None] = _searchable()
    run_id: Mapped[str | None] = mapped_column(PortableUuid, ForeignKey("runs.id"))
    source: Mapped[str | None] = _searchable()
    start_time: Mapped[dt.datetime] = _moment(index=False)
    test_id: Mapped[str | None] = _searchable()


class Artifact(Base):
    """Be a file that belongs to a result or to a run."""

    __tablename__ = "artifacts"
    wire_names: ClassVar[dict[str, str]] = _METADATA_ON_THE_WIRE

    result_id: Mapped[str | None] = _reference("results.id")
    run_id: Mapped[str | None] = _reference("runs.id")
    filename: Mapped[str | None] = _searchable()
    data: Mapped[Json | None] = _json()
    upload_date: Mapped[dt.datetime] = _moment()
    content: Mapped[bytes | None] = mapped_column(deferred=True)


class Import(Base):
    """Be one uploaded file on its way into runs, results and artifacts."""

    __tablename__ = "imports"

    filename: Mapped[str | None] = _searchable()
    format: Mapped[str | None] = _text()
    data: Mapped[Json | None] = _json()
    status: Mapped[str | None] = _searchable()
    created: Mapped[dt.datetime] = _moment()

    file: Mapped[ImportFile | None] = relationship(back_populates="import_", uselist=False)


class ImportFile(Base):
    """Hold the bytes of an uploaded file until its import ends."""

    __tablename__ = "import_files"

    import_id: Mapped[str | None] = _reference("imports.id", ondelete="CASCADE")
    content: Mapped[bytes | None] = mapped_column(deferred=True)

    import_: Mapped[Import | None] = relationship(back_populates="file")
