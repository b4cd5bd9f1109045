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
        ('classname="  " name="adds"', "adds"),
        ('classname="shop.TestCart"', "TestCart"),
        ('classname="Scenario: it works." name="Then"', "Scenario: it works.Then"),
        ('classname="a.B" name="&lt;&quot;Größe&quot;&gt; &amp; 日本"', 'B.<"Größe"> & 日本'),
        ('classname="e2e/login.spec.ts" name="logs in"', "e2e/login.spec.ts.logs in"),
        ('classname="e2e\\login" name="logs in"', "e2e\\login.logs in"),
        ('classname="com/acme/Foo" name="adds"', "com/acme/Foo.adds"),
        ('classname="github.com/acme/shop" name="TestTotal"', "github.com/acme/shop.TestTotal"),
        ('classname="suite.bats" name="adds"', "suite.bats.adds"),
        ('classname="main.tf.hcl" name="plan"', "main.tf.hcl.plan"),
        ('classname="playbook.yml:3" name="install"', "playbook.yml.install"),
        ('classname=":3" name="install"', ":3.install"),
        ('classname="shop.TestX" name="adds"', "TestX.adds"),
        ('classname="site/playbook.yml:3:14" name="install"', "site/playbook.yml.install"),
        ('classname="features/login:12" name="logs in"', "features/login.logs in"),
        ('classname="e2e/my login.spec.ts:3" name="logs in"', "e2e/my login.spec.ts.logs in"),
        ('classname="either/or works. It does" name="adds"', " It does.adds"),
    ],
)
def test_the_test_id_is_the_last_part_of_the_class_and_the_whole_name(attributes: str, test_id: str) -> None:
    """A dot in the name splits nothing; without a class the name stands alone."""
    assert read_case(attributes=attributes).test_id == test_id


def test_files_with_tests_of_one_name_stay_apart() -> None:
    """A class name that is a path is not cut at the dot before its extension."""
    report = read(
        '<testsuite><testcase classname="a/login.spec.ts" name="t"/>'
        '<testcase classname="b/login.spec.ts" name="t"/><testcase classname="a.cy.ts" name="t"/>'
        '<testcase classname="b.cy.ts" name="t"/></testsuite>'
    )
    assert len({result.test_id for result in report.results}) == 4


def test_a_case_without_any_name_is_called_by_its_place() -> None:
    """The suites around and the number of the case in its suite say which one it is."""
    report = read(
        '<testsuites><testsuite name="a"><testcase/><testsuite name="b"><testcase name="t"/><testcase/>'
        "</testsuite><testcase/></testsuite><testcase/></testsuites>"
    )
    assert [result.test_id for result in report.results] == [
        "a / testcase 1", "t", "a / b / testcase 2", "a / testcase 2", "testcase 1",
    ]  # fmt: skip
    assert read("<testcase/>").result.test_id == "testcase 1"


@pytest.mark.parametrize(
    ("attributes", "fspath", "line"),
    [
        ('classname="pkg.mod.TestX"', "pkg/mod", None),
        ('classname="pkg.mod.TestX" file="tests/mod.py" line="7"', "tests/mod.py", "7"),
        ('classname="e2e/login.spec.ts"', "e2e/login.spec.ts", None),
        ('classname="com/acme/Foo"', "com/acme/Foo", None),
        ('classname="play.yml:3"', "play.yml", "3"),
        ('classname="play.yml:3:14" line="5"', "play.yml", "5"),
        ('classname="features/login:12"', "features/login", "12"),
        ('classname="X.mod.TestX"', "X/mod", None),
        ('classname="registry/image:latest"', "registry/image:latest", None),
        ('classname="area/m:²"', "area/m:²", None),
        ('classname="js"', None, None),
        ('classname="TestX"', None, None),
        ('classname="......stuff"', None, None),
        ('classname="It works. Always"', None, None),
        ("", None, None),
    ],
)
def test_the_file_is_told_by_the_class_name_where_no_attribute_does(
    attributes: str, fspath: str | None, line: str | None
) -> None:
    """All but the last dotted part is the path, with slashes; a class name that is a path stays as it is."""
    metadata = read(f'<testsuite><testcase name="t" {attributes}/></testsuite>').result.metadata
    assert (metadata.get("fspath"), metadata.get("line")) == (fspath, line)


def test_a_plain_attribute_wins_over_one_with_a_prefix() -> None:
    """Attributes are known by their local names, whichever of the two comes first."""
    metadata = read(
        '<testsuite xmlns:x="urn:x"><testcase x:name="b" name="a" y="1" x:y="2" x:z="3"/></testsuite>'
    ).result.metadata
    assert (metadata["name"], metadata["y"], metadata["z"]) == ("a", "1", "3")
    assert "x" not in metadata


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
