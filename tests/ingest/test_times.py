"""Check how durations and timestamps of uploaded files are read."""

from __future__ import annotations

import datetime as dt

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
        "1709633472",
        " 1709633472000 ",
    ],
)
def test_a_moment_is_read_in_every_notation(text: str) -> None:
    """ISO 8601, RFC 2822, dates with colons and epoch times all give the same naive UTC."""
    assert parse_timestamp(text) == dt.datetime(2024, 3, 5, 10, 11, 12)  # noqa: DTZ001 - naive is UTC here


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05T10:11:12,345",
        "2024-03-05T10:11:12.345000999Z",
        "1709633472.345",
        "2024:03:05 10:11:12.345",
    ],
)
def test_the_fraction_of_a_second_is_kept_to_the_microsecond(text: str) -> None:
    """A fraction may follow a comma or a point and have any number of digits."""
    moment = parse_timestamp(text)
    assert moment is not None
    assert moment.microsecond == 345_000


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
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00+02:00",
        "9999-12-31T23:59:59-05:00",
        "May 99999999999999999999 10:00:00 1",
        "12",
        "0",
    ],
)
def test_what_names_no_moment_is_none(text: str) -> None:
    """Words, impossible dates, zero times and moments outside the calendar name no moment."""
    assert parse_timestamp(text) is None
