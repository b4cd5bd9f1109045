"""Check that every test case of a report becomes one result, wherever it stands."""

from __future__ import annotations

import uuid

import pytest

from tests.ingest.junit.reports import read


@pytest.mark.parametrize(
    ("report", "names"),
    [
        ('<testcase name="a"/>', ["a"]),
        ('<testcase name="a"><testcase name="b"/><testcase name="c"/></testcase>', ["b", "c", "a"]),
        ('<testsuite><testcase name="a"/></testsuite>', ["a"]),
        ('<testsuites><testcase name="a"/></testsuites>', ["a"]),
        ("<testsuites/>", []),
        ("<testsuites><testsuite/><testsuite></testsuite></testsuites>", []),
        (
            '<testsuites><testsuite><testcase name="a"/><testsuite><testcase name="b"/></testsuite>'
            '<testcase name="c"/></testsuite><testcase name="d"/></testsuites>',
            ["a", "b", "c", "d"],
        ),
        ('<testsuite><testcase name="a"/><testcase name="a"/></testsuite>', ["a", "a"]),
        ('<testsuite><group><testcase name="a"/></group><testcase name="b"/></testsuite>', ["a", "b"]),
        ('<testsuites><testsuites><testcase name="a"/></testsuites></testsuites>', ["a"]),
    ],
)
def test_every_case_is_one_result_at_any_depth(report: str, names: list[str]) -> None:
    """Cases count wherever they stand: alone, beside suites, in nested suites, and as often as they come."""
    assert [result.metadata["name"] for result in read(report).results] == names


def test_a_case_in_a_case_is_a_result_of_its_own() -> None:
    """Steps that a tool writes as cases inside a case are kept as well as the case around them."""
    report = read(
        '<testsuite name="s"><testcase name="outer"><system-out>before</system-out>'
        '<testcase name="inner"><failure/></testcase><system-err>after</system-err></testcase></testsuite>'
    )
    assert {result.metadata["name"]: result.result for result in report.results} == {
        "inner": "failed",
        "outer": "passed",
    }
    outer = next(result for result in report.results if result.metadata["name"] == "outer")
    assert [artifact.filename for artifact in outer.artifacts] == ["system-out.log", "system-err.log"]


@pytest.mark.parametrize(
    "report",
    [
        '<j:testsuite xmlns:j="urn:junit"><j:testcase j:name="a"><j:failure/></j:testcase></j:testsuite>',
        '<testsuite xmlns="urn:junit"><testcase name="a"><failure/></testcase></testsuite>',
        '<?xml-stylesheet href="x.xsl"?><!-- c --><testsuite><?pi x?><testcase name="a"><!-- c --><failure/>'
        "</testcase><!-- c --></testsuite><!-- c -->",
        '<!DOCTYPE testsuite SYSTEM "junit.dtd">\n<testsuite><testcase name="a"><failure/></testcase>'
        "</testsuite>",
        '\n\n<?xml version="1.0"?><testsuite><testcase name="a"><failure/></testcase></testsuite>',
    ],
)
def test_namespaces_comments_instructions_and_doctypes_do_not_matter(report: str) -> None:
    """An element is what its local name says."""
    result = read(report).result
    assert (result.result, result.metadata["name"]) == ("failed", "a")


def test_a_comment_with_markup_in_it_hides_nothing_behind_it() -> None:
    """What looks like CDATA in a comment, or like a case in CDATA, is neither."""
    report = read(
        '<testsuite><!-- <![CDATA[ --><testcase name="a"><system-out><![CDATA[<testcase name="no"/>'
        "<!-- ]]></system-out></testcase>" + '<testcase name="b"/>' * 10_000 + "</testsuite>"
    )
    assert len(report.results) == 10_001


def test_the_same_report_gives_the_same_ids_again() -> None:
    """The ids of results depend on the run's id and the order only, so that an import can be repeated."""
    content = "<testsuite>" + '<testcase name="a"/>' * 50 + "</testsuite>"
    first, again = ([result.id for result in read(content).results] for _ in range(2))
    other = [result.id for result in read(content, run_id=str(uuid.uuid4())).results]
    assert first == again
    assert len({*first, *other}) == 100
    assert all(str(uuid.UUID(id_)) == id_ for id_ in first)


def test_every_result_knows_its_run() -> None:
    """The run's id is part of the metadata of each result."""
    report = read('<testsuite><testcase name="a"/></testsuite>')
    assert report.result.metadata["run"] == report.run.id
