"""Check that a file which can never be imported says why."""

from __future__ import annotations

from typing import Any

import pytest

from ibutsu_server.exceptions import ImportRejectedError
from tests.ingest.junit.reports import properties, read, read_case, texts


def _refusal(content: str | bytes, **limits: Any) -> str:
    with pytest.raises(ImportRejectedError) as refusal:
        read(content, **limits)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "The file is empty: upload the XML report itself."),
        (b" \n", "The file is empty: upload the XML report itself."),
        (
            b'{"tests": 1}',
            "The file is not well-formed XML: an element must start where '{\"tests\": 1}' stands, line 1.",
        ),
        (
            b'<?xml version="1.0"?>\n<html><body/></html>',
            "The file is not a JUnit report: its root element is <html>, not <testsuites>, <testsuite> or"
            " <testcase>.",
        ),
        (
            b"\x1f\x8b\x08\0\0\0\0\0",
            "The file is compressed with gzip: unpack it and upload the XML report itself.",
        ),
        (
            b"PK\x03\x04\0\0\0\0",
            "The file is compressed with zip: unpack it and upload the XML report itself.",
        ),
        (
            b"<testsuite>\n <testcase name=5/></testsuite>",
            "The file is not well-formed XML: a character in the element <testsuite> is not allowed there,"
            " line 2, column 17.",
        ),
        (
            b"\n<!-- c -->\n<testsuite>\n<testcase>\n</testsuite>",
            "The file is not well-formed XML: the element <testcase> is still open where another one ends,"
            " line 5, column 3.",
        ),
        (
            b"<testsuite>\n",
            "The file is not well-formed XML: the file ends while the element <testsuite> is open,"
            " line 2, column 1.",
        ),
        (
            b"<j:testsuites><j:testsuite/><j:testcase/></j:testsuites>",
            "The file is not well-formed XML: the prefix of 'j:testsuites' is not declared,"
            " line 1 or before.",
        ),
        (
            b"<testsuite>&who;</testsuite>",
            "The file is not well-formed XML: an entity in the element <testsuite> is not declared,"
            " line 1, column 12.",
        ),
        (
            b"<!DOCTYPE x [<testsuite/>",
            "The file is not well-formed XML: its DOCTYPE cannot be read, line 1.",
        ),
    ],
)
def test_a_file_that_is_no_report_says_why_and_where(content: bytes, reason: str) -> None:
    """The reason is a sentence for the person who uploaded it, with line and column where there are any."""
    assert _refusal(content) == reason


def test_the_place_is_told_however_long_the_fault_is() -> None:
    """A long name in the message does not push line and column out of it."""
    reason = _refusal(f"<testsuite>\n<testcase><{'x' * 5000}></testcase></testsuite>")
    assert len(reason) < 500
    assert reason.endswith(", line 2, column 5015.")


@pytest.mark.parametrize(
    "subset",
    [
        f'<!ENTITY a "{"x" * 100_000}">',
        '<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY % a SYSTEM "http://127.0.0.1/x.dtd">%a;',
    ],
)
def test_entities_that_grow_or_load_are_refused(subset: str) -> None:
    """Nothing is expanded and nothing is loaded: the message tells the line and the remedy."""
    reason = _refusal(f"\n<!DOCTYPE r [{subset}]>\n<testsuite>{'&a;' * 1000}</testsuite>")
    assert reason.startswith("The DOCTYPE declares ")
    assert ", line 2: an import " in reason
    assert reason.endswith("Write the text itself into the report.")


def test_a_harmless_entity_stays_what_is_written() -> None:
    """A short internal entity is not expanded: the reference itself is the text."""
    report = read(
        '<!DOCTYPE r [<!ENTITY co "ACME">]><testsuite><testcase name="a">'
        "<failure>by &co; &amp; sons</failure></testcase></testsuite>"
    )
    assert texts(report.result.artifacts) == {"traceback.log": "by &co; & sons"}


def test_nothing_is_included() -> None:
    """An XInclude is an element like any other."""
    result = read_case(
        '<system-out xmlns:xi="http://www.w3.org/2001/XInclude">'
        '<xi:include href="/etc/passwd"/>-</system-out>'
    )
    assert texts(result.artifacts) == {"system-out.log": "-"}


@pytest.mark.parametrize(
    ("content", "limits", "remedy"),
    [
        ("<testsuite>" + "<testcase/>" * 4 + "</testsuite>", {"max_cases": 3}, "IBUTSU_IMPORT_MAX_CASES"),
        (
            "<testsuite>" * 4 + "<testcase/>" + "</testsuite>" * 4,
            {"max_nesting": 3},
            "IBUTSU_IMPORT_MAX_NESTING",
        ),
        (
            "<testsuite><testcase>" + "<a/>" * 600_000 + "</testcase></testsuite>",
            {},
            "IBUTSU_IMPORT_MAX_ARTIFACT_BYTES",
        ),
        (
            f"<testsuite>{properties(k='v' * 1000)}{'<testcase/>' * 100}</testsuite>",
            {"max_copied_bytes": 99_000},
            "IBUTSU_IMPORT_MAX_COPIED_BYTES",
        ),
        (
            "<testsuite>" * 100 + "<testcase/>" * 100 + "</testsuite>" * 100,
            {"max_copied_bytes": 79_999},
            "IBUTSU_IMPORT_MAX_COPIED_BYTES",
        ),
        (
            "<testsuite>" + "<property/>" * 100 + "<testcase/>" * 100 + "</testsuite>",
            {"max_copied_bytes": 79_999},
            "IBUTSU_IMPORT_MAX_COPIED_BYTES",
        ),
    ],
)
def test_a_limit_names_its_setting(content: str, limits: dict[str, Any], remedy: str) -> None:
    """Whoever meets a limit reads which setting raises it."""
    assert _refusal(content, **limits).endswith(f"or raise {remedy}.")


@pytest.mark.parametrize(
    ("content", "limits"),
    [
        ("<testsuite>" + "<testcase/>" * 3 + "</testsuite>", {"max_cases": 3}),
        ("<testsuite>" * 3 + "<testcase/>" + "</testsuite>" * 3, {"max_nesting": 3}),
        ("<testsuite>" * 900 + "<testcase/>" + "</testsuite>" * 900, {}),
        (
            "<testsuite>" * 100 + "<testcase/>" * 100 + "</testsuite>" * 100,
            {"max_copied_bytes": 80_000},
        ),
    ],
)
def test_what_reaches_a_limit_is_not_over_it(content: str, limits: dict[str, Any]) -> None:
    """A limit is the largest number that is taken."""
    assert read(content, **limits).results
