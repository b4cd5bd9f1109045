"""Start processes, watch them, and end them together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from ibutsu_server.exceptions import IbutsuError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

READY_SECONDS: Final = 90
GRACE_SECONDS: Final = 30
_LINES_KEPT: Final = 30

Sink = Callable[[str, str], None]
"""Takes the name of a process and a line it wrote."""


class Service(NamedTuple):
    """Describe one process: its documented command and the words that tell it is ready."""

    name: str
    arguments: tuple[str, ...]
    ready: str


class _Event(NamedTuple):
    name: str
    is_end: bool


class Supervisor:
    """Start processes, pass on what they write, and end all of them when the block is left."""

    def __init__(self, environment: Mapping[str, str], sink: Sink | None = None) -> None:
        self._environment = environment
        self._sink = sink
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._readers: list[Thread] = []
        self._events: SimpleQueue[_Event] = SimpleQueue()
        self._last_lines: dict[str, deque[str]] = {}

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *exception: object) -> None:
        with _undisturbed():
            for process in self._processes.values():
                process.terminate()
            deadline = monotonic() + GRACE_SECONDS
            for process in self._processes.values():
                _end(process, max(deadline - monotonic(), 0))
            for reader in self._readers:
                reader.join()

    def start(self, *services: Service) -> None:
        """Start ``services`` and return when all of them are ready.

        Raises:
            IbutsuError: one of them ended, or was not ready in time; with what it wrote last.
        """
        for service in services:
            self._start(service)
        waiting = {service.name for service in services}
        deadline = monotonic() + READY_SECONDS
        while waiting:
            try:
                event = self._events.get(timeout=max(deadline - monotonic(), 0))
            except Empty:
                name = min(waiting)
                message = f"The {name} was not ready within {READY_SECONDS} seconds.{self._said(name)}"
                raise IbutsuError(message) from None
            if event.is_end:
                raise self._ended(event.name)
            waiting.discard(event.name)

    def wait(self) -> None:
        """Wait for a process that ends.

        Raises:
            IbutsuError: always, with what that process wrote last.
        """
        while not (event := self._events.get()).is_end:
            pass
        raise self._ended(event.name)

    def _start(self, service: Service) -> None:
        process = subprocess.Popen(  # noqa: S603 - the documented commands, no input of a user
            [sys.executable, "-m", "celery", *service.arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        assert process.stdout is not None  # noqa: S101 - narrows for the type checker
        self._processes[service.name] = process
        self._last_lines[service.name] = deque(maxlen=_LINES_KEPT)
        reader = Thread(target=self._read, args=(service, process.stdout), daemon=True)
        reader.start()
        self._readers.append(reader)

    def _read(self, service: Service, output: IO[str]) -> None:
        with output:
            for line in output:
                text = line.rstrip()
                self._last_lines[service.name].append(text)
                if self._sink is not None:
                    self._sink(service.name, text)
                if service.ready in text:
                    self._events.put(_Event(service.name, is_end=False))
        self._events.put(_Event(service.name, is_end=True))

    def _ended(self, name: str) -> IbutsuError:
        code = self._processes[name].wait()
        return IbutsuError(f"The {name} ended with exit code {code}.{self._said(name)}")

    def _said(self, name: str) -> str:
        lines = "\n  ".join(self._last_lines[name])
        return f" It wrote last:\n  {lines}" if lines else " It wrote nothing."


def _end(process: subprocess.Popen[str], seconds: float) -> None:
    """Wait for a process that was asked to end; then end what is left of its group."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no impatient second Ctrl-C leave a process behind."""
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_IGN) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
