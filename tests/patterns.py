"""Find every regular expression of the package, and write texts on which a careless one backtracks."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import re._constants as codes  # type: ignore[import-not-found]  # typeshed does not know how re parses
import re._parser as parser  # type: ignore[import-not-found]
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, AnyStr

import ibutsu_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

METHODS = {"search", "match", "fullmatch", "finditer", "findall", "sub", "subn", "split"}
_ENDINGS = ("", "\x00", "\n\x00")
_ALPHABET = " \na0_.,:-"


@dataclass
class Found:
    """A compiled pattern of a module."""

    name: str
    pattern: re.Pattern[Any]
    methods: set[str]
    """How the module applies it; all ways where others do."""


def modules() -> Iterator[ModuleType]:
    """Import and yield every module of the package."""
    for module in pkgutil.walk_packages(ibutsu_server.__path__, "ibutsu_server."):
        if not module.name.endswith("__main__"):
            yield importlib.import_module(module.name)


def patterns_of(module: ModuleType) -> list[Found]:
    """Return the patterns that a module compiles and names."""
    tree = ast.parse(inspect.getsource(module))
    compiled = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and _is_compilation(node.value)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    return [
        Found(f"{module.__name__}.{name}", getattr(module, name), _methods(tree, name) or {*METHODS})
        for name in sorted(compiled)
        if isinstance(getattr(module, name, None), re.Pattern)
    ]


def compilations(module: ModuleType) -> int:
    """Count the calls of ``re.compile`` in the source of a module."""
    tree = ast.parse(inspect.getsource(module))
    return sum(_is_compilation(node) for node in ast.walk(tree))


def _is_compilation(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "re.compile"


def _methods(tree: ast.AST, name: str) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    } & METHODS


def pumped(pattern: re.Pattern[AnyStr], number: int) -> Iterator[AnyStr]:
    """Yield texts that repeat what the pattern may take again and again, and then do not match.

    Each begins with an example of a beginning of the pattern. About ``number`` characters long.
    """
    source: Any = pattern.pattern
    as_text = source if isinstance(source, str) else source.decode("latin-1")
    tree: Any = parser.parse(as_text, pattern.flags & ~re.UNICODE)
    units = dict.fromkeys([*_ALPHABET, *_literals(tree), *_repeated(tree)])
    for beginning in dict.fromkeys(_beginnings(tree)):
        for unit in units:
            for ending in _ENDINGS:
                text: Any = beginning + unit * (number // len(unit)) + ending
                yield text if isinstance(source, str) else text.encode("latin-1", "replace")


def apply(found: Found, text: Any) -> None:
    """Apply a pattern to a text in every way in which its module does."""
    for method in found.methods:
        result = getattr(found.pattern, method)(*([text[:0], text] if method in {"sub", "subn"} else [text]))
        if method == "finditer":
            for _ in result:
                pass


def _beginnings(tree: Any) -> Iterator[str]:
    """Yield an example of each beginning of a pattern, also of those that end within a group."""
    before = ""
    yield before
    for item in tree:
        for inner in _inner(item):
            yield from (before + beginning for beginning in _beginnings(inner))
        before += _example_of(item)
        yield before


def _repeated(tree: Any) -> Iterator[str]:
    """Yield an example of each part that may come any number of times."""
    for item in tree:
        if item[0] in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}:
            example = _example(item[1][2])
            if example:
                yield example
        for inner in _inner(item):
            yield from _repeated(inner)


def _literals(tree: Any) -> Iterator[str]:
    for item in tree:
        if item[0] is codes.LITERAL:
            yield chr(item[1])
        elif item[0] is codes.IN:
            yield from _literals(item[1])
        for inner in _inner(item):
            yield from _literals(inner)


def _inner(item: Any) -> list[Any]:
    """Return the patterns in a part of a pattern."""
    code, value = item
    if code is codes.SUBPATTERN:
        return [value[3]]
    if code in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}:
        return [value[2]]
    if code is codes.BRANCH:
        return list(value[1])
    if code is codes.ATOMIC_GROUP:
        return [value]
    return []


def _example(tree: Any) -> str:
    return "".join(map(_example_of, tree))


def _example_of(item: Any) -> str:
    """Return a short text that a part of a pattern takes; what looks around takes none."""
    code, value = item
    if code is codes.LITERAL:
        return chr(int(value))
    if code in {codes.ANY, codes.NOT_LITERAL}:
        return "a" if value != ord("a") else "b"
    if code is codes.IN:
        return _member_of(value)
    if code in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}:
        return _example(value[2]) * int(value[0])
    inner = _inner(item)
    return _example(inner[0]) if inner else ""


def _member_of(members: Any) -> str:
    """Return a character of a class."""
    only = re.compile(f"[{''.join(map(_written, members))}]")
    return next(character for character in map(chr, (*range(32, 127), *range(32))) if only.match(character))


_CATEGORIES = {
    codes.CATEGORY_DIGIT: r"\d",
    codes.CATEGORY_NOT_DIGIT: r"\D",
    codes.CATEGORY_SPACE: r"\s",
    codes.CATEGORY_NOT_SPACE: r"\S",
    codes.CATEGORY_WORD: r"\w",
    codes.CATEGORY_NOT_WORD: r"\W",
}


def _written(member: Any) -> str:
    code, value = member
    if code is codes.NEGATE:
        return "^"
    if code is codes.LITERAL:
        return re.escape(chr(value))
    if code is codes.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    return _CATEGORIES[value]
