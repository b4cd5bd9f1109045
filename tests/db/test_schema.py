"""Show that the tables are made once, and that a database of another version is compared with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect, text

from ibutsu_server.app import create_app
from ibutsu_server.db import db
from ibutsu_server.db.models import User
from ibutsu_server.db.schema import create_schema
from ibutsu_server.db.schema_check import check_schema
from tests.db.rows import make_run, stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibutsu_server.settings import FlaskCelerySettings


@pytest.fixture
def empty(settings: FlaskCelerySettings) -> Iterator[str]:
    """Give the name of the kind of database; it has no tables, and its context is active."""
    with create_app(settings).app_context():
        yield db.engine.dialect.name
        db.session.remove()
        db.engine.dispose()


def change(*statements: str) -> None:
    """Change the database, as another version or a person would; no transaction is around it."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def faults() -> dict[str, str]:
    """Return what is not ok, with the statement for it."""
    return {finding.subject: finding.statement for finding in check_schema() if finding.fault}


def test_an_empty_database_gets_all_that_the_check_asks_for(empty: str) -> None:
    """After the tables are made nothing is missing."""
    created = create_schema()
    assert {"projects", "runs", "results", "artifacts", "users_projects"} <= set(created)
    assert faults() == {}


def test_indexes_in_json_are_made_where_they_can_be(empty: str) -> None:
    """PostgreSQL indexes tags, the Jenkins job and build, and the percentage of passes."""
    create_schema()
    inspector = inspect(db.engine)
    names = {str(index["name"]) for table in ("runs", "results") for index in inspector.get_indexes(table)}
    wanted = {
        "ix_runs_tags",
        "ix_runs_jenkins_job_name",
        "ix_runs_jenkins_build_number",
        "ix_runs_summary_pass_percent",
        "ix_results_tags",
        "ix_results_jenkins_job_name",
        "ix_results_jenkins_build_number",
    }
    assert wanted & names == (wanted if empty == "postgresql" else set())


def test_an_existing_database_is_left_as_it_is(empty: str) -> None:
    """One table of another version is enough: nothing is created, rows stay."""
    create_schema()
    run_id = stored(make_run())
    change("DROP TABLE import_files", "DROP INDEX ix_runs_env")
    assert create_schema() == []
    assert set(faults()) == {
        "table import_files",
        "index ix_import_files_import_id",
        "index ix_runs_env",
    }
    assert db.session.execute(text("SELECT count(*) FROM runs")).scalar() == 1, run_id


SPOILT: tuple[list[str], ...] = (
    [],
    ["DROP TABLE artifacts", "DROP INDEX ix_users_email", "DROP INDEX ix_runs_source"],
    ["DROP TABLE widget_configs", "DROP TABLE import_files", "DROP TABLE imports"],
)
ADDITION = re.compile(
    r"CREATE TABLE |CREATE (UNIQUE )?INDEX CONCURRENTLY |ALTER TABLE \w+ ADD (COLUMN|CONSTRAINT) |"
    r"REINDEX INDEX CONCURRENTLY |-- "
)


def test_the_statements_of_the_check_complete_the_database(empty: str) -> None:
    """Whoever runs all of them in order has a database that is ok, from nothing at all or from some of it."""
    for spoil in SPOILT:
        change(*spoil)
        broken = faults()
        assert broken
        change(*broken.values())
        assert faults() == {}


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_the_statements_of_the_check_only_add(empty: str) -> None:
    """No statement drops, renames or alters anything, and none blocks who reads or writes."""
    for spoil in (
        *SPOILT,
        ["DROP INDEX ix_runs_env", "CREATE INDEX ix_runs_env ON runs (source)"],
        ["UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_results_env'::regclass"],
        ["ALTER TABLE projects DROP COLUMN default_dashboard_id", "DROP TABLE dashboards CASCADE"],
        ["ALTER TABLE runs ALTER env TYPE varchar(64)"],
    ):
        change(*spoil)
        broken = faults()
        assert broken
        assert [statement for statement in broken.values() if not ADDITION.match(statement)] == []
        change(*(statement for statement in broken.values() if not statement.startswith("--")))


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_tables_come_before_the_columns_and_indexes_that_need_them(empty: str) -> None:
    """Projects and dashboards refer to each other; the statements run in the order that they have."""
    create_schema()
    change("ALTER TABLE projects DROP COLUMN default_dashboard_id")
    change("DROP TABLE widget_configs", "DROP TABLE dashboards")
    broken = faults()
    assert list(broken)[:3] == [
        "table dashboards",
        "table widget_configs",
        "column projects.default_dashboard_id",
    ]
    change(*broken.values())
    assert faults() == {}


def test_a_missing_column_is_added(empty: str) -> None:
    """The statement for a column brings its type and its foreign key."""
    create_schema()
    uuid, moment = ("UUID", "TIMESTAMP") if empty == "postgresql" else ("CHAR(32)", "DATETIME")
    older = f"CREATE TABLE tokens (id {uuid} PRIMARY KEY, name TEXT, token TEXT, expires {moment})"
    change("DROP TABLE tokens", older)
    broken = faults()
    assert broken["column tokens.user_id"].endswith("REFERENCES users (id);")
    change(*broken.values())
    assert faults() == {}


def uncommented(broken: dict[str, str]) -> list[str]:
    """Return the statements for a time when no other program uses the database."""
    return [statement.removeprefix("-- ") for statement in broken.values()]


def test_a_column_of_another_type_is_told(empty: str) -> None:
    """PostgreSQL gets the statement that changes it as a comment; times with an offset go to UTC."""
    create_schema()
    if empty == "postgresql":
        change(
            "ALTER TABLE runs ALTER COLUMN start_time TYPE timestamptz USING start_time AT TIME ZONE 'UTC'",
            "ALTER TABLE runs ALTER COLUMN env TYPE varchar(64)",
            "ALTER TABLE imports ALTER COLUMN data TYPE json",
        )
        broken = faults()
        assert broken["column runs.start_time"].endswith("USING start_time AT TIME ZONE 'UTC';")
        change(*broken.values())
        assert faults() == broken
        change(*uncommented(broken))
        assert faults() == {}
    else:
        change("ALTER TABLE runs ADD COLUMN env2 VARCHAR(64)", "DROP INDEX ix_runs_env")
        change("ALTER TABLE runs DROP COLUMN env", "ALTER TABLE runs RENAME COLUMN env2 TO env")
        assert faults()["column runs.env"].startswith("-- SQLite cannot change the type of a column")


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_ids_of_another_type_change_under_their_foreign_keys(empty: str) -> None:
    """In the comments the keys go first and come back last, with what they do on a deletion."""
    create_schema()
    drop = "ALTER TABLE import_files DROP CONSTRAINT import_files_import_id_fkey"
    add = "ALTER TABLE import_files ADD FOREIGN KEY (import_id) REFERENCES imports (id) ON DELETE CASCADE"
    types = [("import_files", "import_id"), ("imports", "id")]
    change(drop, *(f"ALTER TABLE {table} ALTER {column} TYPE varchar(36)" for table, column in types), add)
    broken = faults()
    assert next(iter(broken)) == "foreign key import_files_import_id_fkey"
    assert list(broken.values())[-1].endswith("REFERENCES imports (id) ON DELETE CASCADE;")
    change(*uncommented(broken))
    assert faults() == {}
    (key,) = inspect(db.engine).get_foreign_keys("import_files")
    assert key["options"] == {"ondelete": "CASCADE"}


def test_an_index_of_another_name_serves(empty: str) -> None:
    """What an index is on counts, not what it is called, and whether it is unique."""
    create_schema()
    change("DROP INDEX ix_runs_env", "CREATE INDEX another ON runs (env, source)")
    assert faults() == {}
    change("DROP INDEX ix_users_email", "CREATE INDEX plain ON users (email)")
    change("CREATE UNIQUE INDEX wide ON users (email, name)")
    assert set(faults()) == {"index ix_users_email"}


def test_an_index_of_the_same_name_on_something_else_is_kept(empty: str) -> None:
    """Another program uses it: the one that is missing gets a name of its own."""
    create_schema()
    change("CREATE INDEX ix_runs_env_2 ON runs (created, env)")
    change("DROP INDEX ix_runs_env", "CREATE INDEX ix_runs_env ON runs (source)")
    before = index_names("runs")
    concurrently = " CONCURRENTLY" if empty == "postgresql" else ""
    assert faults() == {"index ix_runs_env": f"CREATE INDEX{concurrently} ix_runs_env_3 ON runs (env);"}
    change(*faults().values())
    assert faults() == {}
    assert index_names("runs") == before | {"ix_runs_env_3"}


MIGRATED = {
    "ix_results_assignee": "results ((data ->> 'assignee'))",
    "ix_results_classification": "results ((data ->> 'classification'))",
    "ix_results_exception_name": "results ((data ->> 'exception_name'))",
    "ix_results_jenkins_job_name": "results (((data -> 'jenkins') ->> 'job_name'))",
    "ix_results_jenkins_build_number": "results (((data -> 'jenkins') ->> 'build_number'))",
    "ix_runs_jenkins_job_name": "runs (((data -> 'jenkins') ->> 'job_name'))",
    "ix_runs_jenkins_build_number": "runs (((data -> 'jenkins') ->> 'build_number'))",
    "ix_results_tags": "results USING gin ((data -> 'tags'))",
    "ix_runs_tags": "runs USING gin ((data -> 'tags'))",
    "ix_results_requirements": "results USING gin ((data -> 'requirements'))",
    "ix_results_component_env_project": "results (component, env, project_id, start_time DESC)",
    "ix_results_component_start_time_result_project_id": (
        "results (component, start_time, result, project_id)"
    ),
    "ix_results_result_satver_project_id_run_id_snapver": (
        "results (result, (data ->> 'SatelliteVersion'), project_id, run_id, (data ->> 'SnapVersion'))"
    ),
    "ix_runs_jjn_jbn": (
        "runs (((data -> 'jenkins') ->> 'job_name'), ((data -> 'jenkins') ->> 'build_number'))"
    ),
    "ix_runs_summary": "runs USING gin (summary)",
}
"""The indexes that a migrated database has for its other programs."""


def index_names(table: str) -> set[str]:
    """Return the names of the indexes of a table."""
    return {str(index["name"]) for index in inspect(db.engine).get_indexes(table)}


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_the_indexes_of_a_migrated_database_serve_us_too(empty: str) -> None:
    """Ours are on the same expressions, so that nothing is asked for twice and nothing stands in the way."""
    create_schema()
    change(*(f"DROP INDEX IF EXISTS {name}" for name in MIGRATED))
    change(*(f"CREATE INDEX {name} ON {on}" for name, on in MIGRATED.items()))
    assert faults() == {}
    change(
        "DROP INDEX ix_runs_jenkins_job_name",
        "DROP INDEX ix_results_component",
        "DROP INDEX ix_results_result",
    )
    assert faults() == {}, "the first part of a longer index serves"
    change("DROP INDEX ix_runs_jjn_jbn")
    assert set(faults()) == {"index ix_runs_jenkins_job_name"}


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_an_expression_written_otherwise_is_another_index(empty: str) -> None:
    """PostgreSQL uses an index for the expression that it was made of, and for no other."""
    create_schema()
    name = "ix_results_jenkins_job_name"
    change(f"DROP INDEX {name}", f"CREATE INDEX {name} ON results ((data #>> '{{jenkins,job_name}}'))")
    (statement,) = faults().values()
    assert statement.startswith(f"CREATE INDEX CONCURRENTLY {name}_2 ON results (((data -> 'jenkins') ->> ")
    change(statement)
    assert faults() == {}


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_an_index_of_another_method_does_not_serve(empty: str) -> None:
    """A hash has no order, a part of the rows is not all, and another operator class has other operators."""
    create_schema()
    change("DROP INDEX ix_runs_env", "DROP INDEX ix_runs_tags")
    change("CREATE INDEX ix_runs_env_hash ON runs USING hash (env)")
    change("CREATE INDEX ix_runs_env_some ON runs (env) WHERE source IS NOT NULL")
    change("CREATE INDEX ix_runs_tags_path ON runs USING gin ((data -> 'tags') jsonb_path_ops)")
    assert set(faults()) == {"index ix_runs_env", "index ix_runs_tags"}


def test_a_column_that_must_have_a_value_is_added_beside_rows(empty: str) -> None:
    """The rows that are there have none."""
    create_schema()
    stored(User(email="ann@example.com"))
    change("DROP INDEX ix_users_email", "ALTER TABLE users DROP COLUMN email")
    change(*faults().values())
    assert faults() == {}


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_an_index_that_was_not_finished_is_told(empty: str) -> None:
    """PostgreSQL leaves one behind where CREATE INDEX CONCURRENTLY fails; no query uses it."""
    create_schema()
    change("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_runs_env'::regclass")
    assert faults() == {"index ix_runs_env": "REINDEX INDEX CONCURRENTLY ix_runs_env;"}
    change(*faults().values())
    assert faults() == {}
