"""Print sentences so that they can be read in a terminal and searched in a pipe."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import Final

import click

_WIDEST: Final = 80
"""Columns of a line of prose at most; longer ones are hard to read."""


def terminal_width(*, err: bool = False) -> int | None:
    """Return the columns of the terminal that the output, or with ``err`` the errors, go to, if it is one."""
    stream = sys.stderr if err else sys.stdout
    return shutil.get_terminal_size().columns if stream.isatty() else None


def prose_width(*, err: bool = False) -> int:
    """Return the columns that a line of prose may have in the terminal, or in text that is always wrapped."""
    return min(terminal_width(err=err) or _WIDEST, _WIDEST)


def print_wrapped(text: str, indent: str = "", *, err: bool = False) -> None:
    """Print one paragraph: wrapped in a terminal, elsewhere on one line, where a search finds it whole."""
    if terminal_width(err=err) is None:
        click.echo(f"{indent}{text}", err=err)
    else:
        click.echo(
            textwrap.fill(
                text,
                prose_width(err=err),
                initial_indent=indent,
                subsequent_indent=f"{indent}  ",
                break_long_words=False,
                break_on_hyphens=False,
            ),
            err=err,
        )
