"""Check durations and starts of results and of the run."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.ingest.junit.reports import read, read_case


@pytest.mark.parametrize(
    ("attributes", "seconds"),
    [
        ('time="0.25"', 0.25),
        ('time="1,234.5"', 1234.5),
        ('time="0,25"', 0.25),
        ('time="3.2s"', 3.2),
        ('time="1.5e-05"', 1.5e-05),
        ('time=" 2 "', 2.0),
        ('duration="0.5"', 0.5),
        ('time="" duration="0.5"', 0.5),
    ],
)
def test_a_duration_is_read_as_tools_write_it(attributes: str, seconds: float) -> None:
    """Thousands marks, decimal commas, units, exponents and blanks are all read as numbers."""
    assert read_case(attributes=f'name="a" {attributes}').duration == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "NaN", "Infinity", "a while"])
def test_what_is_no_number_is_no_time_and_is_kept_as_it_was(text: str) -> None:
    """A case whose time cannot be read has none; its attribute stays in the metadata."""
    result = read_case(attributes=f'name="a" time="{text}"')
    assert result.duration is None
    assert result.metadata["time"] == text


@pytest.mark.parametrize(
    ("own", "suite", "root", "hour"),
    [
        ("2024-03-05T03:00:00Z", "2024-03-05T02:00:00Z", "2024-03-05T01:00:00Z", 3),
        (None, "2024-03-05T02:00:00Z", "2024-03-05T01:00:00Z", 2),
        (None, None, "2024-03-05T01:00:00Z", 1),
        ("soon", "later", "2024-03-05T01:00:00Z", 1),
        ("1970-01-01T00:00:00", "2024-03-05T02:00:00Z", None, 2),
        ("2024-03-05T02:00:00", "1970-01-01T00:00:00", "1970-01-01T00:00:00", 2),
        (None, "Tue, 05 Mar 2024 04:00:00 +0200", None, 2),
        (None, "2024:03:05 02:00:00", None, 2),
        ("2024-03-05T02:00:00,123", None, None, 2),
        ("1709604000", None, None, 2),
        (None, None, None, None),
    ],
)
def test_a_case_starts_by_the_nearest_timestamp(
    own: str | None, suite: str | None, root: str | None, hour: int | None
) -> None:
    """A case's own timestamp comes first, then its suite's, then the root's; a start is naive UTC."""
    written = [f'timestamp="{stamp}"' if stamp else "" for stamp in (own, suite, root)]
    start = read(
        f"<testsuites {written[2]}><testsuite {written[1]}><testsuite>"
        f"<testcase {written[0]}/></testsuite></testsuite></testsuites>"
    ).result.start_time
    assert (start.hour if start else None) == hour
    assert start is None or start.tzinfo is None


@pytest.mark.parametrize(
    ("report", "start"),
    [
        (
            '<testsuites timestamp="2024-01-01T00:00:07">'
            '<testsuite timestamp="2024-01-01T00:00:05"/></testsuites>',
            dt.datetime(2024, 1, 1, 0, 0, 7),  # noqa: DTZ001 - naive is UTC here
        ),
        (
            '<testsuites><testsuite timestamp="2024-01-01T00:00:09"/>'
            '<testsuite timestamp="2024-01-01T00:00:05"/></testsuites>',
            dt.datetime(2024, 1, 1, 0, 0, 5),  # noqa: DTZ001 - naive is UTC here
        ),
        (
            '<testsuites><testsuite timestamp="2024-01-01T00:00:05"/>'
            '<testsuite timestamp="2024-01-01T00:00:09"/></testsuites>',
            dt.datetime(2024, 1, 1, 0, 0, 5),  # noqa: DTZ001 - naive is UTC here
        ),
        (
            '<testsuite><testcase timestamp="2024-01-01T00:00:09"/>'
            '<testcase timestamp="2024-01-01T00:00:05"/></testsuite>',
            dt.datetime(2024, 1, 1, 0, 0, 5),  # noqa: DTZ001 - naive is UTC here
        ),
        ("<testsuites><testsuite><testcase/></testsuite></testsuites>", None),
    ],
)
def test_the_run_starts_with_its_root_or_its_earliest_part(report: str, start: dt.datetime | None) -> None:
    """The root says when the run started; where it does not, the earliest suite or case does."""
    assert read(report).run.start_time == start


@pytest.mark.parametrize(
    ("report", "seconds"),
    [
        ('<testsuites time="9"><testsuite time="2"><testcase time="1"/></testsuite></testsuites>', 9),
        (
            '<testsuites><testsuite time="2"><testcase time="1"/><testsuite time="1"/></testsuite>'
            '<testsuite time="3"/></testsuites>',
            5,
        ),
        ('<testsuites time="long"><testsuite time="2"/></testsuites>', 2),
        ('<testsuite><testcase time="1"/><testcase time="0,5"/><testcase time="?"/></testsuite>', 1.5),
        ('<testcase time="4"/>', 4),
        ("<testsuites/>", 0),
    ],
)
def test_the_run_lasts_as_its_root_its_suites_or_its_cases_say(report: str, seconds: float) -> None:
    """The root's time counts; without one the sum of the top suites, without these the sum of the cases."""
    assert read(report).run.duration == pytest.approx(seconds)


def test_a_suite_that_did_not_load_does_not_make_the_run_old() -> None:
    """A placeholder is kept as text; the run starts with the earliest time there is."""
    report = read(
        '<testsuites><testsuite name="a" timestamp="1970-01-01T00:00:00"><testcase/></testsuite>'
        '<testsuite timestamp="2024-03-05T10:00:00"><testcase/></testsuite></testsuites>'
    )
    assert report.run.start_time is not None
    assert report.run.start_time.year == 2024
    assert report.results[0].start_time is None
    assert report.results[0].metadata["suite"] == {"timestamp": "1970-01-01T00:00:00"}


def test_times_too_large_for_a_sum_give_no_duration() -> None:
    """A sum that is no finite number is no duration of the run."""
    report = read('<testsuite><testcase time="1e308"/><testcase time="1e308"/></testsuite>')
    assert report.run.duration is None


def test_counts_that_a_suite_claims_are_not_believed() -> None:
    """The numbers in ``tests=`` and its kin are neither checked nor kept: the rows are counted."""
    report = read(
        '<testsuites tests="9" failures="x" errors="-1" skipped=""><testsuite tests="7">'
        "<testcase/></testsuite></testsuites>"
    )
    assert report.states == ["passed"]
    assert report.run.metadata == {}
    assert "suite" not in report.result.metadata
