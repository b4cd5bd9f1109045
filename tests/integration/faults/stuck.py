"""Make the worker that imports this module consume nothing, as after a defect nobody knows of."""

from __future__ import annotations

from typing import Any

from celery.signals import worker_ready


@worker_ready.connect(dispatch_uid="tests.take_nothing")
def take_nothing(sender: Any, **context: Any) -> None:
    """Take all slots of the channel."""
    del context
    sender.task_consumer.channel.qos.can_consume = lambda: False
