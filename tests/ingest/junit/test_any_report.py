"""Check with generated reports that what was written is what is read, and that nothing else can happen."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibutsu_server.exceptions import ImportRejectedError
from tests.ingest.junit.generated import STYLES, Case, Style, Suite, suites
from tests.ingest.junit.reports import read, texts

if TYPE_CHECKING:
    from ibutsu_server.ingest.records import ResultRecord

# XML holds no controls but three, and line ends are normalised in attributes.
_UNICODE = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"])
_LATIN = st.characters(codec="latin-1", exclude_categories=["Cc"])

_FRAGMENTS = st.sampled_from(
    [
        b"<testsuites>", b"</testsuites>", b"<testsuite name='s'>", b"</testsuite>", b"<testcase time='x'>",
        b"</testcase>", b"<testcase/>", b"<failure message='&#0;'>", b"</failure>", b"<property name='run'/>",
        b"<system-out><![CDATA[", b"]]>", b"]]></system-out>", b"<!--", b"-->", b"<?pi", b"?>", b"&amp;",
        b"<!DOCTYPE a [<!ENTITY co 'x'>]>", b"&co;", b"\xff\xfe", b"\xef\xbb\xbf", b"\0", b" ", b"\n", b"<",
        b">", b"&", b"\xe9",
    ]
)  # fmt: skip
_DECLARED = st.sampled_from(
    ["", "utf-8", "utf-16", "latin-1", "cp037", "utf_7", "hex", "shift_jis", "undefined"]
)


@pytest.mark.parametrize(
    ("codec", "mark", "declared", "characters"),
    [
        ("utf-8", b"", "utf-8", _UNICODE),
        ("utf-8", codecs.BOM_UTF8, None, _UNICODE),
        ("utf-16", b"", "utf-16", _UNICODE),
        ("utf-16-be", codecs.BOM_UTF16_BE, None, _UNICODE),
        ("latin-1", b"", "iso-8859-1", _LATIN),
        ("cp1252", b"", "windows-1252", _LATIN),
    ],
)
def test_what_was_written_is_what_is_read(
    codec: str, mark: bytes, declared: str | None, characters: st.SearchStrategy[str]
) -> None:
    """Any tree of suites and cases, in any encoding and style, reads back to its cases in order."""
    declaration = f"<?xml version='1.0' encoding='{declared}'?>" if declared else ""

    @settings(max_examples=40, deadline=None)
    @given(suites(characters), STYLES)
    def check(root: Suite, style: Style) -> None:
        content = mark + (declaration + style.report(root)).encode(codec)
        assert [_as_read(result) for result in read(content).results] == [
            _as_written(*case) for case in root.cases()
        ]

    check()


def _as_read(result: ResultRecord) -> dict[str, Any]:
    metadata = result.metadata
    return {
        "state": result.result,
        "classname": metadata["classname"],
        "name": metadata["name"],
        "suites": metadata["suites"],
        "seconds": result.duration,
        "properties": {key: value for key, value in metadata.items() if key in {"k1", "k2", "k3"}},
        "files": texts(result.artifacts),
    }


def _as_written(case: Case, path: list[str], properties: dict[str, str]) -> dict[str, Any]:
    said = [case.message, "" if case.text.isspace() else case.text]
    files = {"system-out.log": case.output}
    if case.state in {"failed", "error"}:
        files["traceback.log"] = "\n".join(filter(None, said))
    return {
        "state": case.state,
        "classname": case.classname,
        "name": case.name,
        "suites": path,
        "seconds": case.seconds,
        "properties": properties,
        "files": {name: text for name, text in files.items() if text.strip()},
    }


@settings(max_examples=300, deadline=None)
@given(_DECLARED, st.lists(_FRAGMENTS | st.binary(max_size=3), max_size=30))
def test_any_bytes_end_in_records_or_in_a_reason(declared: str, fragments: list[bytes]) -> None:
    """Whatever a file holds, it is read, or it is refused with a message; nothing else is raised."""
    declaration = f"<?xml version='1.0' encoding='{declared}'?>".encode() if declared else b""
    _read_or_refuse(declaration + b"".join(fragments))


@settings(max_examples=100, deadline=None)
@given(suites(_UNICODE), STYLES, st.data())
def test_a_damaged_report_ends_in_records_or_in_a_reason(
    root: Suite, style: Style, data: st.DataObject
) -> None:
    """A report that was cut, or in which bytes were changed, is read or refused."""
    content = bytearray(style.report(root).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(content)))
        content[position : position + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=3))
    _read_or_refuse(bytes(content))


def _read_or_refuse(content: bytes) -> None:
    try:
        ids = [result.id for result in read(content).results]
    except ImportRejectedError:
        return
    assert len(set(ids)) == len(ids)
