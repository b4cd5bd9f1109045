"""Check where properties are found and where they go."""

from __future__ import annotations

from io import BytesIO

import pytest

from ibutsu_server.ingest.junit import JunitReader
from ibutsu_server.settings.imports import ImportSettings
from tests.ingest.junit.reports import RUN_ID, properties, read, read_case, texts


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('<property name="k" value="v"/>', "v"),
        ('<property key="k" value="v"/>', "v"),
        ('<property name="k">v</property>', "v"),
        ('<property name="k"><![CDATA[<v>]]></property>', "<v>"),
        ('<property name="k" value="">text</property>', ""),
        ('<property name="k" value="007"/>', "007"),
        (
            '<property name="k" value="1"/><property name="k" value="2"/><property name="k">3</property>',
            ["1", "2", "3"],
        ),
    ],
)
@pytest.mark.parametrize("place", ["<properties>{}</properties>", "{}", "<extra><deep>{}</deep></extra>"])
def test_a_property_of_a_case_is_read_in_every_dialect(
    written: str, value: str | list[str], place: str
) -> None:
    """Name or key, value or text, in ``properties`` or elsewhere, once or repeated: the metadata has it."""
    assert read_case(place.format(written)).metadata["k"] == value


def test_a_property_goes_to_all_it_stands_above() -> None:
    """The root's go to the run and every result, a suite's to its results, a case's to that one."""
    report = read(
        f"<testsuites>{properties(r='1', who='root')}<testsuite>{properties(s='2', who='suite')}"
        f'<testcase name="a">{properties(who="case")}</testcase><testcase name="b"/></testsuite>'
        '<testcase name="c"/></testsuites>'
    )
    assert {key: report.run.metadata[key] for key in ("r", "who")} == {"r": "1", "who": "root"}
    assert "s" not in report.run.metadata
    found = [(m.get("r"), m.get("s"), m["who"]) for m in (result.metadata for result in report.results)]
    assert found == [("1", "2", "case"), ("1", "2", "suite"), ("1", None, "root")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_properties_behind_the_cases_count_as_well(encoding: str) -> None:
    """A suite's properties belong to all of its cases, also when they come last or in several places."""
    report = read(
        (
            f'<testsuites><testsuite>{properties(k="1")}<testcase name="a"/>'
            f'<testsuite><testcase name="b"/></testsuite>{properties(k="2")}</testsuite>'
            f'<testcase name="c"/>{properties(r="3")}</testsuites>'
        ).encode(encoding)
    )
    found = [(m.get("k"), m["r"]) for m in (result.metadata for result in report.results)]
    assert found == [(["1", "2"], "3"), (["1", "2"], "3"), (None, "3")]
    assert report.run.metadata["r"] == "3"


def test_thousands_of_properties_are_kept() -> None:
    """There is no limit to the number of properties."""
    values = {f"k{number}": str(number) for number in range(5000)}
    metadata = read(f"<testsuite>{properties(**values)}<testcase/></testsuite>").result.metadata
    assert values.items() <= metadata.items()


@pytest.mark.parametrize("key", ["run", "fspath", "name", "classname", "result", "test_id", "id", "line"])
def test_a_property_never_takes_a_key_of_ours(key: str) -> None:
    """A property that is called like a key of ours is kept under ``properties``."""
    metadata = read_case(properties(**{key: "theirs"}), 'name="t" file="t.py" line="3"').metadata
    assert metadata.get(key) != "theirs"
    assert metadata["properties"] == {key: "theirs"}


def test_a_property_steps_aside_for_an_attribute() -> None:
    """When an attribute and a property of a case have one name, both are kept."""
    metadata = read_case(properties(status="p"), 'name="t" status="run"').metadata
    assert metadata["status"] == "run"
    assert metadata["properties"] == {"status": "p"}


def test_env_component_and_source_fill_their_columns() -> None:
    """The nearest property counts; the run has those of the root."""
    report = read(
        f"<testsuites>{properties(env='qa', source='ci')}<testsuite>{properties(component='cart')}"
        f"<testcase/><testcase>{properties(env='prod')}</testcase></testsuite>"
        f"<testcase>{properties(component='shop')}</testcase></testsuites>"
    )
    assert [(result.env, result.component, result.source) for result in report.results] == [
        ("qa", "cart", "ci"),
        ("prod", "cart", "ci"),
        ("qa", "shop", "ci"),
    ]
    assert (report.run.env, report.run.component, report.run.source) == ("qa", None, "ci")
    assert report.results[0].metadata["env"] == "qa"


def test_a_project_that_a_property_names_is_kept_and_decides_nothing() -> None:
    """Each result has it among its properties, and the run that of the root, from the first result on."""
    report = read(
        '<testsuites><property name="project" value="shop"/><testcase/>'
        '<testcase><property name="project">till</property></testcase></testsuites>'
    )
    assert [result.metadata["properties"] for result in report.results] == [
        {"project": "shop"},
        {"project": "till"},
    ]
    assert [result.project_id for result in report.results] == [None, None]
    assert report.run.metadata["project"] == "shop"


@pytest.mark.parametrize("place", ["{}<testcase/>", "<testcase/>{}"])
def test_the_project_of_the_root_is_known_with_the_first_result(place: str) -> None:
    """Whoever decides to which project the rows go has it in time, also when it stands at the end."""
    content = f"<testsuite>{place.format(properties(project='shop'))}</testsuite>".encode()
    with JunitReader(BytesIO(content), run_id=RUN_ID, settings=ImportSettings.hermetic()) as reader:
        next(reader.results())
        assert reader.run.metadata["project"] == "shop"


def test_properties_of_a_suite_without_cases_are_kept_with_the_run() -> None:
    """There is no result that could have them, so they are in a file of the run."""
    report = read(
        '<testsuites><testsuite name="empty"><property name="k" value="v"/></testsuite></testsuites>'
    )
    assert texts(report.run.artifacts) == {
        "suite-attributes.txt": "--- empty ---\nname=empty",
        "suite-properties.txt": "--- empty ---\nk=v",
    }


def test_the_source_of_a_result_is_its_suite_where_no_property_names_one() -> None:
    """The innermost suite that has a name counts; the run is not told by it."""
    report = read(
        '<testsuites name="all"><testsuite name="a"><testcase/><testsuite><testcase/></testsuite>'
        '<testsuite name="b"><testcase/></testsuite></testsuite><testcase/></testsuites>'
    )
    assert [result.source for result in report.results] == ["a", "a", "b", None]
    assert report.run.source is None


def test_what_suites_say_comes_apart_from_what_the_case_says() -> None:
    """Whoever stores a result can put the upload's own metadata between the two."""
    content = (
        f"<testsuite>{properties(k='suite')}<testcase>{properties(k='case')}</testcase></testsuite>".encode()
    )
    with JunitReader(BytesIO(content), run_id=RUN_ID, settings=ImportSettings.hermetic()) as reader:
        (result,) = reader.results()
    assert (result.suite_metadata, result.metadata["k"]) == ({"k": "suite"}, "case")
