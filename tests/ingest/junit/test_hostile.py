"""Check that a file which means harm costs little, and what becomes of it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.junit.parsing import MAX_TAG_BYTES
from ibutsu_server.ingest.junit.reading import MAX_MARKUP_BYTES, MAX_NAMES
from tests.ingest.junit.reports import properties, read, read_case, texts


def _refusal(content: str | bytes, **limits: Any) -> str:
    with pytest.raises(ImportRejectedError) as refusal:
        read(content, **limits)
    return str(refusal.value)


def test_an_unknown_element_is_kept_without_the_namespaces_around_it() -> None:
    """Namespaces stand at the root only, however many and long they are, and not with each element."""
    spaces = " ".join(f'xmlns:n{number}="urn:{number}:{"x" * 1000}"' for number in range(100))
    report = read(f"<testsuite {spaces}><testcase><n1:a n2:b='c'/><d/></testcase></testsuite>")
    assert texts(report.result.artifacts) == {"elements.xml": '<n1:a n2:b="c"/>\n<d/>'}


def test_quotes_in_attributes_do_not_grow() -> None:
    """An unknown element takes no more than it took in the file."""
    quotes = '"' * 100_000
    element = f"<unknown a='{quotes}'/>"
    assert texts(read_case(element).artifacts) == {"elements.xml": element}


def test_a_tag_without_end_is_refused() -> None:
    """The parser would keep all of it in memory."""
    assert _refusal(f'<testsuite>\n<testcase name="{"x" * MAX_TAG_BYTES * 2}"/></testsuite>') == (
        "A tag has more than 4,000,000 bytes, line 2: write what is in its attributes as text of an element."
    )


def test_a_long_tag_is_read() -> None:
    """A message of some megabytes in an attribute is a message like any other."""
    message = "x" * 2_000_000
    result = read_case(f'<failure message="{message}"/>')
    assert texts(result.artifacts) == {"traceback.log": message}


def test_names_without_end_are_refused() -> None:
    """The parser remembers each name of an element or attribute that it has seen."""
    names = "".join(f"<testcase><n{number}/></testcase>" for number in range(MAX_NAMES))
    assert _refusal(f"<testsuite>{names}</testsuite>").startswith(
        "Elements and attributes have more than 50,000 different names, line 1: "
    )


_MANY = MAX_MARKUP_BYTES // 400
_LONG = "x" * 1000


@pytest.mark.parametrize(
    "inside",
    [
        ["<testcase>", "<a/>" * _MANY * 2, "</testcase>"],
        ["<testcase>", "<failure/>" * _MANY * 2, "</testcase>"],
        ["<testcase>", f'<a b="{_LONG}"/>' * 5000, "</testcase>"],
        ["<testcase>", '<property name="a">x</property>' * _MANY, "</testcase>"],
        ["<testcase><skipped>", _LONG * 4000, "</skipped></testcase>"],
        [properties(a=_LONG * 1000) * 4, "<testcase/>"],
        ['<error message="m"/>' * _MANY * 2],
        [f'<testsuite a="{_LONG * 400}">' * 10, "</testsuite>" * 10],
        [f"<testsuite><testcase/>{properties(a=_LONG)}</testsuite>" * 4000],
    ],
    ids=[
        "elements",
        "failures",
        "attributes",
        "properties",
        "reason",
        "suite-properties",
        "suite-errors",
        "nested-attributes",
        "late-properties",
    ],
)
def test_what_takes_too_much_memory_is_refused(inside: list[str]) -> None:
    """What a case or the open suites say is bounded, whatever it is made of, and the setting is named."""
    reason = _refusal(f"<testsuite>{''.join(inside)}</testsuite>", max_artifact_bytes=1000)
    assert reason == (
        "One test case, or what suites say beside their cases, takes more than 48,004,000 bytes of memory, "
        "line 1: split it, or raise IBUTSU_IMPORT_MAX_ARTIFACT_BYTES."
    )


def test_much_in_many_cases_is_taken() -> None:
    """Memory is free again with each case: together they may say what one may not."""
    case = f'<testcase><unknown a="{"x" * 1_000_000}"/></testcase>'
    assert len(read(f"<testsuite>{case * 8}</testsuite>", max_artifact_bytes=1000).results) == 8


@pytest.mark.parametrize("tag", ["testsuite", "testcase", "deep"])
def test_nesting_without_end_is_refused(tag: str) -> None:
    """Half a million open elements end in a message, whatever they are."""
    reason = _refusal(f"<testsuite><testcase><{'><'.join([tag] * 500_000)}>")
    assert reason.endswith("levels deep, line 1: flatten them, or raise IBUTSU_IMPORT_MAX_NESTING.")


def test_deeply_nested_suites_are_read() -> None:
    """Nothing here calls itself for each level."""
    depth = 960
    suites = "".join(f'<testsuite name="{level}"><error/>' for level in range(depth))
    report = read(f"{suites}<testcase/>{'</testsuite>' * depth}")
    assert len(report.results) == depth + 1
    assert len(report.results[0].metadata["suites"]) == depth


def test_deeply_nested_elements_are_kept() -> None:
    """Elements that mean nothing here may be nested as deep."""
    deep = "<a>" * 1900 + "x" + "</a>" * 1900
    assert texts(read_case(deep).artifacts) == {"elements.xml": deep}


_LIMIT = 200_000
_NOTE = f"\n[cut: this text is over the limit of {_LIMIT:,} bytes]"


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "line of text &amp; more\n" * 50_000,
        "é日\N{GRINNING FACE}" * 100_000,
        "<![CDATA[" + "<b>x</b>\n" * 120_000 + "]]>",
        "<![CDATA[x]]]]><![CDATA[>y]]>\n" * 40_000,
        "x" * 210_000,
        "x" * 100_000 + "<b/>" + "y" * 150_000,
    ],
)
def test_output_over_the_limit_is_cut_with_a_note(text: str) -> None:
    """What fits is kept, the text ends with a note, and the case after it is read as if nothing was."""
    report = read(
        f'<testsuite><testcase name="a"><system-out>{text}</system-out><failure/></testcase>'
        '<testcase name="b"/></testsuite>',
        max_artifact_bytes=_LIMIT,
    )
    assert report.states == ["failed", "passed"]
    stored = texts(report.results[0].artifacts)["system-out.log"]
    assert stored.endswith(_NOTE)
    assert _LIMIT / 2 < len(stored.encode()) <= _LIMIT + len(_NOTE)


def test_only_the_text_over_the_limit_is_cut() -> None:
    """Each text has the whole limit, whatever was cut before it and wherever its CDATA starts."""
    text = "<y>\n" * 40_000
    report = read(
        f"<testsuite><testcase><system-out><![CDATA[{'x' * 1_000_000}]]></system-out>"
        f"<system-err><![CDATA[{text}]]></system-err></testcase>"
        f"<testcase><system-out><![CDATA[{text}]]></system-out></testcase></testsuite>",
        max_artifact_bytes=_LIMIT,
    )
    first, second = (texts(result.artifacts) for result in report.results)
    assert first == {"system-out.log": "x" * _LIMIT + _NOTE, "system-err.log": text}
    assert second == {"system-out.log": text}


def test_output_in_several_elements_has_the_limit_of_one() -> None:
    """They become one file, which ends with the note; the files of other kinds are whole."""
    text = "x" * 150_000
    result = read(
        f"<testsuite><testcase><system-out>{text}</system-out><system-out>{text}</system-out>"
        f"<failure>{text}</failure><system-out>{text}</system-out></testcase></testsuite>",
        max_artifact_bytes=_LIMIT,
    ).result
    assert texts(result.artifacts) == {
        "traceback.log": text,
        "system-out.log": text + "\n" + text[: _LIMIT - len(text) - 1] + _NOTE,
    }


@pytest.mark.parametrize("text", ["é" * 150_000, "x" + "é" * 150_000])
def test_no_character_is_cut_in_two(text: str) -> None:
    """The limit counts bytes, and the last character that does not fit is left out."""
    result = read(f"<testcase><system-out>{text}</system-out></testcase>", max_artifact_bytes=_LIMIT).result
    stored = texts(result.artifacts)["system-out.log"]
    assert stored.removesuffix(_NOTE) == text[: (_LIMIT + 1) // 2]


def test_output_of_many_suites_has_the_limit_of_one_file() -> None:
    """Suites may say anything in any number: what is over the limit of the run's file is cut."""
    suites = f'<testsuite name="s"><system-out>{"x" * 1000}</system-out></testsuite>' * 300
    report = read(f"<testsuites>{suites}</testsuites>", max_artifact_bytes=_LIMIT)
    stored = texts(report.run.artifacts)["system-out.log"]
    assert stored.startswith("--- s ---\nxxx")
    assert stored.endswith(_NOTE)
    assert len(stored) == _LIMIT + len(_NOTE)


def test_twelve_megabytes_of_output_are_kept_whole() -> None:
    """The default limit is well over ten million bytes."""
    text = "0123456789 abc\n" * 800_000
    result = read_case(f"<system-out>{text}</system-out>")
    assert texts(result.artifacts) == {"system-out.log": text}


_MEASURE = """
import io, resource, sys
from ibutsu_server.ingest.junit import JunitReader
from ibutsu_server.settings.imports import ImportSettings

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

head, repeated, times, tail = sys.argv[1:]
head, repeated, times, tail = head.encode(), repeated.encode() * 1000, int(times) // 1000, tail.encode()
content = b"".join([head, *[repeated] * times, tail])  # needs no memory beside the content
before = peak()
settings = ImportSettings.hermetic(max_artifact_bytes=1_000_000)
with JunitReader(io.BytesIO(content), run_id="r", settings=settings) as reader:
    assert sum(1 for _ in reader.results()) > 0
print(peak() - before)
"""


@pytest.mark.parametrize(
    ("head", "repeated", "times", "tail"),
    [
        ("<testsuite>", '<testcase name="a" classname="b.C"/>\n', 200_000, "</testsuite>"),
        ("<testsuites>", '<testsuite><testcase name="a"/></testsuite>\n', 100_000, "</testsuites>"),
        ("<testsuite><testcase><failure>", "line\n", 10_000_000, "</failure></testcase></testsuite>"),
        ("<testsuite><system-out><![CDATA[", "<>\n", 10_000_000, "]]></system-out><testcase/></testsuite>"),
        (
            "<testsuite><testcase><failure>",
            "\N{GRINNING FACE}xx",
            8_000_000,
            "</failure></testcase></testsuite>",
        ),
        ("<testsuite><!--", "-x", 10_000_000, "--><testcase/></testsuite>"),
        ("<testsuite><?x", " x", 10_000_000, "?><testcase/></testsuite>"),
        (
            "<testsuite><testcase/>",
            '<testsuite name="s"><system-out>x</system-out></testsuite>',
            50_000,
            "</testsuite>",
        ),
        ("<testsuite><testcase/><a>", '<testsuite name="s"/>\n', 50_000, "</a></testsuite>"),
    ],
    ids=[
        "cases",
        "suites",
        "output",
        "suite-output",
        "wide",
        "comment",
        "instruction",
        "suite-words",
        "group",
    ],
)
def test_memory_does_not_grow_with_the_file(head: str, repeated: str, times: int, tail: str) -> None:
    """One test case is held at a time, and no text beyond its limit."""
    command = [sys.executable, "-c", _MEASURE, head, repeated, str(times), tail]
    grown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert int(grown) < 25, "megabytes beside the file itself"
