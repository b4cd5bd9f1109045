"""Check what becomes of that which a suite says beside its cases."""

from __future__ import annotations

import pytest

from tests.ingest.junit.reports import properties, read, texts


def test_an_error_of_a_suite_is_a_result() -> None:
    """A suite that could not start is not green: its result has its name, its text and its attributes."""
    report = read(
        '<testsuites><testsuite name="shop.CartTest" hostname="ci-1" tests="3" time="1.5"'
        ' timestamp="2024-03-05T10:00:00"><error type="NoClassDefFoundError" message="Cart">at Cart</error>'
        "</testsuite></testsuites>"
    )
    result = report.result
    assert (result.test_id, result.result, result.duration) == ("shop.CartTest", "error", None)
    assert result.start_time is not None
    assert result.start_time.hour == 10
    assert result.metadata == {
        "run": report.run.id,
        "suite": True,
        "suites": ["shop.CartTest"],
        "name": "shop.CartTest",
        "classname": "",
        "fspath": "shop",
        "hostname": "ci-1",
        "time": "1.5",
        "exception_name": "NoClassDefFoundError",
        "short_tb": "at Cart",
    }
    assert texts(result.artifacts) == {"traceback.log": "NoClassDefFoundError: Cart\nat Cart"}
    assert texts(report.run.artifacts) == {}


@pytest.mark.parametrize(
    ("outcomes", "states"),
    [
        ("<failure/>", ["passed", "failed"]),
        ("<error/>", ["passed", "error"]),
        ("<failure/><error/><failure/>", ["passed", "error"]),
        ("<rerunFailure/><failure/>", ["passed", "failed"]),
        ("<rerunFailure/>", ["passed"]),
        ("<skipped/>", ["passed"]),
        ("", ["passed"]),
    ],
)
@pytest.mark.parametrize("place", ["{}<testcase/>", "<testcase/>{}"])
def test_a_suite_has_one_result_if_it_failed(outcomes: str, states: list[str], place: str) -> None:
    """However many failures and errors stand in a suite, and wherever, they are one result at its end."""
    assert read(f'<testsuite name="s">{place.format(outcomes)}</testsuite>').states == states


def test_each_failed_suite_has_its_own_result() -> None:
    """Nested suites fail for themselves, also one without a name."""
    report = read(
        '<testsuites><testsuite name="a"><failure/><testsuite name="b"><failure/></testsuite>'
        "<testsuite><error/></testsuite></testsuite></testsuites>"
    )
    assert [(result.test_id, result.metadata["suites"]) for result in report.results] == [
        ("b", ["a", "b"]),
        ("a / testsuite 4", ["a", ""]),
        ("a", ["a"]),
    ]


def test_reruns_of_a_failed_suite_follow_in_its_traceback() -> None:
    """The attempts before the last are marked, as those of a case are."""
    result = read('<testsuite name="s"><rerunError>first</rerunError><error>last</error></testsuite>').result
    assert texts(result.artifacts) == {"traceback.log": "last\n--- attempt 1: rerunError ---\nfirst"}


def test_properties_of_a_suite_are_those_of_its_result() -> None:
    """Those behind the failure count as well."""
    result = read(f'<testsuite name="s"><error/>{properties(k="v", env="qa")}</testsuite>').result
    assert (result.metadata["k"], result.env, result.source) == ("v", "qa", "s")


@pytest.mark.parametrize(
    ("said", "filename", "text"),
    [
        ('<skipped message="no device">plug it in</skipped>', "suite-skips.log", "no device\nplug it in"),
        (
            "<rerunFailure>first</rerunFailure><flakyFailure>second</flakyFailure>",
            "suite-reruns.log",
            "--- attempt 1: rerunFailure ---\nfirst\n--- attempt 2: flakyFailure ---\nsecond",
        ),
        ("<skipped/>", "suite-skips.log", "skipped"),
        ('<xfailure message="bug 12"/><xpassed/>', "suite-skips.log", "bug 12\n--- {} ---\nxpassed"),
        ('<x:skip xmlns:x="urn:x"/>', "suite-skips.log", "skip"),
        ("some text", "suite-texts.log", "some text"),
        ("<notes>n</notes>", "suite-elements.xml", "<notes>n</notes>"),
        ('<group name="g"><testcase name="t"/> </group>', "suite-elements.xml", '<group name="g"/>'),
        ('<group><b/><testcase name="t"/></group>', "suite-elements.xml", "<group><b/></group>"),
    ],
)
def test_what_else_a_suite_says_is_kept_with_the_run(said: str, filename: str, text: str) -> None:
    """Skips, attempts, text and elements that have no meaning here are in files, under the suite's name."""
    report = read(
        f'<testsuites><testsuite name="a">{said}<testcase/></testsuite>'
        f'<testsuite name="b">{said}<testcase/></testsuite></testsuites>'
    )
    of_a, of_b = (f"--- {name} ---\n{text.format(name)}" for name in "ab")
    assert texts(report.run.artifacts) == {filename: f"{of_a}\n{of_b}"}


def test_attributes_of_a_suite_without_results_are_kept_with_the_run() -> None:
    """There is no result that could have them; those of the root are in the run's metadata."""
    report = read(
        '<testsuites id="7"><testsuite name="empty" hostname="ci-1" tests="0"/>'
        '<testsuite name="full" hostname="ci-2"><testcase name="t"/></testsuite></testsuites>'
    )
    assert texts(report.run.artifacts) == {"suite-attributes.txt": "--- empty ---\nname=empty\nhostname=ci-1"}
    assert report.run.metadata["id"] == "7"


def test_the_name_of_the_only_suite_that_says_something_is_kept() -> None:
    """Its text is under its name, as those of several suites are; output stays as it was printed."""
    report = read(
        '<testsuites><testsuite name="a"><testsuite name="b"><skipped message="no device"/>'
        "<system-out>said</system-out><system-err>warned</system-err></testsuite></testsuite></testsuites>"
    )
    assert texts(report.run.artifacts) == {
        "suite-skips.log": "--- a / b ---\nno device",
        "system-out.log": "said",
        "system-err.log": "warned",
        "suite-attributes.txt": "--- a / b ---\nname=b\n--- a ---\nname=a",
    }


def test_a_suite_without_a_name_has_no_heading() -> None:
    """There is nothing that it could say."""
    assert texts(read("<testsuites>said</testsuites>").run.artifacts) == {"suite-texts.log": "said"}


def test_reports_in_a_report_are_suites() -> None:
    """Tools that merge reports put one ``testsuites`` into another: what the inner one says is kept."""
    report = read(
        '<testsuites><testsuites name="a" time="3" hostname="ci-1"><testsuite name="b" time="1">'
        '<testcase name="t"/></testsuite></testsuites></testsuites>'
    )
    assert (report.result.metadata["suites"], report.run.duration) == (["a", "b"], 3.0)
    assert report.result.metadata["suite"] == {"hostname": "ci-1"}


def test_what_the_root_says_is_under_its_name() -> None:
    """It is in no suite; its attributes belong to the run alone."""
    report = read(
        '<testsuites name="all" id="7">said<testsuite name="a">too<testcase/></testsuite></testsuites>'
    )
    assert texts(report.run.artifacts) == {"suite-texts.log": "--- a ---\ntoo\n--- all ---\nsaid"}
    assert "suite" not in report.result.metadata


def test_layout_between_cases_is_not_text() -> None:
    """Whitespace that makes a report pretty is kept nowhere, nor is an element that holds nothing else."""
    report = read(
        "<testsuites>\n <testsuite>\n  <group>\n <testcase>\n  </testcase>\n </group>\n"
        " </testsuite>\n</testsuites>"
    )
    assert texts(report.run.artifacts) == {}
    assert "text" not in report.result.metadata
