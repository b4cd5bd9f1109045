"""Compare an index that a database has with one that a table of ours should have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Index
    from sqlalchemy.engine.interfaces import ReflectedIndex

# Linear: each match begins at a character of its own, and no group gives back what it took.
_DECORATION: Final = re.compile(r"::\w++(?:\[\])?+|[\s()]")
"""What PostgreSQL adds to an expression that people wrote: casts, brackets and spaces."""


def serves(found: ReflectedIndex, wanted: Index) -> bool:
    """Return whether an index, whatever its name, answers what the wanted one is for.

    It may have further columns behind those of the wanted one, but no condition of its own.
    """
    options: Mapping[str, Any] = found.get("dialect_options", {})
    if options.get("postgresql_where") is not None or (wanted.unique and not found["unique"]):
        return False
    method = wanted.dialect_options["postgresql"]["using"] or "btree"
    if options.get("postgresql_using", "btree") != method or options.get("postgresql_ops"):
        return False
    parts = [_plain(str(part)) for part in found.get("expressions", found["column_names"])]
    wanted_parts = [column.name for column in wanted.columns] or [_plain(str(wanted.expressions[0]))]
    is_whole = not wanted.unique or len(parts) == len(wanted_parts)
    return parts[: len(wanted_parts)] == wanted_parts and is_whole


def _plain(expression: str) -> str:
    return _DECORATION.sub("", expression)
