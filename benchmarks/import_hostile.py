"""Measure what hostile uploads cost the importer: seconds and the peak of resident memory.

Each file is imported into PostgreSQL by a process of its own. Those that are made here are imported in two
sizes, of which one is twice the other: time should double and memory stay. Words on the command line choose
among them by what is in their names. Files that are named there, or all in a folder that is, come after them.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from _hostile_archives import ARCHIVES
from _hostile_reports import METADATA, REPORTS
from import_junit import memory, server

if TYPE_CHECKING:
    from collections.abc import Iterator

MEGABYTE = 1024**2


def import_file(uri: str, path: Path, name: str, metadata: dict[str, str]) -> str:
    """Import one file and return a line that says how it ended and what that cost."""
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
        content = ImportFile(content=path.read_bytes())
        import_ = Import(filename=path.name, status="pending", data={"metadata": metadata}, file=content)
        db.session.add(import_)
        db.session.commit()
        import_id = import_.id
        del import_, content
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
    return f"{name:40} {size:8.1f} {seconds:8.2f} {peak:8.0f}  {status}: {said[:60]}"


def files_in(paths: list[Path]) -> Iterator[Path]:
    """Give the uploads among files and folders."""
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        yield from (file for file in inside if file.name.endswith((".xml", ".tar.gz")))


def written(directory: Path, words: list[str]) -> Iterator[tuple[str, Path]]:
    """Write the uploads whose names have one of the words in them, or all; yield each with its name."""
    for writers, suffix in ((ARCHIVES, ".tar.gz"), (REPORTS, ".xml")):
        for name, (write, size) in writers.items():
            if not words or any(word in name for word in words):
                for number in (size, 2 * size):
                    path = directory / f"hostile{suffix}"
                    write(path, number)
                    yield f"{number:,} {name}", path
                    path.unlink()


def main() -> None:
    """Make the files, import all and print a line for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "word", nargs="*", help="a word in the name of a case, an upload, or a folder of uploads"
    )
    parser.add_argument(
        "--uri", help="a PostgreSQL database whose tables are DROPPED; without it a server is started"
    )
    options = parser.parse_args()
    paths = [Path(word) for word in options.word if Path(word).exists()]
    words = [word for word in options.word if not Path(word).exists()]
    with tempfile.TemporaryDirectory() as directory, server(options.uri, Path(directory)) as uri:
        print(f"{'':40} {'MB':>8} {'seconds':>8} {'peak MB':>8}")
        made = written(Path(directory), words) if words or not paths else ()
        for name, path in chain(made, ((path.name, path) for path in files_in(paths))):
            metadata = METADATA if "of metadata" in name else {}
            with get_context("spawn").Pool(1) as pool:
                print(pool.apply(import_file, (uri, path, name, metadata)), flush=True)


if __name__ == "__main__":
    main()
