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
        ("<skipped/><failure/>", "failed"),
        ('<skipped type="pytest.skip"/>', "skipped"),
        ('<skipped type="pytest.xfail"/>', "xfailed"),
        ('<skipped type="PyTest.XFail"/>', "xfailed"),
        ('<skipped type="XFAIL"/>', "xfailed"),
        ("<xfailure/>", "xfailed"),
        ("<xpassed/>", "xpassed"),
        ('<skipped type="pytest.xpass"/>', "xpassed"),
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
    "word", ["disabled", "notrun", "suppressed", "skipped", "ignored", "pending", " NotRun "]
)
@pytest.mark.parametrize("attribute", ["status", "result"])
def test_an_attribute_can_say_that_a_case_was_skipped(attribute: str, word: str) -> None:
    """Tools that write no child for a skipped case say it in ``status`` or ``result``."""
    assert read_case(attributes=f'name="a" {attribute}="{word}"').result == "skipped"


@pytest.mark.parametrize("word", ["run", "completed", "passed", "failed", ""])
def test_other_words_of_an_attribute_change_no_state(word: str) -> None:
    """Only the words for skipped cases count; failures have a child in every dialect."""
    assert read_case(attributes=f'name="a" status="{word}"').result == "passed"


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
