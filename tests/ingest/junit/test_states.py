"""Check which state the children and attributes of a case give it."""

from __future__ import annotations

import pytest

from tests.ingest.junit.reports import read_case, texts


@pytest.mark.parametrize(
    ("children", "state"),
    [
        ("", "passed"),
        ("<failure/>", "failed"),
        ("<error/>", "error"),
        ("<failure/><error/>", "error"),
        ("<error/><failure/>", "error"),
        ("<skipped/>", "skipped"),
        ("<skip/>", "skipped"),
        ("<ignored/>", "skipped"),
        ("<todo/>", "skipped"),
        ("<skipped/><failure/>", "failed"),
        ('<skipped type="pytest.skip"/>', "skipped"),
        ('<skipped type="pytest.xfail"/>', "xfailed"),
        ('<skipped type="PyTest.XFail"/>', "xfailed"),
        ('<skipped type="XFAIL"/>', "xfailed"),
        ("<xfailure/>", "xfailed"),
        ("<xpassed/>", "xpassed"),
        ('<skipped type="pytest.xpass"/>', "xpassed"),
        ('<skipped type="xpass"/>', "xpassed"),
        ("<rerunFailure/>", "failed"),
        ("<rerunError/>", "error"),
        ("<failure/><rerunFailure/><rerunFailure/>", "failed"),
        ("<flakyFailure/>", "passed"),
        ("<flakyError/><flakyFailure/>", "passed"),
        ("<system-out>FAILED</system-out>", "passed"),
        ("<output><failure/></output>", "passed"),
    ],
)
def test_the_children_of_a_case_tell_its_state(children: str, state: str) -> None:
    """Errors come before failures, failures before skips; a case without such a child has passed."""
    assert read_case(children).result == state


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("disabled", "skipped"),
        ("notrun", "skipped"),
        ("suppressed", "skipped"),
        ("skipped", "skipped"),
        ("ignored", "skipped"),
        ("pending", "skipped"),
        ("inconclusive", "skipped"),
        ("todo", "skipped"),
        (" Not_Run ", "skipped"),
        ("failed", "failed"),
        ("Failure", "failed"),
        ("ERROR", "error"),
        ("xfail", "xfailed"),
        ("xpass", "xpassed"),
        ("warning", "passed"),
        ("run", "passed"),
        ("completed", "passed"),
        ("", "passed"),
    ],
)
@pytest.mark.parametrize("attribute", ["status", "result"])
def test_an_attribute_can_say_the_state(attribute: str, word: str, state: str) -> None:
    """Where no child says it, ``status`` or ``result`` does; a word that is not known is a pass."""
    result = read_case(attributes=f'name="a" {attribute}="{word}"')
    assert (result.result, result.metadata[attribute]) == (state, word)


@pytest.mark.parametrize("words", ['status="run" result="failed"', 'status="failed" result="skipped"'])
def test_the_gravest_word_counts(words: str) -> None:
    """Two attributes may say different things: a failure is not covered by a skip or a run."""
    assert read_case(attributes=f'name="a" {words}').result == "failed"


def test_a_warning_is_a_pass() -> None:
    """What a tool only warns of is kept as it was written."""
    result = read_case("<warning>no assertions</warning>")
    assert result.result == "passed"
    assert texts(result.artifacts) == {"elements.xml": "<warning>no assertions</warning>"}


@pytest.mark.parametrize(
    ("children", "state"),
    [
        ('<skipped message="TEST_CASE tagged with !mayfail"/><failure message="1 == 2"/>', "xfailed"),
        ('<failure message="1 == 2"/><skipped message="TEST_CASE tagged with !mayfail"/>', "xfailed"),
        ("<skipped>tagged with !shouldfail</skipped><error>thrown</error>", "xfailed"),
        ('<skipped type="xfail"/><failure message="1 == 2"/>', "xfailed"),
        ('<skipped message="on Windows"/><failure message="1 == 2"/>', "failed"),
        ('<skipped message="TEST_CASE tagged with !mayfail"/>', "skipped"),
    ],
)
def test_a_failure_that_was_allowed_is_expected(children: str, state: str) -> None:
    """Catch2 writes ``skipped`` beside the failure of a test that may fail."""
    assert read_case(children).result == state


def test_the_traceback_of_an_expected_failure_is_kept() -> None:
    """What failed is told although it was allowed to."""
    result = read_case('<skipped message="!mayfail"/><failure type="CHECK">1 == 2</failure>')
    assert texts(result.artifacts) == {"traceback.log": "CHECK\n1 == 2"}
    assert (result.metadata["exception_name"], result.metadata["skip_reason"]) == ("CHECK", "!mayfail")


@pytest.mark.parametrize(("attribute", "flaky"), [("true", True), ("1", True), ("false", None)])
def test_a_tool_can_say_that_a_case_is_flaky(attribute: str, flaky: bool | None) -> None:
    """Flank says so in an attribute; the state is that of the last attempt."""
    result = read_case("<failure/>", f'name="a" flaky="{attribute}"')
    assert (result.result, result.metadata.get("flaky")) == ("failed", flaky)


def test_a_child_counts_more_than_an_attribute() -> None:
    """A case that failed is failed, even where an attribute calls it disabled."""
    assert read_case("<failure/>", 'name="a" status="disabled"').result == "failed"
    assert read_case("<flakyFailure/>", 'name="a" status="skipped"').result == "passed"


@pytest.mark.parametrize("child", ["flakyFailure", "flakyError"])
def test_a_pass_after_failures_is_marked_as_flaky(child: str) -> None:
    """The final pass counts; what went wrong before is kept in a file."""
    result = read_case(f'<{child} message="timed out">first trace</{child}>')
    assert result.metadata["flaky"] is True
    assert texts(result.artifacts) == {"flaky.log": f"--- attempt 1: {child} ---\ntimed out\nfirst trace"}


def test_a_failure_after_reruns_is_not_flaky() -> None:
    """Reruns belong to the final failure."""
    result = read_case("<failure>last</failure><rerunFailure>first</rerunFailure>")
    assert "flaky" not in result.metadata


@pytest.mark.parametrize(
    ("child", "metadata"),
    [
        ('<skipped message="not on Windows"/>', {"skip_reason": "not on Windows"}),
        ("<skipped>  not on Windows\n</skipped>", {"skip_reason": "not on Windows"}),
        (
            '<skipped type="pytest.skip" message="why">where</skipped>',
            {"skip_reason": "why", "skip_details": "where", "skip_type": "pytest.skip"},
        ),
        ('<xfailure message="bug 12"/>', {"skip_reason": "bug 12"}),
        ("<skipped/>", {}),
    ],
)
def test_the_reason_of_a_skip_is_kept(child: str, metadata: dict[str, str]) -> None:
    """Message, text and type of a skip go to the metadata; nothing is made up where they are missing."""
    found = {key: value for key, value in read_case(child).metadata.items() if key.startswith("skip_")}
    assert found == metadata
