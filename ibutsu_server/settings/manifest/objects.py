"""The objects in Kubernetes manifests: pods, and the ConfigMaps and Secrets that they refer to."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final, NamedTuple

from ibutsu_server.settings.origins import UNKNOWN, Found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ibutsu_server.exceptions import Fault
    from ibutsu_server.settings.manifest.nodes import Node

_POD_SPECS: Final = (
    ("spec",),
    ("spec", "template", "spec"),
    ("spec", "jobTemplate", "spec", "template", "spec"),
)
"""Where a Pod, a workload such as a Deployment or a Job, and a CronJob have their containers."""

_WORDS: Final = ("y", "n", "yes", "no", "on", "off")
_BOOLEAN_WORDS: Final = frozenset(form for word in _WORDS for form in (word, word.capitalize(), word.upper()))
"""Words that are booleans in YAML 1.1, which Kubernetes reads, and text in YAML 1.2."""


def is_object(document: Node) -> bool:
    """Tell whether ``document`` is an object of Kubernetes, or of one of its tools."""
    return "kind" in document.entries


def text_problem(value: Node) -> str | None:
    """Return why Kubernetes refuses ``value`` where it wants text, or None where it does not."""
    kind = "boolean" if value.is_plain and value.text in _BOOLEAN_WORDS else value.kind
    if kind in ("text", "null"):
        return None
    return f"is a {kind}, which Kubernetes refuses; write it in quotes"


class Stored(NamedTuple):
    """A ConfigMap or a Secret."""

    title: str
    """Such as ``ConfigMap ibutsu``."""

    node: Node
    values: Mapping[str, Found]
    """Its values by key, each with its place."""


class Pod(NamedTuple):
    """The description of a pod, in a Pod or in what creates pods."""

    title: str
    """Such as ``Deployment ibutsu-worker``."""

    name: str
    namespace: str
    spec: Node


class Objects:
    """The objects of all given files."""

    def __init__(self, documents: Sequence[Node]) -> None:
        self.pods: list[Pod] = []
        self.stored: list[Stored] = []
        self.faults: list[Fault] = []
        self._by_key: dict[tuple[str, str, str | None], Stored] = {}
        for node in _flattened(documents):
            kind, name = node.at("kind").text, node.at("metadata", "name").text
            namespace = node.at("metadata", "namespace").text
            if kind in ("ConfigMap", "Secret"):
                stored = Stored(f"{kind} {name}", node, dict(self._values(kind, node)))
                self.stored.append(stored)
                self._by_key[kind, name, namespace] = self._by_key[kind, name, None] = stored
            for path in _POD_SPECS:
                spec = node.at(*path)
                if "containers" in spec.entries:
                    self.pods.append(Pod(f"{kind} {name}", name, namespace, spec))

    def find(self, kind: str, name: str, namespace: str) -> Stored | None:
        """Return a ConfigMap or Secret; one without a namespace fits any, since it is given on applying."""
        for candidate in (namespace, "", *([] if namespace else [None])):
            if (kind, name, candidate) in self._by_key:
                return self._by_key[kind, name, candidate]
        return None

    def _values(self, kind: str, node: Node) -> Iterator[tuple[str, Found]]:
        for place in ("data", "stringData"):
            for key, value in node.at(place).entries.items():
                text = self._value(key, value, is_encoded=kind == "Secret" and place == "data")
                yield key, Found(UNKNOWN if text is None else text, value.origin(key))

    def _value(self, key: str, value: Node, *, is_encoded: bool) -> str | None:
        """Return the text that ``value`` stands for; None where it is faulty."""
        problem = text_problem(value)
        if problem is None and is_encoded:
            try:
                # What is not UTF-8 is the fault of a setting, if one has the value.
                return base64.b64decode("".join(value.text.split()), validate=True).decode(
                    errors="surrogateescape"
                )
            except ValueError:
                problem = "is not base64; encode it, or write it under stringData as it is"
        if problem is None:
            return value.text
        self.faults.append(value.fault(problem, key))
        return None


def _flattened(documents: Sequence[Node]) -> Iterator[Node]:
    """Yield each object, those of a List one by one; a List within a List is not of Kubernetes."""
    for document in documents:
        if document.at("kind").text.endswith("List"):
            yield from document.at("items").items
        else:
            yield document
