"""Tell which test a case is, and in which file it stands."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

_CACHED_CHARACTERS: Final = 500
_EXTENSIONS: Final = frozenset(
    {
        "bash", "bats", "cc", "cjs", "clj", "cljs", "cpp", "cs", "cts", "cxx", "dart", "erl", "ex", "exs",
        "feature", "fs", "go", "gradle", "groovy", "hcl", "hpp", "html", "hxx", "ipynb", "java", "jl", "js",
        "json", "jsx", "kt", "kts", "lua", "md", "mjs", "ml", "mm", "mts", "php", "phpt", "pl", "ps1", "py",
        "rb", "robot", "rs", "rst", "scala", "sh", "sql", "svelte", "swift", "tcl", "tf", "toml", "ts", "tsx",
        "txt", "vb", "vue", "xml", "yaml", "yml", "zig",
    }
)  # fmt: skip
"""Extensions of files in which tests stand, two letters or more: shorter ones are also names of classes."""


class Identity(NamedTuple):
    """What a class name says of the tests in it."""

    owner: str
    """The first part of their ids: a path without its line number, else the last dotted part."""
    fspath: str | None
    line: str | None


def identity_of(classname: str) -> Identity:
    """Return what a class name says; neighbours have the same one, so that it is read once for all."""
    return _cached(classname) if len(classname) < _CACHED_CHARACTERS else _read(classname)


def _read(classname: str) -> Identity:
    """Read a class name: ``pkg.mod.TestX``, ``e2e/login.spec.ts`` or ``play.yml:3``.

    A path is not cut at its last dot, and ``TestX`` above stands in ``pkg/mod``, as far as is known.
    """
    path, line = _without_line(classname)
    if _is_path(path):
        return Identity(path, path, line)
    module, _, owner = classname.rstrip(".").rpartition(".")
    module = module.strip(".")
    is_plain = len(module.split()) == 1
    return Identity(owner if owner.strip() else "", module.replace(".", "/") if is_plain else None, None)


def _without_line(classname: str) -> tuple[str, str | None]:
    """Split ``play.yml:3`` or ``play.yml:3:14`` into the name and the line."""
    path, line = classname, None
    for _ in range(2):
        before, _, number = path.rpartition(":")
        if not (before and number.isascii() and number.isdigit()):
            break
        path, line = before, number
    return path, line


def _is_path(path: str) -> bool:
    stem, _, extension = path.rpartition(".")
    has_slash = "/" in path or "\\" in path
    return (bool(stem) and extension in _EXTENSIONS) or (has_slash and " " not in path)


_cached: Final = lru_cache(maxsize=256)(_read)
