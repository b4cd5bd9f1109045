"""Read YAML so that each value knows its line, and so that no file can make the reader work without bound.

PyYAML turns the text into events; the values are put together here, because PyYAML's own composer recurses
as deeply as the file is nested and drops the lines of what it reads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

import yaml

from ibutsu_server.constants import LARGEST_SETTINGS_FILE
from ibutsu_server.exceptions import ConfigurationError, Fault
from ibutsu_server.settings.origins import Origin
from ibutsu_server.settings.source_kinds import is_unicode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEEPEST: Final = 100
"""Levels of lists and mappings in each other."""

_MOST_VALUES: Final = 500_000
"""Values of a file, where those behind an alias count as often as the alias is used. It bounds what a walk
over the values costs: nine lines of aliases to aliases can stand for a billion values."""

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = frozenset({"true", "True", "TRUE", "false", "False", "FALSE"})
_NUMBER: Final = re.compile(
    r"[-+]?(?:0b[01_]++|0o?[0-7_]++|0x[0-9a-fA-F_]++|(?:[0-9][0-9_]*+(?:\.[0-9_]*+)?|\.[0-9][0-9_]*+)"
    r"(?:[eE][-+]?[0-9]++)?|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)"
)
"""What YAML 1.1 and 1.2 both read as a number; linear, since every quantifier is possessive."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser of libyaml, which is ten times faster, where PyYAML was built with it."""

Kind = Literal["text", "number", "boolean", "null", "list", "mapping"]


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a YAML file, with its place."""

    kind: Kind
    file: str
    line: int
    """Counted from 1; that of its key, for a value of a mapping."""

    text: str = ""
    """A scalar as it is written, without its quotes; empty for a null."""

    is_plain: bool = False
    """Whether a scalar is written without quotes and without a tag."""

    items: tuple[Node, ...] = ()
    """The values of a list."""

    entries: Mapping[str, Node] = field(default_factory=dict)
    """The values of a mapping by their keys."""

    size: int = 1
    """The number of values in it, itself included."""

    def at(self, *path: str) -> Node:
        """Return the value under the keys of ``path``; a null where there is none."""
        node = self
        for key in path:
            node = node.entries.get(key) or Node("null", node.file, node.line)
        return node

    def origin(self, name: str) -> Origin:
        """Return the origin of a variable called ``name`` that has this value."""
        return Origin("file", name, self.file, self.line)

    def fault(self, problem: str, name: str = "") -> Fault:
        """Return a fault at this place, of the variable called ``name`` or of the file."""
        named = self.origin(name).typed if name else f"{self.file}:{self.line}"
        return Fault(named, problem, self.file, self.line)


def read_documents(file: str, data: bytes) -> list[Node]:
    """Return the documents of a YAML file, the empty ones left out.

    Raises:
        ConfigurationError: the file is not YAML, or more than can be read; with its line.
    """
    if len(data) > LARGEST_SETTINGS_FILE:
        raise _refused(file, None, f"is larger than {LARGEST_SETTINGS_FILE:,} bytes; check a smaller file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refused(file, line, "is not UTF-8; write the file in UTF-8") from None
    try:
        return [node for node in _Builder(file, text).documents() if node.kind != "null"]
    except ConfigurationError:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line if mark else text.count("\n", 0, getattr(error, "position", 0))
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "the syntax is wrong"
        raise _refused(file, line + 1, f"cannot be read as YAML ({reason}); correct the file") from None
    except (ValueError, OverflowError):  # an escape such as \UFFFFFFFF, which only libyaml refuses itself
        raise _refused(file, None, "cannot be read as YAML; correct the file") from None


def _refused(file: str, line: int | None, problem: str) -> ConfigurationError:
    return ConfigurationError([Fault(f"{file}:{line}" if line else file, problem, file, line)])


class _Builder:
    """Puts the values of a file together from the events of the parser, whose state is not recursive."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._events = yaml.parse(text, Loader=_LOADER)
        self._anchors: dict[str, Node] = {}
        self._values = 0

    def documents(self) -> Iterator[Node]:
        """Yield the value of each document."""
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors.clear()
                yield self._node(next(self._events), 0)

    def _node(self, event: yaml.Event, depth: int) -> Node:
        line = event.start_mark.line + 1 if event.start_mark else 1  # an event of a parser always has one
        node = self._read(event, line, depth)
        self._values += node.size if isinstance(event, yaml.AliasEvent) else 1
        if self._values > _MOST_VALUES:
            problem = f"holds more than {_MOST_VALUES:,} values, those of its aliases counted; split the file"
            raise _refused(self._file, line, problem)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _read(self, event: yaml.Event, line: int, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise _refused(self._file, line, f"has the alias *{event.anchor} without an anchor before it")
            return self._anchors[event.anchor]
        if isinstance(event, yaml.ScalarEvent):
            if not is_unicode(event.value):
                raise _refused(self._file, line, "holds half a character (a lone surrogate); write all of it")
            is_plain = not event.style and event.tag is None
            kind = _kind(event.value) if is_plain else "text"
            return Node(kind, self._file, line, "" if kind == "null" else event.value, is_plain)
        if depth >= _DEEPEST:
            raise _refused(self._file, line, f"is nested more than {_DEEPEST} levels deep; make it flatter")
        if isinstance(event, yaml.SequenceStartEvent):
            items = tuple(self._until(yaml.SequenceEndEvent, depth))
            return Node("list", self._file, line, items=items, size=1 + sum(item.size for item in items))
        entries = self._mapping(depth)
        size = 1 + sum(node.size for node in entries.values())
        return Node("mapping", self._file, line, entries=entries, size=size)

    def _until(self, end: type[yaml.Event], depth: int) -> Iterator[Node]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield self._node(event, depth + 1)

    def _mapping(self, depth: int) -> dict[str, Node]:
        own: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        nodes = self._until(yaml.MappingEndEvent, depth)
        for key in nodes:
            value = next(nodes)
            if key.kind in ("list", "mapping"):
                raise _refused(self._file, key.line, "has a list or a mapping as a key; write text")
            if key.text == "<<" and key.is_plain:
                for source in value.items or (value,):
                    for name, node in source.entries.items():
                        merged.setdefault(name, node)
            elif key.text in own:
                raise _refused(self._file, key.line, f"has the key {key.text} a second time; remove one")
            else:
                own[key.text] = value if value.line == key.line else replace(value, line=key.line)
        return {**merged, **own}


def _kind(text: str) -> Kind:
    if text in _NULLS:
        return "null"
    if text in _BOOLEANS:
        return "boolean"
    return "number" if _NUMBER.fullmatch(text) else "text"
