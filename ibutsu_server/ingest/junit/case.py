"""Read one ``testcase`` element, or a suite that failed as such, into a result."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ibutsu_server.ingest.junit.elements import attributes_of, decoded, is_blank, text_of, xml_of
from ibutsu_server.ingest.junit.faults import describe_exception
from ibutsu_server.ingest.junit.identity import identity_of
from ibutsu_server.ingest.junit.output import TextArtifacts, describe_fault, describe_rerun, join_texts
from ibutsu_server.ingest.junit.properties import Properties, add_properties, columns, put_properties
from ibutsu_server.ingest.junit.state import Children, attempts_of, children_of, faults_of, state_of
from ibutsu_server.ingest.junit.vocabulary import COMPUTED, COUNTERS, pop_seconds, pop_timestamp
from ibutsu_server.ingest.records import ResultRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from ibutsu_server.ingest.junit.elements import Element, Text
    from ibutsu_server.ingest.junit.output import MakeText
    from ibutsu_server.ingest.junit.suite import Inherited
    from ibutsu_server.ingest.junit.walk import Found

_SKIPS: Final = ("skipped", "xfailed", "xpassed")
_OUTPUTS: Final = {"output": "system-out.log", "error output": "system-err.log"}
_TRUE: Final = frozenset({"true", "1", "yes"})
_NO_CHILDREN: Final[Children] = {}


def read_case(found: Found, result_id: str, limit: int) -> ResultRecord:
    """Make the result of a case; ``limit`` is the bytes of one artifact."""
    case, inherited = found.element, found.inherited
    attributes = attributes_of(case)
    children = children_of(case) if case.content else _NO_CHILDREN
    classname = attributes.pop("classname", None) or attributes.pop("class", None) or ""
    name = attributes.pop("name", "")
    metadata: dict[str, Any] = {"suites": inherited.path, "classname": classname, "name": name}
    if inherited.attributes:
        metadata["suite"] = inherited.attributes
    owner = _put_place(metadata, attributes, classname, inherited)
    test_id = f"{owner}.{name}" if owner and name else owner or name
    record = ResultRecord(
        id=result_id,
        test_id=test_id or _place(inherited.path, "testcase", found.number),
        result=state_of(attributes, children),
        start_time=pop_timestamp(attributes) or inherited.start,
        duration=pop_seconds(attributes),
        env=inherited.env,
        component=inherited.component,
        source=inherited.source,
        metadata=metadata,
        suite_metadata=inherited.metadata,
    )
    if "flaky" in attributes and attributes["flaky"].lower() in _TRUE:
        del attributes["flaky"]
        metadata["flaky"] = True
    if attributes:
        _put_attributes(metadata, attributes, inherited)
    if case.content:
        if text := _own_text(case):
            metadata["text"] = text
        _read_children(record, children, inherited, limit)
    return record


def read_suite(found: Found, result_id: str, limit: int) -> ResultRecord:
    """Make the result of a suite whose element holds its failures and errors."""
    suite, inherited = found.element, found.inherited
    attributes = {name: value for name, value in attributes_of(suite).items() if name not in COUNTERS}
    children = children_of(suite)
    name = attributes.pop("name", "")
    metadata: dict[str, Any] = {"suites": inherited.path, "suite": True, "classname": "", "name": name}
    _put_place(metadata, attributes, name, inherited)
    record = ResultRecord(
        id=result_id,
        test_id=name or _place(inherited.path[:-1], "testsuite", found.number),
        result=state_of({}, children),
        start_time=pop_timestamp(attributes) or inherited.start,
        env=inherited.env,
        component=inherited.component,
        source=inherited.source,
        metadata=metadata,
        suite_metadata=inherited.metadata,
    )
    _put_attributes(metadata, attributes, inherited)
    _read_children(record, children, inherited, limit)
    return record


def _put_place(
    metadata: dict[str, Any], attributes: dict[str, str], classname: str, inherited: Inherited
) -> str:
    """Put file and line into the metadata; return the first part of the test id."""
    identity = identity_of(classname)
    file = attributes.pop("file", None) or inherited.file or identity.fspath
    line = attributes.pop("line", None) or attributes.pop("lineno", None) or identity.line
    if file:
        metadata["fspath"] = file
    if line:
        metadata["line"] = line
    return identity.owner


def _place(path: Iterable[str], element: str, number: int) -> str:
    """Say where an element without a name stands."""
    return " / ".join([*filter(None, path), f"{element} {number}"])


def _put_attributes(metadata: dict[str, Any], attributes: dict[str, str], inherited: Inherited) -> None:
    """Keep every attribute that has no column; a suite's property of the same name steps aside."""
    clashing = attributes.keys() & inherited.properties.keys()
    if clashing:
        _put_own(metadata, {name: inherited.properties[name] for name in clashing}, clashing, inherited)
    for name, value in attributes.items():
        if name in COMPUTED:
            metadata["attributes"] = {**metadata.get("attributes", {}), name: value}
        else:
            metadata[name] = value


def _put_own(
    metadata: dict[str, Any], properties: Properties, taken: Collection[str], inherited: Inherited
) -> None:
    """Put properties into the metadata of one result, beside those that the suites have put aside."""
    if "properties" in inherited.metadata:
        metadata.setdefault("properties", inherited.metadata["properties"])
    put_properties(metadata, properties, taken)


def _own_text(case: Element) -> str:
    """Return the text that stands in the case itself, a line for each place between its children."""
    texts: list[Text] = [[]]
    for part in case.content:
        if isinstance(part, bytes):
            texts[-1].append(part)
        elif texts[-1]:
            texts.append([])
    return "\n".join(decoded(text).strip() for text in texts if text)


def _read_children(record: ResultRecord, children: Children, inherited: Inherited, limit: int) -> None:
    faults, attempts = faults_of(children), attempts_of(children)
    has_failed = bool(faults) or record.result in {"failed", "error"}
    if "properties" in children or "property" in children or "other" in children:
        _read_properties(record, children, inherited)
    for fault in (faults or attempts) if has_failed else ():
        describe_exception(record.metadata, fault)
        if "exception_name" in record.metadata:
            break
    if "flaky" in children and record.result == "passed":
        record.metadata["flaky"] = True
    skips = [skip for kind in _SKIPS if kind in children for skip in children[kind]]
    if skips:
        _describe_skips(record.metadata, skips)
    texts: dict[str, Text] = {}
    if faults or attempts:
        described = [describe_fault(fault) for fault in faults]
        described += [describe_rerun(number, attempt) for number, attempt in enumerate(attempts, 1)]
        texts["traceback.log" if has_failed else "flaky.log"] = join_texts(described)
    for kind, filename in _OUTPUTS.items():
        if kind in children:
            texts[filename] = join_texts(map(text_of, children[kind]))
    files: list[tuple[str, MakeText]] = [
        (name, partial(iter, text)) for name, text in texts.items() if not is_blank(text)
    ]
    if "other" in children:
        files.append(("elements.xml", partial(_xml_of_all, children["other"])))
    if files:
        record.artifacts = TextArtifacts(files, limit)


def _xml_of_all(elements: Iterable[Element]) -> Iterator[bytes]:
    for number, element in enumerate(elements):
        yield b"\n" if number else b""
        yield from xml_of(element)


def _read_properties(record: ResultRecord, children: Children, inherited: Inherited) -> None:
    properties: Properties = {}
    for kind in ("properties", "property", "other"):
        for child in children.get(kind, ()):
            add_properties(properties, child)
    if properties:
        # What is in the metadata already is the case's own, as properties are the last to be read.
        _put_own(record.metadata, properties, [*record.metadata], inherited)
        env, component, source = columns(properties)
        record.env = env or record.env
        record.component = component or record.component
        record.source = source or record.source


def _describe_skips(metadata: dict[str, Any], skips: list[Element]) -> None:
    said = [attributes_of(skip) for skip in skips]
    message = "\n".join(filter(None, (attributes.get("message") for attributes in said)))
    details = "\n".join(filter(None, (decoded(text_of(skip)).strip() for skip in skips)))
    kind = next(filter(None, (attributes.get("type") for attributes in said)), None)
    if message or details:
        metadata["skip_reason"] = message or details
    if message and details and details != message:
        metadata["skip_details"] = details
    if kind:
        metadata["skip_type"] = kind
