"""Check how a case gets its test id, and what else tells two cases apart."""

from __future__ import annotations

import pytest

from tests.ingest.junit.reports import read, read_case


@pytest.mark.parametrize(
    ("attributes", "test_id"),
    [
        ('classname="shop.test_cart.TestCart" name="test_total[1.5]"', "TestCart.test_total[1.5]"),
        ('classname="TestCart" name="test_total"', "TestCart.test_total"),
        ('class="shop.TestCart" name="test_total"', "TestCart.test_total"),
        ('classname="" class="shop.TestCart" name="test_total"', "TestCart.test_total"),
        ('name="adds 1.5 and 2"', "adds 1.5 and 2"),
        ('classname="" name="adds"', "adds"),
        ('classname="shop.TestCart"', "TestCart"),
        ('classname="Scenario: it works." name="Then"', "Scenario: it works.Then"),
        ('classname="a.B" name="&lt;&quot;Größe&quot;&gt; &amp; 日本"', 'B.<"Größe"> & 日本'),
        ("", ""),
    ],
)
def test_the_test_id_is_the_last_part_of_the_class_and_the_whole_name(attributes: str, test_id: str) -> None:
    """A dot in the name splits nothing; without a class the name stands alone."""
    assert read_case(attributes=attributes).test_id == test_id


def test_what_tells_cases_apart_is_kept_whole() -> None:
    """Class, name, suites, file and line are in the metadata, and so is every attribute without a column."""
    report = read(
        '<testsuites name="all"><testsuite name="outer" file="t.py" hostname="ci-1"><testsuite name="inner">'
        '<testcase classname="a.b.C" name="t" file="u.py" line="7" id="x-1" assertions="3" status="run"/>'
        '<testcase classname="a.b.C" name="t" lineno="9"/>'
        "</testsuite></testsuite></testsuites>"
    )
    first, second = (result.metadata for result in report.results)
    assert first == {
        "run": report.run.id,
        "suites": ["outer", "inner"],
        "suite": {"file": "t.py", "hostname": "ci-1"},
        "classname": "a.b.C",
        "name": "t",
        "fspath": "u.py",
        "line": "7",
        "id": "x-1",
        "assertions": "3",
        "status": "run",
    }
    assert (second["fspath"], second["line"]) == ("t.py", "9")


def test_an_attribute_never_takes_a_key_of_ours() -> None:
    """An attribute that is called like a key the import fills is kept under ``attributes``."""
    metadata = read_case(attributes='name="a" run="7" flaky="no" short_tb="x"').metadata
    assert metadata["run"] != "7"
    assert "flaky" not in metadata
    assert metadata["attributes"] == {"run": "7", "flaky": "no", "short_tb": "x"}


def test_text_in_the_case_itself_is_kept() -> None:
    """A text that stands beside the children of a case goes to the metadata."""
    assert read_case("\n seed 42 <failure/>\n").metadata["text"] == "seed 42"
