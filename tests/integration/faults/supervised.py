"""A process under a supervisor, which starts it anew when it ends, as systemd and Kubernetes do."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock, Thread
from typing import TYPE_CHECKING

from tests.processes import WORKER, Process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Supervisor:
    """What a supervisor knows: the process that runs now, and how those before it ended."""

    def __init__(self, settings: Mapping[str, str], command: str = WORKER, ready: str = " ready.") -> None:
        self._settings = settings
        self._command = command
        self._lock = Lock()
        self._is_over = False
        self.exit_codes: list[int] = []
        self.output = ""
        """What the last process wrote, once it was stopped."""
        self._current = Process(command, settings)
        self._current.wait_for(ready)
        Thread(target=self._watch, daemon=True).start()

    @property
    def pid(self) -> int:
        """Return the number of the process that runs now, which leads a group of its own."""
        with self._lock:
            return self._current.pid

    def stop(self) -> None:
        """End the process, and start no other one."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
            self._current.stop()
            self._current.wait()
            self.output = self._current.output

    def _watch(self) -> None:
        while True:
            code = self._current._popen.wait()
            with self._lock:
                if self._is_over:
                    return
                self.exit_codes.append(code)
                self._current = Process(self._command, self._settings)


@contextmanager
def supervised_worker(settings: Mapping[str, str]) -> Iterator[Supervisor]:
    """Run a worker of two children, and another one whenever it ends."""
    supervisor = Supervisor(settings)
    try:
        yield supervisor
    finally:
        supervisor.stop()
