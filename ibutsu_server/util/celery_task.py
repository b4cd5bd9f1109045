"""Define the base class of every task."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

__all__ = ["IbutsuTask", "shared_task"]


class IbutsuTask(Task[Any, Any]):
    """Run a task inside its Flask app (written by the owner of this module; a placeholder here)."""
