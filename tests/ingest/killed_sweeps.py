"""Kill sweeps, each one step later than the last, and print how many until one is not killed.

``python -m tests.ingest.killed_sweeps AFTER`` takes the place from ``IBUTSU_INTAKE_URL`` and the like. Every
sweep, and all other work, is done by a child process, so that what it has open dies with it.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from ibutsu_server import celery_app, flask_app
from ibutsu_server.db import db
from ibutsu_server.db.models import Import, Run
from ibutsu_server.ingest import folder_store, intake, s3_store, upload
from ibutsu_server.ingest.store_kinds import opened_store
from ibutsu_server.settings import IntakeSettings
from ibutsu_server.settings.intake import StoreUrl
from ibutsu_server.tasks.importers import run_junit_import
from tests.tasks.imports import REPORT

if TYPE_CHECKING:
    from collections.abc import Callable
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
    waiting = select(Import.id).where(Import.status.in_(("pending", "running")))
    for import_id in list(db.session.scalars(waiting)):
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
        done = db.session.scalars(select(Import.id).where(Import.status == "done"))
        moved = [each for each in done if store.find(f"imported/{each}/good.xml")]
        assert len(moved) == 1


def fill(store: Store) -> None:
    """Put the files into a place."""
    for name, content in FILES.items():
        store.write(name, content)


def store_below(store: Store, url: StoreUrl) -> Store:
    """Return the store of a place below that of ``store``, whose client it shares: one takes long to make."""
    if isinstance(store, s3_store.S3Store):
        return s3_store.S3Store(store._client, url)
    assert url.folder is not None
    url.folder.mkdir()
    return folder_store.FolderStore(url.folder)


def warm_up(url: StoreUrl, store: Store, settings: IntakeSettings) -> None:
    """Load and compile what otherwise every child would load and compile."""
    with flask_app.app_context():
        fill(store)
        sweep(url, store, settings)
        work()
        sweep(url, store, settings)
        db.session.remove()
        db.engine.dispose()


def kill_both(url: StoreUrl, store: Store, settings: IntakeSettings, step: int) -> int:
    """Kill two sweeps of a place at a step, and return how many came so far; check what others make of it."""
    fill_it, killed_sweep = partial(fill, store), partial(sweep, url, store, settings, step)
    killed = in_child(fill_it, killed_sweep) + in_child(work, killed_sweep)
    last_sweep = partial(sweep, url, store, settings)
    assert not in_child(work, last_sweep, work, last_sweep, partial(check, store, step + 1, settings.after))
    return killed


def main(after: Any) -> None:
    """Kill sweeps of one place after another, each at a later step, until both come to their end."""
    assert celery_app.tasks  # the tasks are those of the app from now on
    settings = IntakeSettings(after=after)
    assert settings.url is not None
    urls = (StoreUrl.parse(f"{settings.url}/{number}") for number in count())
    with opened_store(settings.url, settings) as store:
        first = next(urls)
        warm_up(first, store_below(store, first), settings)
    with opened_store(settings.url, settings) as store:
        for step, url in enumerate(urls, 1):
            if not kill_both(url, store_below(store, url), settings, step):
                print(step)  # noqa: T201 - the test reads it
                return


if __name__ == "__main__":
    folder_store.SETTLED_SECONDS = 0  # type: ignore[misc]  # the files are written in one step
    main(sys.argv[1])
