"""Check how durations and timestamps of uploaded files are read."""

from __future__ import annotations

import datetime as dt
import time

import pytest

from ibutsu_server.ingest.times import parse_seconds, parse_timestamp


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0.25", 0.25),
        ("1,234.5", 1234.5),
        ("1,234,567.8", 1234567.8),
        ("1,234,567", 1234567.0),
        ("1.234,5", 1234.5),
        ("0,25", 0.25),
        (",5", 0.5),
        ("3.2s", 3.2),
        ("3 sec", 3.0),
        ("250 ms", 0.25),
        ("1.5e-05", 1.5e-05),
        ("1,5E3", 1500.0),
        (" 2 ", 2.0),
        ("-2", -2.0),
    ],
)
def test_a_duration_is_read_in_every_notation(text: str, seconds: float) -> None:
    """Thousands marks, decimal commas, exponents, blanks and units give the seconds they mean."""
    assert parse_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    ["", " ", "NaN", "Infinity", "-inf", "1e400", "1e400s", "words", "1_0", "1:02:03", "--2", "2 apples"],
)
def test_what_is_no_finite_number_is_no_duration(text: str) -> None:
    """Empty, not finite or in words: there is no duration, and none is made up."""
    assert parse_seconds(text) is None


def test_a_long_text_is_no_duration() -> None:
    """A hundred characters are the most."""
    assert parse_seconds("1".zfill(100)) == 1.0
    assert parse_seconds("1".zfill(101)) is None


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05T10:11:12",
        "2024-03-05T10:11:12Z",
        "2024-03-05 10:11:12 UTC",
        "2024-03-05T12:11:12+02:00",
        "2024-03-05 12:11:12 +0200",
        "2024-03-05T05:11:12-05:00",
        "2024-03-05T11:11:12+01:00[Europe/Prague]",
        "20240305T101112Z",
        "2024/03/05 10:11:12",
        "2024:03:05 10:11:12",
        "Tue, 05 Mar 2024 10:11:12 GMT",
        "Tue, 5 Mar 2024 12:11:12 +0200",
        "Tue Mar  5 10:11:12 2024",
        "Tue Mar 05 2024 11:11:12 GMT+0100 (Central European Standard Time)",
        "2024-03-05T11:11:12 CET",
        "2024-03-05 12:11:12 CEST",
        "2024-03-05 05:11:12 EST",
        "2024-03-05 19:11:12 JST",
        "2024-03-05T12:11:12 (CEST)",
        "2024-03-05T12:11:12[CEST]",
        "2024-03-05T10:11:12 []",
        "2024-03-05 12:11:12 +0200 (EST)",
        "2024-03-05 12:11:12 MESZ",
        "2024-03-05 15:41:12 IST",
        "2024-03-05 12:11:12 GMT+02:00",
        "2024-03-05 12:11:12 GMT+2",
        "2024-03-05t12:11:12 gmt+2",
        "2024-03-05 15:41:12 GMT+05:30",
        "2024-03-05 05:11:12 -0500",
        "Tue, 5 Mar 2024 05:11:12 -0500",
        "2024-03-05T10:11:12" + " " * 80 + "Z",
        "2024-03-05 12:11:12.000 +0200 CEST m=+0.013",
        "Tue Mar 05 12:11:12 CEST 2024",
        "Tue Mar 05 05:11:12 EST 2024",
        "Tue Mar  5 10:11:12 UTC 2024",
        "Tue, 05 Mar 2024 12:11:12 GMT+02:00",
        "5 Mar 2024 10:11:12",
        "March 5, 2024 10:11:12",
        "1709633472",
        " 1709633472000 ",
        "1709633472000000",
        "1709633472000000000",
    ],
)
def test_a_timestamp_is_read_in_every_notation(text: str) -> None:
    """ISO 8601, RFC 2822, names of zones, dates with colons and epoch times give the same naive UTC."""
    assert parse_timestamp(text) == dt.datetime(2024, 3, 5, 10, 11, 12)  # noqa: DTZ001 - naive is UTC here


def test_the_zone_of_the_machine_does_not_matter() -> None:
    """A timestamp without a zone is in UTC wherever the worker runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        timestamp = parse_timestamp("2024-03-05T10:11:12")
    time.tzset()
    assert timestamp == dt.datetime(2024, 3, 5, 10, 11, 12)  # noqa: DTZ001 - naive is UTC here


@pytest.mark.parametrize("zeros", ["", "000", "000000", "000000000"])
def test_an_epoch_time_may_have_a_digit_less(zeros: str) -> None:
    """Until 2001 nine digits counted the seconds."""
    expected = dt.datetime(2001, 9, 9, 1, 46, 39)  # noqa: DTZ001 - naive is UTC here
    assert parse_timestamp(f"999999999{zeros}") == expected


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05T10:11:12,345",
        "2024-03-05T10:11:12.345000999Z",
        "1709633472.345",
        "2024:03:05 10:11:12.345",
        "2024:03:05 10:11:12.345000999",
    ],
)
def test_the_fraction_of_a_second_is_kept_to_the_microsecond(text: str) -> None:
    """A fraction may follow a comma or a point and have any number of digits."""
    timestamp = parse_timestamp(text)
    assert timestamp is not None
    assert timestamp.microsecond == 345_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "maybe",
        "May",
        "YYYY-MM-DDTHH:MM:SS",
        "2024-13-01T00:00:00",
        "2024-03-05T10:11:12+99:99",
        "\uff12024-03-05T10:11:12",
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00+02:00",
        "9999-12-31T23:59:59-05:00",
        "May 99999999999999999999 10:00:00 1",
        "12",
        "0",
        "2024-03-05T10:11:12 XYZT",
        "Tue Mar 05 10:11:12 XYZT 2024",
        "Tue Mar 05 10:11:12 PM 2024",
        "2024-03-05T10:11:12" + " " * 81 + "Z",
    ],
)
def test_what_is_not_a_timestamp_is_none(text: str) -> None:
    """Words, impossible dates, zones that are not known and times outside of the calendar give none."""
    assert parse_timestamp(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "1970-01-01T00:00:00",
        "1970-01-01T01:00:00+01:00",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "1601-01-01 00:00:00",
        "1989-12-31T23:59:59Z",
        "9999-12-31T23:59:59",
        "2999-01-01",
    ],
)
def test_a_placeholder_is_not_a_timestamp(text: str) -> None:
    """Times before 1990 and in the far future are what tools write where they have none."""
    assert parse_timestamp(text) is None


@pytest.mark.parametrize(("hours", "is_read"), [(-1, True), (23, True), (25, False)])
def test_a_clock_may_be_ahead_by_a_day(hours: int, is_read: bool) -> None:
    """A machine whose clock or zone is wrong still says when a test ran."""
    timestamp = dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)
    assert (parse_timestamp(timestamp.isoformat()) is not None) == is_read


def test_the_first_year_is_read() -> None:
    """The year 1990 is the first that is taken for a time."""
    assert parse_timestamp("1990-01-01T00:00:00") == dt.datetime(1990, 1, 1)  # noqa: DTZ001 - naive is UTC
