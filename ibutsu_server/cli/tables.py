"""Print tables whole, also where the output is no terminal or a narrow one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.measure import Measurement

if TYPE_CHECKING:
    from rich.table import Table

_WIDEST: Final = 1000
"""Characters of a line at most."""


def print_table(table: Table) -> None:
    """Print ``table`` as wide as its content is: no cell is cut, and what is in it is plain text."""
    unbounded = _console(_WIDEST)
    _console(Measurement.get(unbounded, unbounded.options, table).maximum).print(table)


def _console(width: int) -> Console:
    return Console(width=width, markup=False, emoji=False)
