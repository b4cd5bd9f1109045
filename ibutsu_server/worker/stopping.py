"""Stop a worker within a known time: running tasks get a while to end, and go back to the queue after it."""

from __future__ import annotations

import logging
import os
import signal
from threading import Thread
from time import monotonic, sleep
from typing import Any, Final

from celery import bootsteps
from celery.apps import worker as worker_program
from celery.platforms import EX_OK, signals
from celery.worker import state
from celery.worker.state import reserved_requests

from ibutsu_server.worker.pulse import PULSE

logger = logging.getLogger(__name__)

_NAME: Final = "SIGTERM"
_PAUSE: Final = 0.1

_program: Any = worker_program
"""The module without its type hints, which leave out its handlers."""


class SoftStop(bootsteps.StartStopStep):
    """The step of a worker that gives running tasks a while to end after SIGTERM.

    Celery 5.7.0 waits for the end of every task, so that Kubernetes kills it after 30 seconds with what it
    had. The environment variable REMAP_SIGTERM=SIGQUIT changes that, but billiard reads it when imported,
    before any setting of ours, and the worker then sleeps for the whole time, though its tasks have ended.
    """

    def start(self, parent: Any) -> None:
        """Replace the handler that Celery has installed."""

        def stop(*_: object) -> None:
            # A second signal changes nothing. SIG_IGN would be passed on to child processes.
            signals[_NAME] = lambda *_: None
            # SIGQUIT returns what still runs to its queue and ends the worker; here it is no failure.
            _program.install_worker_term_hard_handler(parent, exitcode=EX_OK)
            PULSE.may_consume = False
            Thread(target=_end_when_idle, args=(parent,), name="stop", daemon=True).start()

        signals[_NAME] = stop


def _end_when_idle(worker: Any) -> None:
    """Let the main thread go on until no task runs or the time is over; then have it end the worker."""
    seconds = worker.app.conf.worker_soft_shutdown_timeout
    if reserved_requests:
        logger.warning("Stopping: the running tasks have %g s to end", seconds)
    deadline = monotonic() + seconds
    while reserved_requests and monotonic() < deadline:
        sleep(_PAUSE)
    if not reserved_requests:
        vars(state)["should_stop"] = EX_OK  # the main thread looks at it every second
        return
    worker.app.conf.worker_soft_shutdown_timeout = 0  # or the handler would sleep for as long again
    os.kill(os.getpid(), signal.SIGQUIT)
