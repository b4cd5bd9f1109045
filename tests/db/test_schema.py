"""Show that the tables are made once, and that a database of another version is compared with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect, text

from ibutsu_server.app import create_app
from ibutsu_server.db import db
from ibutsu_server.db.models import User
from ibutsu_server.db.schema import check_schema, create_schema
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
    """Give what is not ok, with the statement that mends it."""
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


def test_the_statements_of_the_check_mend_the_database(empty: str) -> None:
    """Whoever runs every statement has a database that is ok, from nothing at all or from some of it."""
    for spoil in ([], ["DROP TABLE artifacts", "DROP INDEX ix_users_email", "DROP INDEX ix_runs_source"]):
        change(*spoil)
        broken = faults()
        assert broken
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


def test_a_column_of_another_type_is_told(empty: str) -> None:
    """PostgreSQL gets the statement that changes it, moments with an offset going to UTC."""
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
        assert faults() == {}
    else:
        change("ALTER TABLE runs ADD COLUMN env2 VARCHAR(64)", "DROP INDEX ix_runs_env")
        change("ALTER TABLE runs DROP COLUMN env", "ALTER TABLE runs RENAME COLUMN env2 TO env")
        assert faults()["column runs.env"].startswith("-- SQLite cannot change the type of a column")


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_ids_of_another_type_change_under_their_foreign_keys(empty: str) -> None:
    """The keys go first and come back last, with what they do on a deletion."""
    create_schema()
    drop = "ALTER TABLE import_files DROP CONSTRAINT import_files_import_id_fkey"
    add = "ALTER TABLE import_files ADD FOREIGN KEY (import_id) REFERENCES imports (id) ON DELETE CASCADE"
    types = [("import_files", "import_id"), ("imports", "id")]
    change(drop, *(f"ALTER TABLE {table} ALTER {column} TYPE varchar(36)" for table, column in types), add)
    broken = faults()
    assert next(iter(broken)) == "foreign key import_files_import_id_fkey"
    assert list(broken.values())[-1].endswith("REFERENCES imports (id) ON DELETE CASCADE;")
    change(*broken.values())
    assert faults() == {}
    (key,) = inspect(db.engine).get_foreign_keys("import_files")
    assert key["options"] == {"ondelete": "CASCADE"}


def test_an_index_of_another_name_serves(empty: str) -> None:
    """What an index is on counts, not what it is called, and whether it is unique."""
    create_schema()
    change("DROP INDEX ix_runs_env", "CREATE INDEX another ON runs (env, source)")
    assert faults() == {}
    change("DROP INDEX ix_users_email", "CREATE INDEX plain ON users (email)")
    assert set(faults()) == {"index ix_users_email"}


def test_an_index_that_has_the_name_alone_is_told(empty: str) -> None:
    """It is in the way of the one that is missing."""
    create_schema()
    change("DROP INDEX ix_runs_env", "CREATE INDEX ix_runs_env ON runs (source)")
    assert set(faults()) == {"name ix_runs_env", "index ix_runs_env"}
    change(*faults().values())
    assert faults() == {}


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_an_index_of_another_method_does_not_serve(empty: str) -> None:
    """A hash has no order, and a block range no rows."""
    create_schema()
    change("DROP INDEX ix_runs_env", "CREATE INDEX ix_runs_env_hash ON runs USING hash (env)")
    assert set(faults()) == {"index ix_runs_env"}


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
