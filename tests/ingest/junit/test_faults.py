"""Check which exception a failure names, and which part of its traceback is the short one."""

from __future__ import annotations

import pytest

from tests.ingest.junit.reports import read_case, texts

PYTEST = """    def test_total():
>       assert total() == 2

cart.py:7:
_ _ _ _ _ _ _
    def total():
>       raise ValueError("no cart")
E       ValueError: no cart

cart.py:3: ValueError"""

COMPARISON = """    def test_total():
>       assert total() == 2
E       assert 1 == 2
E        +  where 1 = total()

cart.py:7: AssertionError"""

JAVA = """java.lang.IllegalStateException: no cart
\tat com.acme.Cart.total(Cart.java:7)
Caused by: com.acme.NoDatabaseException: refused
\tat com.acme.Database.open(Database.java:3)"""


@pytest.mark.parametrize(
    ("failure", "exception"),
    [
        ('<failure type="AssertionError" message="m">trace</failure>', "AssertionError"),
        ('<failure type="com.acme.Odd" message="ValueError: m"/>', "com.acme.Odd"),
        ('<failure message="ValueError: bad"/>', "ValueError"),
        (
            '<failure message="requests.exceptions.ConnectionError: refused"/>',
            "requests.exceptions.ConnectionError",
        ),
        ('<failure message="Failed: Timeout (&gt;1.0s)"/>', "Failed"),
        ('<failure message="Error: expected 1 to equal 2"/>', "Error"),
        ('<failure message="org.acme.Kaboom: x"/>', "org.acme.Kaboom"),
        ('<failure message="Minitest::Assertion: Expected 1"/>', "Minitest::Assertion"),
        ('<failure message="App\\Tests\\Oops: x"/>', "App\\Tests\\Oops"),
        ('<failure message="AssertionError [ERR_ASSERTION]: 1 == 2"/>', "AssertionError"),
        ('<failure message="Uncaught TypeError: x is undefined"/>', "TypeError"),
        ('<failure message="java.lang.NullPointerException"/>', "java.lang.NullPointerException"),
        (f"<error>{JAVA}</error>", "com.acme.NoDatabaseException"),
        (f"<failure>{PYTEST}</failure>", "ValueError"),
        (f'<failure message="assert 1 == 2">{COMPARISON}</failure>', "AssertionError"),
        (
            "<failure>Traceback (most recent call last):\n  x\nshop.Broken: y\nKeyError: 'z'\n</failure>",
            "KeyError",
        ),
        (
            "<failure>\n  x.py:3\n  > assert no\n  E assert no\n\n  x.py:3: AssertionError\n </failure>",
            "AssertionError",
        ),
        ('<failure message="System.DivideByZeroException : divided"/>', "System.DivideByZeroException"),
        (
            "<failure>\n   junit.framework.AssertionFailedError: x\n   at y</failure>",
            "junit.framework.AssertionFailedError",
        ),
        ('<failure message="assert 1 == 2"/>', None),
        ('<failure message="Failed"/>', None),
        ('<failure message="Failed">cart_test.go:7: refused</failure>', None),
        ("<failure>shop/test_cart.py:7: Kaboom</failure>", "Kaboom"),
        ('<failure message="Error in the setup"/>', None),
        ('<failure message="Expected: 1"/>', None),
        ("<failure>INFO shop.Cart: started\nshop.Cart: stopped</failure>", None),
        ("<failure/>", None),
    ],
)
def test_the_exception_is_named_where_the_file_tells_it(failure: str, exception: str | None) -> None:
    """The type comes first, then a name that the message begins with, then the last one of the traceback."""
    assert read_case(failure).metadata.get("exception_name") == exception


def test_the_first_failure_that_names_an_exception_does_so() -> None:
    """What the first one leaves open is taken from those behind it."""
    faults = '<error message="down"/><failure type="A">a</failure><failure type="B">b</failure>'
    metadata = read_case(faults).metadata
    assert (metadata["exception_name"], metadata["short_tb"]) == ("A", "down")
    metadata = read_case('<error type="E"/><failure type="A">a</failure>').metadata
    assert (metadata["exception_name"], "short_tb" in metadata) == ("E", False)


@pytest.mark.parametrize(
    ("failure", "short"),
    [
        ('<failure type="AssertionError" message="m">trace</failure>', "trace"),
        ('<failure message="ValueError: bad"/>', "ValueError: bad"),
        ('<failure message="m"> \n</failure>', "m"),
        (f"<failure>{PYTEST}</failure>", PYTEST),
        ("<failure/>", None),
    ],
)
def test_a_short_traceback_is_whole(failure: str, short: str | None) -> None:
    """It is the text, or the message where there is no text."""
    assert read_case(failure).metadata.get("short_tb") == short


def test_the_short_traceback_is_the_end_of_a_long_one() -> None:
    """A long text is in the file only; the metadata holds its last whole lines."""
    trace = "line of a trace\n" * 1000
    result = read_case(f"<failure>{trace}</failure>")
    assert result.metadata["short_tb"] == trace[-2000:]
    assert texts(result.artifacts)["traceback.log"] == trace
    assert read_case(f"<failure>{trace}x\n</failure>").metadata["short_tb"] == trace[-1984:] + "x\n"


LONG = "    def helper():\n" * 500


@pytest.mark.parametrize(
    ("text", "begins", "holds"),
    [
        (LONG + PYTEST, "    def helper", "E       ValueError: no cart\n\ncart.py:3: ValueError"),
        (PYTEST + "\n" + LONG, "E       ValueError: no cart\n\ncart.py:3: ValueError", "def helper"),
        (PYTEST + "\n" + LONG + COMPARISON, "    def helper", "E        +  where 1 = total()"),
        (
            LONG + "E       assert 1 == 2\n" + "E       and so on\n" * 500,
            "E       assert 1 == 2",
            "E       and",
        ),
        (JAVA + "\n\tat more" * 500, "Caused by: com.acme.NoDatabaseException: refused", "at more"),
        ("Error: no cart\n" + "    at helper\n" * 500, "Error: no cart\n", "at helper"),
        ("\n  a.Error: no cart\n" + "    at helper\n" * 500, "  a.Error: no cart\n", "at helper"),
        ("  E assert no\n" + "  x = 1\n" * 500, "  E assert no\n", "x = 1"),
        ("Error: no cart\n" + "    at helper\n" * 50_000, "Error: no cart\n", "at helper"),
        ("é" * 3000, "é", "é" * 2000),
    ],
)
def test_the_short_traceback_shows_the_error(text: str, begins: str, holds: str) -> None:
    """Its end does, unless the error stands before: then it begins there."""
    short = read_case(f"<failure>{text}</failure>").metadata["short_tb"]
    assert short.startswith(begins)
    assert holds in short
    assert len(short) <= 2000
