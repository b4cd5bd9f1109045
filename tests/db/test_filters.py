"""Show what each operator finds in each kind of field, on both databases, and what a filter cannot say."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from ibutsu_server.db import db
from ibutsu_server.db.conditions import compile_filter
from ibutsu_server.db.filters import MAX_FILTER_LENGTH, Filter, FilterError, Operator
from ibutsu_server.db.models import Project, Result, Run
from ibutsu_server.db.pages import Page, PageQuery
from ibutsu_server.db.patterns import MAX_PATTERN_LENGTH
from ibutsu_server.db.types import utc_now
from tests.db.rows import make_run, stored

if TYPE_CHECKING:
    from flask import Flask

    from ibutsu_server.db.conditions import Model

PROJECT = "3d4a5f44-3d0c-4d5e-9a53-5f2f6c1f0a11"
OTHER_PROJECT = "3d4a5f44-3d0c-4d5e-9a53-5f2f6c1f0a12"


def named(model: Model, *filters: str) -> str:
    """Give the letters of the rows that meet all filters, in the order of the alphabet."""
    conditions = [compile_filter(Filter.parse(each), model) for each in filters]
    rows = Page.fetch(PageQuery(model, conditions, 1, 100), estimate=False, max_bytes=10**6).rows
    return "".join(sorted(row["component"] for row in rows))


def check(model: Model, expected: dict[str, str]) -> None:
    """Compare what each filter finds with what it should."""
    assert {each: named(model, each) for each in expected} == expected


def stored_results(**columns: Any) -> None:
    """Store results a, b, c and so on, each with its value in the columns."""
    run = make_run()
    length = max(len(values) for values in columns.values())
    rows = [
        Result(run_id=run.id, component="abcdef"[n], **{name: values[n] for name, values in columns.items()})
        for n in range(length)
    ]
    stored(Project(id=PROJECT, name="one"), Project(id=OTHER_PROJECT, name="other"), run, *rows)


def test_text_is_compared_as_it_is(app: Flask) -> None:
    """A row without the text is found by nothing but the question whether it is there."""
    stored_results(test_id=["Alpha", "beta", "100%_off", None, ""])
    check(
        Result,
        {
            "test_id=beta": "b",
            "test_id = beta ": "b",
            "test_id=BETA": "",
            "test_id=": "e",
            "test_id!beta": "ace",
            "test_id>beta": "",
            "test_id>=beta": "b",
            "test_id)beta": "b",
            "test_id<1": "e",
            "test_id<=": "e",
            "test_id(": "e",
            "test_id*beta; Alpha;;beta": "ab",
            "test_id%ET": "b",
            "test_id%%": "c",
            "test_id%_": "c",
            "test_id~^[Ab]": "ab",
            "test_id~^a": "",
            "test_id~(?i)^a": "a",
            "test_id@y": "abce",
            "test_id@True": "abce",
            "test_id@1": "abce",
            "test_id@no": "d",
            "test_id@": "d",
        },
    )


def test_quotes_around_a_value_do_not_count(app: Flask) -> None:
    """A pair of quotes is stripped; quotes that belong to the text are written inside of the other kind."""
    stored_results(test_id=["beta", '"beta"', "it's", " beta", "'"])
    check(
        Result,
        {
            'test_id="beta"': "a",
            "test_id = 'beta' ": "a",
            "test_id='\"beta\"'": "b",
            'test_id="it\'s"': "c",
            "test_id=it's": "c",
            'test_id=" beta"': "d",
            "test_id='": "e",
            'test_id*"beta"; \'it\'s\';" beta"': "ad",
            'test_id*"beta;it\'s"': "ac",
            'test_id~"^b"': "a",
            "test_id%'ETA\"'": "b",
        },
    )


def test_numbers_are_compared_as_numbers(app: Flask) -> None:
    """Ten is more than nine, and the digits can be searched as text."""
    stored_results(duration=[9.0, 10.5, None, 0.25])
    check(
        Result,
        {
            "duration=9": "a",
            "duration!9": "bd",
            "duration>9": "b",
            "duration<9.0": "d",
            "duration>=9": "ab",
            "duration(9e0": "ad",
            "duration*9; 0.25": "ad",
            "duration%.5": "b",
            "duration~^0": "d",
            "duration@1": "abd",
            "duration@n": "c",
        },
    )


def test_times_are_iso_8601_or_seconds(app: Flask) -> None:
    """A start time is written with an offset or in UTC, as a date, or as seconds since 1970."""
    stored_results(start_time=[dt.datetime(2026, 3, day, hour=12, tzinfo=dt.UTC) for day in (1, 2)])
    check(
        Result,
        {
            "start_time=2026-03-01T12:00:00": "a",
            "start_time=2026-03-01T14:00:00+02:00": "a",
            "start_time=2026-03-01 12:00": "a",
            "start_time=1772366400": "a",
            "start_time>1772366400.5": "b",
            "start_time<20260302": "a",
            "start_time!2026-03-01T12:00:00Z": "b",
            "start_time)2026-03-01T12:00:00Z": "ab",
            "start_time*2026-03-01T12:00:00Z;1772452800": "ab",
            "start_time%03-02": "b",
            "start_time~2026-03-0[1]": "a",
            "start_time@t": "ab",
        },
    )


def test_ids_are_compared_as_uuids(app: Flask) -> None:
    """How the digits are written does not matter."""
    stored_results(project_id=[PROJECT, OTHER_PROJECT, None])
    check(
        Result,
        {
            f"project_id={PROJECT.upper()}": "a",
            f"project_id={{{PROJECT}}}": "a",
            f"project_id={PROJECT.replace('-', '')}": "a",
            f"project_id!{PROJECT}": "b",
            f"project_id*{PROJECT};{OTHER_PROJECT}": "ab",
            f"project_id*{PROJECT};": "a",
            f'project_id="{PROJECT}"': "a",
            f"project_id*'{PROJECT}';\"{OTHER_PROJECT}\"": "ab",
            f"project_id>={OTHER_PROJECT}": "b",
            f"project_id>{PROJECT}": "b",
            f"project_id<={PROJECT.upper()}": "a",
            f"project_id<{PROJECT}": "",
            "project_id@y": "ab",
            "project_id@n": "c",
        },
    )


def test_ids_can_be_searched_as_text(app: Flask) -> None:
    """The text of an id is in lower case and has hyphens, whatever way the database stores it."""
    stored_results(project_id=[PROJECT, OTHER_PROJECT, None])
    check(
        Result,
        {
            "project_id%F5344-3D": "",
            "project_id%F44-3D0C-4D5E-9A53-5F2F6C1F0A1": "ab",
            f"project_id~^{PROJECT}$": "a",
            "project_id~2$": "b",
            "project_id~F": "",
        },
    )


def test_times_can_be_words(app: Flask) -> None:
    """A day is named by its relation to today, in UTC."""
    midnight = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
    days = [midnight + dt.timedelta(days=days) for days in (-1, 0, 1)]
    stored_results(start_time=[*days, utc_now() + dt.timedelta(hours=1)])
    check(
        Result,
        {
            "start_time=yesterday": "a",
            "start_time='Today'": "b",
            "start_time=tomorrow": "c",
            "start_time*yesterday;tomorrow": "ac",
            "start_time(now": "ab",
        },
    )


@pytest.mark.parametrize("database_uri", ["postgresql"], indirect=True)
def test_times_can_be_what_postgresql_reads(app: Flask) -> None:
    """Zone names, month names and what lies outside of the calendar, whatever zone the server is in."""
    db.session.execute(text("SET TIME ZONE 'Asia/Tokyo'"))
    db.session.commit()
    stored_results(start_time=[dt.datetime(2026, 3, day, hour=12, tzinfo=dt.UTC) for day in (1, 2)])
    check(
        Result,
        {
            "start_time=2026-03-01 13:00 CET": "a",
            "start_time=March 2, 2026 12:00": "b",
            "start_time>2026-03-01 24:00": "b",
            "start_time<infinity": "ab",
            "start_time>-infinity": "ab",
            "start_time<-infinity": "",
            "start_time>0044-03-15 BC": "ab",
            "start_time>0001-01-01T00:00:00+14:00": "ab",
        },
    )


def test_paths_in_metadata_are_compared_as_text(app: Flask) -> None:
    """``metadata`` and ``data`` are names of one column; numbers and truth values are as JSON writes them."""
    stored_results(
        data=[
            {"jenkins": {"job_name": "nightly", "build_number": 7}, "flag": True, "caf\u00e9": "cr\u00e8me"},
            {"jenkins": {"job_name": "weekly", "build_number": "8"}, "flag": False, "a.b": "no path"},
            {"jenkins": None},
            None,
        ]
    )
    check(
        Result,
        {
            "metadata.jenkins.job_name=nightly": "a",
            "data.jenkins.job_name=nightly": "a",
            "metadata.jenkins.job_name!nightly": "b",
            "metadata.jenkins.job_name>nightly": "b",
            "metadata.jenkins.job_name*nightly;weekly": "ab",
            "metadata.jenkins.job_name%NIGHT": "a",
            "metadata.jenkins.job_name~ly$": "ab",
            "metadata.jenkins.build_number=7": "a",
            "metadata.jenkins.build_number=8": "b",
            "metadata.flag=true": "a",
            "metadata.flag=false": "b",
            "metadata.caf\u00e9=cr\u00e8me": "a",
            "metadata.jenkins@y": "ab",
            "metadata.jenkins@n": "cd",
            "metadata.a.b@y": "",
        },
    )


def test_lists_are_asked_for_an_element(app: Flask) -> None:
    """Any element that meets the operator will do; ``!`` finds the lists that have no such element."""
    stored_results(
        data=[{"tags": ["fast", "ui", "\u00fcber"]}, {"tags": ["slow", "fa,st", 7]}, {"tags": []}, {}, None]
    )
    check(
        Result,
        {
            "metadata.tags=fast": "a",
            "metadata.tags=fas": "",
            "metadata.tags!fast": "bc",
            "metadata.tags*slow;ui": "ab",
            "metadata.tags%AS": "a",
            "metadata.tags%\u00fcb": "a",
            'metadata.tags%"': "",
            "metadata.tags%,": "b",
            "metadata.tags%'\",\"'": "",
            "metadata.tags~^u": "a",
            "metadata.tags~^7$": "b",
            "metadata.tags@y": "abc",
            "metadata.tags@n": "de",
        },
    )


def test_lists_that_are_none_make_no_query_fail(app: Flask) -> None:
    """What old data holds in place of a list is compared as one element, or not at all."""
    stored_results(
        data=[{"tags": "fast"}, {"markers": {"name": "slow"}}, {"annotations": [{"type": "issue"}]}]
    )
    check(
        Result,
        {
            "metadata.tags=fast": "a",
            "metadata.tags%AS": "a",
            "metadata.annotations%issue": "c",
            "metadata.markers~slow": "b",
        },
    )


def test_counts_of_a_summary_are_compared_as_numbers(app: Flask) -> None:
    """Runs without the count, or with something else in its place, are found by no comparison."""
    odd: list[Any] = [{}, None, [1], "10", *({"tests": value} for value in (None, "10", [1], True))]
    summaries = [{"tests": 9, "pass_percent": 66}, {"tests": 10}, *odd]
    stored(*(make_run(component="abcdefghij"[n], summary=summary) for n, summary in enumerate(summaries)))
    check(
        Run,
        {
            "summary.tests>9": "b",
            "summary.tests)9": "ab",
            "summary.tests<10": "a",
            "summary.tests=10.0": "b",
            "summary.tests!10": "a",
            "summary.tests*10;9;8": "ab",
            "summary.tests(10": "ab",
            "summary.tests%0": "bh",
            "summary.tests~^9$": "a",
            "summary.tests@n": "cdefg",
            "summary.pass_percent@y": "a",
            "summary.pass_percent<=66": "a",
        },
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("result", "'result' is not a filter: write a field, one of = ! > < >= <= ~ * % @, and a value"),
        ("=failed", "'=failed' is not a filter: write a field"),
        ("a b=failed", "'a b=failed' is not a filter: write a field"),
        ("", "'' is not a filter: write a field"),
        (None, "a value of the type NoneType is not a filter: write text"),
        (["result=failed"], "a value of the type list is not a filter"),
        ("result=\0", "'result=\\x00' is not a filter: write at most"),
        ("result=\ud800", "is not a filter: write at most"),
        (f"result={'x' * MAX_FILTER_LENGTH}", "is not a filter: write at most"),
        ("result!=failed", "'result!=failed' is not a filter: '!=' is not an operator; did you mean '!'?"),
        ("result==failed", "'==' is not an operator; did you mean '='?"),
    ],
)
def test_text_that_is_not_a_filter_is_named(text: Any, told: str) -> None:
    """The message repeats the text, as far as it is short, and says what to write."""
    with pytest.raises(FilterError) as caught:
        Filter.parse(text)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("value", ['"beta', 'beta"', "'beta\"", '"', '"a"b"'])
def test_quotes_that_are_no_pair_belong_to_the_value(value: str) -> None:
    """Nothing is stripped from a value that only begins or ends with a quote."""
    assert Filter.parse(f"test_id={value}").value == value


def test_the_longest_filter_is_read() -> None:
    """A message repeats its first hundred characters."""
    longest = Filter.parse("result=".ljust(MAX_FILTER_LENGTH, "x"))
    assert len(longest.value) == MAX_FILTER_LENGTH - len("result=")
    assert str(longest) == repr("result=".ljust(100, "x") + "...")
    assert str(Filter.parse("result=".ljust(100, "x"))) == repr("result=".ljust(100, "x"))


def test_a_long_operator_is_the_same_as_its_short_form() -> None:
    """``>=`` is ``)`` and ``<=`` is ``(``."""
    assert (
        Filter.parse("duration>=1")
        == Filter.parse("duration)1")
        == Filter("duration", Operator.AT_LEAST, "1")
    )
    assert (
        Filter.parse("duration<=1") == Filter.parse("duration(1") == Filter("duration", Operator.AT_MOST, "1")
    )


def test_filters_that_do_not_fit_the_tables_are_told(app: Flask) -> None:
    """The message holds the filter, what is wrong with it, and what to write instead."""
    told = {
        "reslt=failed": "'reslt=failed': 'reslt' is not a field of results; did you mean 'result'?",
        "summary.tests=3": "'summary.tests' is not a field of results; use one of",
        "metadata=x": "'metadata' is not a field of results; did you mean 'metadata.<path>'?",
        "metadata..x=1": "'metadata..x' is not a field of results",
        f"metadata{'.x' * 101}=1": "a path has at most 100 names, not 101",
        "_sa_registry=1": "'_sa_registry' is not a field of results",
        "run.env=stage": "'run.env' is not a field of results",
        "duration>long": "the field holds a number, and 'long' is not one; write one such as 2.5",
        "duration=nan": "the field holds a number, and 'nan' is not one",
        "start_time>soon": "'soon' is not a time; write 2026-03-01T12:00:00 or seconds since 1970",
        "start_time>99999999999999": "is not a time",
        "start_time>2026-02-30": "is not a time",
        "run_id=7": "'7' is not a UUID; write all 32 digits of the id",
        'run_id=""': "'' is not a UUID",
        "run_id~": "an empty text is part of every id; write a part of one",
        "run_id%''": "an empty text is part of every id; write a part of one",
        "run_id>=7": "'run_id>=7': '7' is not a UUID",
        "run_id)7": "'run_id>=7': '7' is not a UUID",
        "run_id<=7": "'run_id<=7': '7' is not a UUID",
        "run_id<7": "'run_id<7': '7' is not a UUID",
        "run_id=7;": "'7;' is not a UUID",
        "run_id*": "a list has at least one value; write values separated by ';'",
        f"run_id*{PROJECT};mine": "'mine' is not a UUID",
        "metadata.tags>a": "the field holds a list; use one of = ! ~ * % @",
        "result*;": "a list has at least one value",
        "test_id~(": "the regular expression cannot be used (",
        "test_id~(a{1,255}){1,129}": "the regular expression cannot be used (",
        f"test_id~{'x' * 9999}": f"has at most {MAX_PATTERN_LENGTH:,} characters, not 9,999",
        f"test_id~{'(' * 900}": "the regular expression cannot be used (",
    }
    for filter_, message in told.items():
        with pytest.raises(FilterError) as caught:
            compile_filter(Filter.parse(filter_), Result)
        assert message in str(caught.value)
