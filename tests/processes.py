"""Run commands, the documented ones above all, as processes that never outlive a test."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

WAIT_SECONDS: Final = 60

WORKER: Final = "celery --app ibutsu_server:worker_app worker --events --loglevel=info"
SCHEDULER: Final = "celery --app ibutsu_server:scheduler_app beat --loglevel=info"
FLOWER: Final = "celery --app=ibutsu_server:flower_app flower --port={port}"


def environment(**settings: str) -> dict[str, str]:
    """Give the environment of a process: what every program needs, the project's folder, and ``settings``."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": os.getcwd(), "PYTHONUNBUFFERED": "1", **settings}  # noqa: PTH109 - text


def arguments_of(command: str) -> list[str]:
    """Split a command; ``celery`` is taken from this interpreter's environment."""
    program, *rest = shlex.split(command)
    return [sys.executable, "-m", "celery", *rest] if program == "celery" else [program, *rest]


def loaded_modules(report: Iterable[str]) -> set[str]:
    """Give the modules that Python's report of import times tells of (``-X importtime``)."""
    return {line.rpartition("|")[2].strip() for line in report if line.startswith("import time:")}


class Process:
    """A running process whose output can be awaited."""

    def __init__(
        self, command: str, settings: Mapping[str, str], *extra: str, folder: Path | None = None
    ) -> None:
        self.lines: list[str] = []
        self._new_lines: SimpleQueue[str | None] = SimpleQueue()
        self._popen = subprocess.Popen(
            [*arguments_of(command), *extra],
            env=environment(**settings),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Give the number of the process, which leads a group of its own."""
        return self._popen.pid

    @property
    def output(self) -> str:
        """Give all it has written, as far as it was awaited."""
        return "\n".join(self.lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask the process to end, and end what is left of its group."""
        self._popen.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(40)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()
        self._reader.join()

    def wait_for(self, text: str, times: int = 1) -> str:
        """Wait for a line with ``text`` in it, the so-manieth from now on, and give it."""
        deadline = monotonic() + WAIT_SECONDS
        while True:
            line = self._next_line(text, deadline)
            if text in line:
                times -= 1
                if not times:
                    return line

    def wait(self) -> int:
        """Wait for the end and give the exit code."""
        code = self._popen.wait(WAIT_SECONDS)
        self._reader.join()
        while (line := self._new_lines.get()) is not None:
            self.lines.append(line)
        return code

    def _next_line(self, awaited: str, deadline: float) -> str:
        try:
            line = self._new_lines.get(timeout=max(deadline - monotonic(), 0))
        except Empty:
            raise AssertionError(f"no {awaited!r} in time; it wrote:\n{self.output}") from None
        assert line is not None, f"it ended before {awaited!r}; it wrote:\n{self.output}"
        self.lines.append(line)
        return line

    def _read(self) -> None:
        assert self._popen.stdout is not None
        with self._popen.stdout as output:
            for line in output:
                self._new_lines.put(line.rstrip())
        self._new_lines.put(None)


@contextmanager
def running_worker(settings: Mapping[str, str], *extra: str) -> Iterator[Process]:
    """Run a worker of one child process, and wait until it is ready."""
    with Process(WORKER, {"CELERY_WORKER_CONCURRENCY": "1", **settings}, *extra) as worker:
        worker.wait_for(" ready.")
        yield worker
