"""Read one ``testcase`` element into a result."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ibutsu_server.ingest.junit.output import (
    as_xml,
    describe_fault,
    describe_rerun,
    is_blank,
    join_texts,
    text_artifact,
)
from ibutsu_server.ingest.junit.properties import Properties, add_properties, columns, put_properties
from ibutsu_server.ingest.junit.vocabulary import (
    COMPUTED,
    SKIPPING_WORDS,
    Kind,
    attributes_of,
    kind_of,
    name_of,
    pop_moment,
    pop_seconds,
    text_of,
)
from ibutsu_server.ingest.records import ResultRecord, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lxml.etree import _Element

    from ibutsu_server.ingest.junit.suite import Inherited

Children = dict[Kind, list["_Element"]]

SHORT_TRACEBACK_CHARACTERS: Final = 2000

_EXCEPTION: Final = re.compile(
    r"\s*((?:[A-Za-z_$][\w$]*[.:]{1,2})*[A-Z][\w$]*(?:Error|Exception|Failure|Exit))\b"
)
_XFAIL: Final = frozenset({"pytest.xfail", "xfail"})
_XPASS: Final = frozenset({"pytest.xpass", "xpass"})
_SKIPS: Final = (Kind.SKIPPED, Kind.XFAILED, Kind.XPASSED)
_OUTPUTS: Final[tuple[tuple[str, Kind, Callable[[_Element], str]], ...]] = (
    ("system-out.log", Kind.OUTPUT, text_of),
    ("system-err.log", Kind.ERROR_OUTPUT, text_of),
    ("elements.xml", Kind.OTHER, as_xml),
)
_NO_CHILDREN: Final[Children] = {}


def read_case(case: _Element, inherited: Inherited, result_id: str, limit: int) -> ResultRecord:
    """Make the result of a case; ``limit`` is the bytes of one artifact."""
    attributes = attributes_of(case)
    children = _children(case) if len(case) else _NO_CHILDREN
    state = _state(attributes, children)
    metadata = dict(inherited.metadata)
    record = ResultRecord(
        id=result_id,
        test_id=_take_identity(attributes, metadata, inherited),
        result=state,
        start_time=pop_moment(attributes) or inherited.start,
        duration=pop_seconds(attributes),
        env=inherited.env,
        component=inherited.component,
        source=inherited.source,
        metadata=metadata,
    )
    _put_attributes(metadata, attributes, inherited)
    if case.text is not None and (text := _own_text(case)):
        metadata["text"] = text
    if children:
        _read_children(record, children, attributes, limit)
    return record


def _children(case: _Element) -> Children:
    children: Children = {}
    for child in case:
        children.setdefault(kind_of(child.tag), []).append(child)
    return children


def _state(attributes: dict[str, str], children: Children) -> State:
    if Kind.ERROR in children:
        return "error"
    if Kind.FAILURE in children:
        return "failed"
    if Kind.XFAILED in children:
        return "xfailed"
    if Kind.XPASSED in children:
        return "xpassed"
    if Kind.SKIPPED in children:
        return _state_of_skips(children[Kind.SKIPPED])
    if Kind.RERUN in children:
        return "error" if name_of(children[Kind.RERUN][0]) == "rerunError" else "failed"
    if Kind.FLAKY not in children and SKIPPING_WORDS & _said_states(attributes):
        return "skipped"
    return "passed"


def _said_states(attributes: dict[str, str]) -> set[str]:
    said = {attributes[name] for name in ("status", "result") if name in attributes}
    return {word.strip().lower() for word in said}


def _state_of_skips(skips: list[_Element]) -> State:
    types = {(skip.get("type") or "").strip().lower() for skip in skips}
    if types & _XFAIL:
        return "xfailed"
    return "xpassed" if types & _XPASS else "skipped"


def _take_identity(attributes: dict[str, str], metadata: dict[str, Any], inherited: Inherited) -> str:
    """Take what names the case out of the attributes and give its test id."""
    classname = attributes.pop("classname", None) or attributes.pop("class", None) or ""
    name = attributes.pop("name", "")
    file = attributes.pop("file", None) or inherited.file
    line = attributes.pop("line", None) or attributes.pop("lineno", None)
    metadata["classname"], metadata["name"] = classname, name
    if file:
        metadata["fspath"] = file
    if line:
        metadata["line"] = line
    last_part = classname.rstrip(".").rpartition(".")[2]
    return f"{last_part}.{name}" if last_part and name else last_part or name


def _put_attributes(metadata: dict[str, Any], attributes: dict[str, str], inherited: Inherited) -> None:
    """Keep every attribute that has no column; a property of the same name steps aside."""
    clashing = attributes.keys() & inherited.properties.keys()
    if clashing:
        put_properties(metadata, {name: inherited.properties[name] for name in clashing}, taken=clashing)
    for name, value in attributes.items():
        if name in COMPUTED:
            metadata["attributes"] = {**metadata.get("attributes", {}), name: value}
        else:
            metadata[name] = value


def _own_text(case: _Element) -> str:
    """Give the text that stands in the case itself, not in a child."""
    return join_texts(
        filter(None, (text.strip() for text in (case.text or "", *(c.tail or "" for c in case))))
    )


def _read_children(record: ResultRecord, children: Children, attributes: dict[str, str], limit: int) -> None:
    if Kind.PROPERTIES in children or Kind.PROPERTY in children or Kind.OTHER in children:
        _read_properties(record, children, attributes)
    if record.result in {"failed", "error"}:
        _tell_fault(record.metadata, children)
    elif Kind.FLAKY in children and record.result == "passed":
        record.metadata["flaky"] = True
    skips = [skip for kind in _SKIPS if kind in children for skip in children[kind]]
    if skips:
        _tell_reason(record.metadata, skips)
    record.artifacts = [
        text_artifact(filename, text, limit)
        for filename, text in _files(record.result, children)
        if not is_blank(text)
    ]


def _files(state: State, children: Children) -> Iterator[tuple[str, str]]:
    if state in {"failed", "error"}:
        described = [describe_fault(fault) for fault in _faults(children)]
        yield "traceback.log", join_texts([*filter(None, described), *_attempts(children)])
    elif Kind.FLAKY in children or Kind.RERUN in children:
        yield "flaky.log", join_texts(_attempts(children))
    for filename, kind, text in _OUTPUTS:
        if kind in children:
            yield filename, join_texts(text(child) for child in children[kind])


def _faults(children: Children) -> list[_Element]:
    return children.get(Kind.ERROR, []) + children.get(Kind.FAILURE, [])


def _attempts(children: Children) -> Iterator[str]:
    attempts = children.get(Kind.RERUN, []) + children.get(Kind.FLAKY, [])
    return (describe_rerun(number, attempt) for number, attempt in enumerate(attempts, 1))


def _read_properties(record: ResultRecord, children: Children, attributes: dict[str, str]) -> None:
    properties: Properties = {}
    for kind in (Kind.PROPERTIES, Kind.PROPERTY, Kind.OTHER):
        for child in children.get(kind, ()):
            add_properties(properties, child)
    if properties:
        put_properties(record.metadata, properties, taken=attributes)
        env, component, source = columns(properties)
        record.env = env or record.env
        record.component = component or record.component
        record.source = source or record.source


def _tell_fault(metadata: dict[str, Any], children: Children) -> None:
    first = (_faults(children) or children[Kind.RERUN])[0]
    message, text = first.get("message") or "", text_of(first)
    kind = first.get("type") or _leading_exception(message) or _leading_exception(text)
    if kind:
        metadata["exception_name"] = kind
    short = message if is_blank(text) else text
    if not is_blank(short):
        metadata["short_tb"] = short[:SHORT_TRACEBACK_CHARACTERS]


def _leading_exception(text: str) -> str | None:
    match = _EXCEPTION.match(text[:SHORT_TRACEBACK_CHARACTERS])
    return match[1] if match else None


def _tell_reason(metadata: dict[str, Any], skips: list[_Element]) -> None:
    message = "\n".join(filter(None, (skip.get("message") for skip in skips)))
    details = "\n".join(filter(None, (text_of(skip).strip() for skip in skips)))
    kind = next(filter(None, (skip.get("type") for skip in skips)), None)
    if message or details:
        metadata["skip_reason"] = message or details
    if message and details and details != message:
        metadata["skip_details"] = details
    if kind:
        metadata["skip_type"] = kind
