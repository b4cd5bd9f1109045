"""Find the modules that the worker imports its tasks from, without importing them."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ibutsu_server.exceptions import Fault

if TYPE_CHECKING:
    from ibutsu_server.settings.server import ServerSettings


def missing_task_modules(settings: ServerSettings) -> list[Fault]:
    """Return a fault for each task module that does not exist; none is imported.

    Like Celery's own import it looks in the working directory too.
    """
    return [
        unimportable(settings, module, "there is no such module")
        for module in settings.modules_to_import
        if not _exists(module)
    ]


def unimportable(settings: ServerSettings, module: str, reason: str) -> Fault:
    """Return the fault of a task module that cannot be imported for ``reason``."""
    problem = f"names the task module {module}, which cannot be imported ({reason}); correct the name"
    return Fault(settings.celery.typed_name("include"), problem)


def _exists(module: str) -> bool:
    """Tell whether ``module`` can be found; ``find_spec`` alone would import the packages around it."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
    except ValueError:  # a module that is running already and has no spec
        spec = None
    if spec is None:
        spec = PathFinder.find_spec(top, [str(Path.cwd()), *sys.path])
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return False
        # Under its whole name a namespace package would be looked up through its parent, as if imported.
        spec = PathFinder.find_spec(part, spec.submodule_search_locations)
    return spec is not None
