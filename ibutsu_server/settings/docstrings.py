"""Read the text below each attribute of a class from its source: Python does not keep it.

pydantic can do the same when a class is made (``use_attribute_docstrings``). That takes a tenth of the CPU
time that it costs to build the monitor's app, though only the tools need the text.
"""

from __future__ import annotations

import ast
import inspect
from functools import cache
from itertools import pairwise
from textwrap import dedent


@cache
def attribute_docstrings(owner: type) -> dict[str, str]:
    """Return the docstring of each annotated attribute that the body of ``owner`` itself has."""
    (definition,) = ast.parse(dedent(inspect.getsource(owner))).body
    found: dict[str, str] = {}
    for attribute, text in pairwise(getattr(definition, "body", ())):
        match attribute, text:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(docstring))):
                found[name] = inspect.cleandoc(docstring)
    return found
