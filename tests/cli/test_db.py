"""Show what the ``ibutsu db`` commands do to a database, and what they say."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ibutsu_server.cli import main
from ibutsu_server.db import db
from ibutsu_server.db.models import Run
from ibutsu_server.db.types import utc_now
from tests.db.rows import make_file, make_import, make_result, make_run, stored

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result
    from flask import Flask


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, database_uri: str) -> None:
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", database_uri)


def run(*arguments: str) -> Result:
    """Run ``ibutsu db`` with the environment as it is now: no broker is named there."""
    return CliRunner().invoke(main, ["db", *arguments])


def old_rows() -> None:
    """Store rows that the default plan deletes, and some that it keeps."""
    old, young = make_run(400), make_run(10)
    result, old_result = make_result(old, age=400), make_result(young, age=160)
    files = [make_file(old, 380), make_file(result, 400), make_file(young, 100), make_file(young, 80)]
    stored(old, young, result, old_result, *files, make_file(old_result, 80))
    stored(make_import(age=30, status="done"), make_import(age=30))


def test_init_makes_the_tables_once(database_uri: str) -> None:
    """A second time nothing is changed, and nothing is missing."""
    first, second = run("init"), run("init")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.output.startswith("Created 12 tables: artifacts, ")
    assert second.output == "There are tables already: nothing was changed.\n"


def test_check_says_what_to_run(database_uri: str, tmp_path: Path) -> None:
    """Each line is ok, or a statement; the last one sums up, and the exit code says whether all is well."""
    (tmp_path / "ibutsu.db").touch()
    nothing = run("check")
    assert nothing.exit_code == 1
    assert "table runs is missing: CREATE TABLE runs (" in nothing.output
    run("init")
    whole = run("check")
    assert whole.exit_code == 0
    *lines, summary = whole.output.splitlines()
    assert all(line.endswith(" ok") for line in lines)
    assert summary == f"All {len(lines)} tables, columns and indexes are as they should be."


def test_check_prints_as_much_as_is_asked_for(app: Flask) -> None:
    """Everything and a summary, what is wrong alone, JSON, or just the statements."""
    with db.engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_runs_env")
    concurrently = " CONCURRENTLY" if db.engine.dialect.name == "postgresql" else ""
    statement = f"CREATE INDEX{concurrently} ix_runs_env ON runs (env);"
    plain, quiet, sql = run("check"), run("check", "--quiet"), run("check", "--sql")
    assert f"index ix_runs_env is missing: {statement}\n" in plain.output
    assert plain.output.splitlines()[-1] == (
        f"1 of {len(plain.output.splitlines()) - 1} tables, columns and indexes are missing or different. "
        "'ibutsu db check --sql' prints the statements that add what is missing."
    )
    assert quiet.output == f"index ix_runs_env is missing: {statement}\n"
    assert sql.output == f"{statement}\n"
    found = json.loads(run("check", "--json").output)
    fault = {"subject": "index ix_runs_env", "fault": "is missing", "statement": statement}
    assert (found["looked_at"], found["faults"]) == (len(found["findings"]), 1)
    assert fault in found["findings"]
    assert json.loads(run("check", "--json", "--quiet").output)["findings"] == [fault]
    assert {result.exit_code for result in (plain, quiet, sql, run("check", "--json"))} == {1}
    with db.engine.begin() as connection:
        connection.exec_driver_sql(statement.replace(" CONCURRENTLY", ""))
    assert (run("check", "--quiet").output, run("check", "--sql").output) == ("", "")


@pytest.mark.parametrize("command", [("check",), ("prune", "--dry-run")])
def test_looking_changes_no_sqlite_file(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file that is not there is told and not made; one that is there stays as it was, byte by byte."""
    path = tmp_path / "other.db"
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", f"sqlite:///{path}")
    told = run(*command)
    assert told.exit_code == 1
    assert "unable to open database file" in told.output
    assert not path.exists()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE runs (id CHAR(32))")
    before = path.read_bytes()
    assert run(*command).exit_code == 1
    assert path.read_bytes() == before


def test_tables_of_another_version_are_told_with_the_remedy(app: Flask) -> None:
    """A column that is missing is not taken for a server that is away."""
    with db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE runs RENAME COLUMN start_time TO began")
    told = run("prune", "--dry-run")
    assert told.exit_code == 1
    assert "The tables are not those of this version (" in told.output
    assert "start_time" in told.output
    assert "'ibutsu db check' says how to fix them." in told.output


def test_init_says_what_another_version_lacks(app: Flask) -> None:
    """The tables stay as they are; exit code 1 and the statements say that there is something to do."""
    with db.engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_runs_env")
    told = run("init")
    assert told.exit_code == 1
    assert "index ix_runs_env is missing: CREATE INDEX" in told.output


def test_a_dry_run_says_what_goes_by_table_and_month(app: Flask) -> None:
    """The forecast counts the rows that the prune then deletes, and deletes none itself."""
    old_rows()
    doomed = json.loads(run("prune", "--dry-run", "--json").output)
    totals = {each["table"]: 0 for each in doomed}
    for each in doomed:
        totals[each["table"]] += each["rows"]
    assert totals == {"artifacts": 4, "results": 2, "runs": 1, "imports": 1}
    started = db.session.scalars(db.select(Run).order_by(Run.start_time)).first()
    assert started is not None
    month = started.start_time.strftime("%Y-%m")
    assert {"table": "runs", "month": month, "rows": 1} in doomed
    assert json.loads(run("prune", "--json").output) == {"deleted": totals, "is_cut_off": False}
    assert "0 rows would go." in run("prune", "--dry-run").output


def test_the_prune_follows_the_plan(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retention and kinds are those of the scheduler."""
    old_rows()
    for name in ("FILES", "RESULTS", "RUNS", "IMPORT_FILES"):
        monkeypatch.setenv(f"IBUTSU_BEAT_PRUNE_{name}_ENABLED", "false")
    assert "0 rows would go." in run("prune", "--dry-run").output
    monkeypatch.setenv("IBUTSU_BEAT_PRUNE_IMPORT_FILES_ENABLED", "true")
    month = (utc_now() - dt.timedelta(days=30)).strftime("%Y-%m")
    told = json.loads(run("prune", "--dry-run", "--json").output)
    assert told == [{"table": "imports", "month": month, "rows": 1}]
    assert run("prune").output == "Deleted 1 imports.\n"


def test_a_prune_that_is_cut_off_says_so(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs it learns that there is more to do."""
    old_rows()
    monkeypatch.setenv("IBUTSU_PRUNE_TIME_BUDGET", "1e-9")
    told = run("prune")
    assert told.exit_code == 0
    assert told.output.endswith("The time budget is used up: run the command again to go on.\n")
