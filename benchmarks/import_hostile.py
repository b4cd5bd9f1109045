"""Measure what hostile uploads cost the importer: seconds and the peak of resident memory.

Each file is imported into PostgreSQL by a process of its own. Four are made here: 10 GB of zeros in an
archive, a report with one text of 200 MB, one with a property of 1 MB that 400 test cases take over, and
one with 300,000 test cases. Files that are named on the command line, or all in a folder that is, come
after them.
"""

from __future__ import annotations

import argparse
import gzip
import tarfile
import tempfile
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from import_junit import memory, server

if TYPE_CHECKING:
    from collections.abc import Iterator

MEGABYTE = 1024**2
RUN = "11111111-1111-4111-8111-111111111111"


def write_bomb(path: Path) -> None:
    """Write an archive with a file of 10 GB: one compressed block of zeros, again and again."""
    blocks, size = 160, 64 * MEGABYTE
    member = tarfile.TarInfo(f"{RUN}/zeros.log")
    member.size = blocks * size
    with path.open("wb") as file:
        file.write(gzip.compress(member.tobuf(tarfile.GNU_FORMAT)))
        block = gzip.compress(bytes(size))
        for _ in range(blocks):
            file.write(block)


def write_long_text(path: Path) -> None:
    """Write a report whose one case has an output of 200 MB."""
    with path.open("wb") as file:
        file.write(b'<testsuite name="s"><testcase name="a"><system-out>')
        for _ in range(200):
            file.write(b"x" * MEGABYTE)
        file.write(b"</system-out></testcase></testsuite>")


def write_long_property(path: Path) -> None:
    """Write a report of 1 MB whose results hold 400 MB of metadata."""
    properties = f'<properties><property name="p">{"x" * MEGABYTE}</property></properties>'
    cases = '<testcase name="a"/>' * 400
    path.write_text(f'<testsuite name="s">{properties}{cases}</testsuite>')


def write_many_cases(path: Path) -> None:
    """Write a report with 300,000 cases in one suite."""
    with path.open("w") as file:
        file.write('<testsuite name="s">')
        file.writelines(
            f'<testcase classname="c.C" name="test_{number}" time="0.001"/>' for number in range(300_000)
        )
        file.write("</testsuite>")


LARGE = {
    "zeros_10gb.tar.gz": write_bomb,
    "text_200mb.xml": write_long_text,
    "property_1mb.xml": write_long_property,
    "cases_300k.xml": write_many_cases,
}


def import_file(uri: str, path: Path) -> str:
    """Import one file and say how it ended and what that cost."""
    from sqlalchemy import func, select

    from ibutsu_server.app import create_app
    from ibutsu_server.celery_utils import create_flask_celery_app
    from ibutsu_server.db import db
    from ibutsu_server.db.models import Import, ImportFile, Result
    from ibutsu_server.settings import FlaskCelerySettings
    from ibutsu_server.tasks import importers

    settings = FlaskCelerySettings.hermetic(broker_url="redis://127.0.0.1/0", sqlalchemy_database_uri=uri)
    app = create_app(settings)
    create_flask_celery_app(app, settings=settings)  # its tasks commit
    with app.app_context():
        db.drop_all()
        db.create_all()
        import_ = Import(
            filename=path.name, status="pending", data={}, file=ImportFile(content=path.read_bytes())
        )
        db.session.add(import_)
        db.session.commit()
        import_id = import_.id
        del import_
        db.session.remove()
        db.engine.dispose()  # the connection that stored the upload keeps a buffer of that size
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        run = importers.run_junit_import if path.suffix == ".xml" else importers.run_archive_import
        start = perf_counter()
        run({"id": import_id})
        seconds, peak = perf_counter() - start, memory("VmHWM")
        status, data = db.session.execute(select(Import.status, Import.data)).one()
        results = db.session.scalar(select(func.count(Result.id)))
    said = data.get("error") or f"{results:,} results"
    size = path.stat().st_size / MEGABYTE
    return f"{path.name:32} {size:8.1f} {seconds:8.2f} {peak:8.0f}  {status}: {said[:60]}"


def files_in(paths: list[Path]) -> Iterator[Path]:
    """Give the uploads among files and folders."""
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        yield from (file for file in inside if file.name.endswith((".xml", ".tar.gz")))


def main() -> None:
    """Make the large files, import all and print a line for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path, nargs="*", help="an upload, or a folder of uploads")
    parser.add_argument(
        "--uri", help="a PostgreSQL database whose tables are DROPPED; without it a server is started"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, server(options.uri, Path(directory)) as uri:
        large = [Path(directory, name) for name in LARGE]
        for path in large:
            LARGE[path.name](path)
        print(f"{'':32} {'MB':>8} {'seconds':>8} {'peak MB':>8}")
        for path in [*large, *files_in(options.path)]:
            with get_context("spawn").Pool(1) as pool:
                print(pool.apply(import_file, (uri, path)), flush=True)


if __name__ == "__main__":
    main()
