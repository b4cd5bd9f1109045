"""Stop a worker within a known time: running tasks get a while to end, and go back to the queue after it."""

from __future__ import annotations

from typing import Any, Final

from celery import bootsteps
from celery.apps import worker as worker_program
from celery.platforms import EX_OK, signals

_HANDLED: Final = "SIGTERM"

_program: Any = worker_program
"""The module without its type hints, which leave out its handlers."""


class SoftStop(bootsteps.StartStopStep):
    """The step of a worker that makes SIGTERM a soft shutdown.

    SIGTERM makes Celery 5.7.0 wait for the end of every running task, so that Kubernetes kills it after 30
    seconds with what it had. The environment variable REMAP_SIGTERM=SIGQUIT changes that, but billiard reads
    it when it is imported, before any setting of ours.
    """

    def start(self, parent: Any) -> None:
        """Install the handler, after Celery has installed its own."""
        _program.install_worker_term_hard_handler(parent, sig=_HANDLED, callback=_stop_once, exitcode=EX_OK)


def _stop_once(worker: Any) -> None:
    """Stop, and ignore the signal from then on: a second one would begin the wait anew."""
    signals[_HANDLED] = _ignore
    _program.on_cold_shutdown(worker)


def _ignore(*_: object) -> None:
    """Ignore a signal; SIG_IGN would be passed on to child processes."""
