"""Check the files that are made of failures and output."""

from __future__ import annotations

import pytest

from tests.ingest.junit.reports import read, read_case, texts


@pytest.mark.parametrize(
    ("children", "traceback"),
    [
        ('<failure type="E" message="m">trace</failure>', "E: m\ntrace"),
        ('<failure message="m"/>', "m"),
        ('<failure type="E"/>', "E"),
        ("<failure>trace</failure>", "trace"),
        ("<failure><![CDATA[a]]]]><![CDATA[>b]]></failure>", "a]]>b"),
        ("<failure>one <b>two</b> three</failure>", "one two three"),
        ("<failure>007</failure>", "007"),
        ('<failure message="1"/><error message="2"/><failure message="3"/>', "2\n1\n3"),
        (
            '<failure message="last">t3</failure><rerunFailure message="first">t1</rerunFailure>'
            "<rerunError><stackTrace>t2</stackTrace><system-out>o2</system-out></rerunError>",
            "last\nt3\n--- attempt 1: rerunFailure ---\nfirst\nt1\n"
            "--- attempt 2: rerunError ---\n[stackTrace]\nt2\n[system-out]\no2",
        ),
        ('<failure line="12" file="a.c">x</failure>', "(line=12, file=a.c)\nx"),
    ],
)
def test_a_traceback_holds_all_that_a_failure_says(children: str, traceback: str) -> None:
    """Type and message come first, then the text; all failures and errors, then the reruns, marked."""
    assert texts(read_case(children).artifacts) == {"traceback.log": traceback}


@pytest.mark.parametrize("children", ["", "<failure/>", '<failure message=""> \n</failure>', "<skipped/>"])
def test_a_case_that_says_nothing_has_no_files(children: str) -> None:
    """Neither a pass nor a failure without any text, message or type makes a file."""
    assert texts(read_case(children).artifacts) == {}


def test_output_of_a_case_is_stored_once_each() -> None:
    """Standard output and standard error have a file each; several elements are joined."""
    result = read_case(
        "<system-out>one</system-out><system-err>oops\n</system-err><system-out>two</system-out><failure/>"
    )
    assert texts(result.artifacts) == {"system-out.log": "one\ntwo", "system-err.log": "oops\n"}
    assert {artifact.content_type for artifact in result.artifacts} == {"text/plain"}


@pytest.mark.parametrize("text", ["007", "1e5", "true", "  spaces  ", "é 日本 \N{GRINNING FACE}", "a\tb\nc"])
def test_text_is_text(text: str) -> None:
    """What looks like a number stays what it was, blanks and all."""
    assert texts(read_case(f"<system-out>{text}</system-out>").artifacts) == {"system-out.log": text}


@pytest.mark.parametrize(
    "element",
    [
        '<steps><step n="1">go</step></steps>',
        "<steps>one <b/>two &lt;three&gt; &amp;</steps>",
        """<s t='"quoted"' u="a &amp; b"/>""",
        '<a:s xmlns:a="urn:a" a:t="u"><a:b/></a:s>',
    ],
)
def test_elements_without_a_meaning_here_are_kept_as_they_were_written(element: str) -> None:
    """What no rule knows is not lost: it is a file of the result."""
    result = read_case(element)
    assert texts(result.artifacts) == {"elements.xml": element}
    assert [artifact.content_type for artifact in result.artifacts] == ["text/xml"]


def test_output_of_suites_becomes_files_of_the_run() -> None:
    """Each text stands under the path of its suite, wherever it was in there."""
    report = read(
        '<testsuites><testsuite name="a"><system-out>out of a</system-out><testcase name="t"/>'
        '<testsuite name="b"><testcase name="t"/><system-out>out of b\n</system-out></testsuite>'
        '<system-err>err</system-err></testsuite><testsuite name="c"><notes>n</notes></testsuite>'
        "</testsuites>"
    )
    assert texts(report.run.artifacts) == {
        "system-out.log": "--- a ---\nout of a\n--- a / b ---\nout of b\n",
        "system-err.log": "err",
        "suite-elements.xml": "--- c ---\n<notes>n</notes>",
        "suite-attributes.txt": "--- c ---\nname=c",
    }
    assert [result.artifacts for result in report.results] == [(), ()]
