"""Kill sweeps, each one step later than the last, and print how many until one is not killed.

``python -m tests.ingest.killed_sweeps AFTER`` takes the place from ``IBUTSU_INTAKE_URL`` and the like. Every
sweep, and all other work, is done by a child process, so that what it has open dies with it.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from ibutsu_server import celery_app, flask_app
from ibutsu_server.db import db
from ibutsu_server.db.models import Import, Run
from ibutsu_server.ingest import folder_store, intake, s3_store, upload
from ibutsu_server.ingest.stores import opened_store
from ibutsu_server.settings import IntakeSettings
from ibutsu_server.settings.intake import StoreUrl
from ibutsu_server.tasks.importers import run_junit_import
from tests.tasks.imports import REPORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from ibutsu_server.ingest.stores import Store

FILES: Final = {
    "good.xml": REPORT,
    "bad.xml": b"<testsuite><testcase></testsuite>",
    "no-file.xml": b"plain text",
}
TRACED: Final = {module.__file__ for module in (folder_store, intake, s3_store, upload)}
WITH_EFFECT: Final = {"_take_in", "_clear_away", "_end_or_retry", "_write_reason"} | {
    "store_upload",
    "write",
    "move",
    "remove",
}
"""Functions that change something; between the lines of all others everything stays as it is."""


def in_child(*steps: Callable[[], object]) -> bool:
    """Take some steps in a child, and return whether it was killed."""
    child = os.fork()
    if not child:
        with flask_app.app_context():
            for step in steps:
                step()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def kill_at(step: int) -> None:
    """Kill this process before the line that is so many lines of the traced modules away."""
    left = iter(range(step))

    def trace_lines(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace_lines

    def trace_calls(frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        is_traced = code.co_filename in TRACED and code.co_name in WITH_EFFECT
        return trace_lines if is_traced else None

    sys.settrace(trace_calls)


def sweep(url: StoreUrl, store: Store, settings: IntakeSettings, step: int | None = None) -> None:
    """Sweep once, to be killed at a step; all messages are lost."""
    if step is not None:
        kill_at(step)
    intake.sweep(url, store, settings, lambda _, __: None)


def work() -> None:
    """Carry out all imports that wait, as the worker does when the rescue has sent them."""
    for import_id in list(
        db.session.scalars(select(Import.id).where(Import.status.in_(("pending", "running"))))
    ):
        run_junit_import({"id": import_id})


def check(store: Store, number: int, after: str) -> None:
    """Check that everything has ended where it belongs, in the so-manieth place."""
    assert db.session.scalar(select(func.count()).select_from(Run)) == number
    statuses = sorted(str(status) for status in db.session.scalars(select(Import.status)))
    assert statuses == ["done"] * number + ["error"] * number
    names = [each.name for each in store.objects()]
    reasons = {name.split(".xml")[0] for name in names if name.endswith(".error.txt")}
    assert reasons == {"bad", "no-file"}
    kept = [name for name in names if name.startswith("good")]
    assert len(kept) == {"move": 0, "delete": 0, "keep": 2}[after], names
    if after == "move":
        done = select(Import.id).where(Import.status == "done")
        assert (
            sum(store.find(f"imported/{id_}/good.xml") is not None for id_ in db.session.scalars(done)) == 1
        )


def fill(store: Store) -> None:
    """Put the files into a place."""
    for name, content in FILES.items():
        store.write(name, content)


@contextmanager
def opened(number: int, after: Any) -> Iterator[tuple[StoreUrl, Store, IntakeSettings]]:
    """Open the so-manieth place below the URL."""
    url = StoreUrl.parse(f"{IntakeSettings().url}/{number}")
    if url.folder:
        url.folder.mkdir()
    settings = IntakeSettings(url=url, after=after)
    with opened_store(url, settings) as store:
        yield url, store, settings


def main(after: str) -> None:
    """Kill sweeps of one place after another, each at a later step, until both come to their end."""
    assert celery_app.tasks  # the tasks are those of the app from now on
    with flask_app.app_context(), opened(0, after) as (url, store, settings):
        # What is loaded and compiled when it is first used need not be once for every child.
        fill(store)
        sweep(url, store, settings)
        work()
        sweep(url, store, settings)
        db.session.remove()
        db.engine.dispose()
    for number in count(1):
        with opened(number, after) as (url, store, settings):
            killed_sweep = partial(sweep, url, store, settings, number)
            killed = in_child(partial(fill, store), killed_sweep) + in_child(work, killed_sweep)
            last_sweep = partial(sweep, url, store, settings)
            last_check = partial(check, store, number + 1, after)
            assert not in_child(work, last_sweep, work, last_sweep, last_check)
        if not killed:
            print(number)  # noqa: T201 - the test reads it
            return


if __name__ == "__main__":
    folder_store.SETTLED_SECONDS = 0  # type: ignore[misc]  # the files are written in one step
    main(sys.argv[1])
