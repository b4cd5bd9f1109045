"""Print tables for people, whatever the width of their terminal, and for programs."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Final

import click

from ibutsu_server.cli.prose import terminal_width

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDEST: Final = 1000
"""Columns of a terminal at most; what is wider is measured as this."""

_ANY_HEIGHT: Final = 25

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table of plain text; no cell is cut.

    In a terminal that is wide enough it has columns, in a narrower one each row is a block of lines. Anywhere
    else the cells have tabs between them and no padding, one line for the header and one for each row.
    """
    width = terminal_width()
    plain = [[_CONTROL.sub(" ", cell) for cell in row] for row in rows]
    if width is None:
        for row in (header, *plain):
            click.echo("\t".join(row))
    elif not _print_columns(header, plain, width):
        for row in plain:
            click.echo(_block(header, row, width))


def _print_columns(header: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> bool:
    """Print the table with columns where it is not wider than ``width``; return whether it is not."""
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table

    table = Table(*header)
    for row in rows:
        table.add_row(*row)
    # With a height too: rich takes a terminal that is called dumb for one of 80 columns otherwise.
    console = Console(width=_WIDEST, height=_ANY_HEIGHT, markup=False, emoji=False, highlight=False)
    needed = Measurement.get(console, console.options, table).maximum
    if needed > width:
        return False
    console.width = needed
    console.print(table)
    return True


def _block(header: Sequence[str], row: Sequence[str], width: int) -> str:
    """Return the first cell on a line of its own, and below it each other one behind its header."""
    longest = max(map(len, header[1:]), default=0)
    lines = [row[0]]
    for label, cell in zip(header[1:], row[1:], strict=True):
        lines += textwrap.wrap(
            cell,
            width,
            initial_indent=f"  {label:<{longest}}  ",
            subsequent_indent=" " * (longest + 4),
            break_long_words=False,
            break_on_hyphens=False,
        ) or [f"  {label}"]
    return "\n".join(lines)
