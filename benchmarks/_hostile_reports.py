"""Write JUnit reports that mean harm, each of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

MEGABYTE = 1024**2
SMILE = "\N{GRINNING FACE}"


def write(path: Path, *parts: str | Iterable[str]) -> None:
    """Write a report of one suite around the parts."""
    with path.open("w", encoding="utf-8") as file:
        file.write('<testsuite name="s">')
        for part in parts:
            file.writelines([part] if isinstance(part, str) else part)
        file.write("</testsuite>")


def in_case(*parts: str | Iterable[str]) -> Iterable[str]:
    """Yield the parts in a case."""
    yield '<testcase name="a">'
    for part in parts:
        yield from [part] if isinstance(part, str) else part
    yield "</testcase>"


def write_root(path: Path, attributes: Iterable[str], inside: Iterable[str]) -> None:
    """Write a report whose root has attributes."""
    with path.open("w", encoding="utf-8") as file:
        file.write("<testsuite")
        file.writelines(attributes)
        file.write(">")
        file.writelines(inside)
        file.write("</testsuite>")


def write_long_namespaces(path: Path, number: int) -> None:
    """Write namespaces of 10 kB each, and 15 times as many unknown elements."""
    spaces = (f' xmlns:n{i}="urn:{i}:{"x" * 10_000}"' for i in range(number))
    write_root(path, spaces, in_case("<n1:unknown/>" * (15 * number)))


def write_many_namespaces(path: Path, number: int) -> None:
    """Write short namespaces, and ten times as many unknown elements in cases of their own."""
    spaces = (f' xmlns:n{i}="urn:{i}"' for i in range(number))
    cases = (f'<testcase name="a"><n{i % number}:unknown n1:a="b"/></testcase>' for i in range(10 * number))
    write_root(path, spaces, cases)


def write_quotes(path: Path, megabytes: int) -> None:
    """Write megabytes of quotes in attributes of unknown elements, a thousandth in each case."""
    quotes = '"' * (megabytes * MEGABYTE // 1000)
    write(path, (f"<testcase name=\"a\"><unknown a='{quotes}'/></testcase>" for _ in range(1000)))


def write_quotes_in_one_case(path: Path, megabytes: int) -> None:
    """Write megabytes of quotes in the attributes of one unknown element after the other, in one case."""
    quotes = '"' * (megabytes * MEGABYTE // 1000)
    write(path, in_case(f"<unknown a='{quotes}'/>" for _ in range(1000)))


def write_long_attribute(path: Path, megabytes: int) -> None:
    """Write an attribute of megabytes."""
    write(path, in_case('<unknown a="', ("x" * MEGABYTE for _ in range(megabytes)), '"/>'))


def write_small_cases(path: Path, number: int) -> None:
    """Write cases of a few bytes; the harm is in what is uploaded beside them."""
    write(path, ("<testcase/>" for _ in range(number)))


def write_timestamp(path: Path, spaces: int) -> None:
    """Write timestamps with so many spaces in them."""
    write(path, (f'<testcase timestamp="2024-01-01{" " * spaces}["/>' for _ in range(20)))


def write_nested_suites(path: Path, number: int) -> None:
    """Write suites in suites."""
    write(path, '<testsuite name="s">' * number, "<testcase/>", "</testsuite>" * number)


def write_deep_suites(path: Path, number: int) -> None:
    """Write suites of one case each, all in 900 suites without a name."""
    suites = ("<testsuite><testcase/></testsuite>" for _ in range(number))
    write(path, "<testsuite>" * 900, suites, "</testsuite>" * 900)


def write_properties(path: Path, number: int) -> None:
    """Write properties of one suite."""
    properties = (f'<property name="n{i}" value="v{i}"/>' for i in range(number))
    write(path, "<properties>", properties, "</properties><testcase/>")


def write_late_properties(path: Path, number: int) -> None:
    """Write suites whose one property stands behind their one case."""
    suites = (f'<testsuite><testcase/><property name="n" value="v{i}"/></testsuite>' for i in range(number))
    write(path, suites)


def write_wide_text(path: Path, megabytes: int) -> None:
    """Write output of ASCII and a few characters of four bytes, in four kinds of elements of one case."""
    quarter = ["<{0}>", *(SMILE + "x" * (MEGABYTE - 4) for _ in range(megabytes // 4)), "</{0}>"]
    names = ("system-out", "system-err", "failure", "unknown")
    write(path, in_case(part.format(name) for name in names for part in quarter))


def write_wide_metadata(path: Path, megabytes: int) -> None:
    """Write properties of one case, each of 10 kB with one character of four bytes."""
    value = SMILE + "x" * 10_000
    properties = (f'<property name="n{i}">{value}</property>' for i in range(megabytes * 100))
    write(path, in_case(properties))


def write_long_text(path: Path, megabytes: int) -> None:
    """Write a case with that much output."""
    write(path, in_case("<system-out>", ("x" * MEGABYTE for _ in range(megabytes)), "</system-out>"))


def write_long_comment(path: Path, megabytes: int) -> None:
    """Write a comment of megabytes before a case."""
    write(path, "<!--", ("x" * MEGABYTE for _ in range(megabytes)), "--><testcase/>")


def write_long_property(path: Path, cases: int) -> None:
    """Write a report of 1 MB in which each case takes over a property of 1 MB."""
    write(
        path,
        f'<properties><property name="p">{"x" * MEGABYTE}</property></properties>',
        "<testcase/>" * cases,
    )


def write_names(path: Path, number: int) -> None:
    """Write elements that all have different names, in cases of their own."""
    write(path, (f"<testcase><n{i}/></testcase>" for i in range(number)))


def write_elements(path: Path, number: int) -> None:
    """Write unknown elements in one case."""
    write(path, in_case("<a/>" * number))


def write_suite_outputs(path: Path, number: int) -> None:
    """Write suites that each say a word."""
    write(path, (f'<testsuite name="s{i}"><system-out>x</system-out></testsuite>' for i in range(number)))


def write_failed_suites(path: Path, number: int) -> None:
    """Write suites that each fail as such, with a suite around that does too."""
    write(
        path, '<error message="m"/>', ('<testsuite><error message="m"/></testsuite>' for _ in range(number))
    )


def write_failures(path: Path, number: int) -> None:
    """Write failures of one case."""
    write(path, in_case(f'<failure message="m{i}">t</failure>' for i in range(number)))


def write_many_cases(path: Path, number: int) -> None:
    """Write cases as tools write them."""
    write(path, (f'<testcase classname="c.C" name="test_{i}" time="0.001"/>' for i in range(number)))


REPORTS: dict[str, tuple[Callable[[Path, int], None], int]] = {
    "long namespaces": (write_long_namespaces, 100),
    "many namespaces": (write_many_namespaces, 2_000),
    "MB of quotes": (write_quotes, 36),
    "MB of quotes in one case": (write_quotes_in_one_case, 36),
    "MB in an attribute": (write_long_attribute, 36),
    "cases with 200 kB of metadata": (write_small_cases, 1_500),
    "spaces in a timestamp": (write_timestamp, 40_000),
    "nested suites": (write_nested_suites, 480),
    "suites in deep suites": (write_deep_suites, 15_000),
    "properties": (write_properties, 245_000),
    "suites with late properties": (write_late_properties, 50_000),
    "MB of wide text": (write_wide_text, 76),
    "MB of wide metadata": (write_wide_metadata, 4),
    "MB of output": (write_long_text, 100),
    "MB in a comment": (write_long_comment, 75),
    "cases with a property of 1 MB": (write_long_property, 100),
    "names": (write_names, 100_000),
    "elements in one case": (write_elements, 300_000),
    "suites with output": (write_suite_outputs, 100_000),
    "suites that failed": (write_failed_suites, 20_000),
    "failures of one case": (write_failures, 50_000),
    "cases": (write_many_cases, 150_000),
}
"""Writers of reports, each with a size: it is measured at that and at twice that."""

METADATA = {"m": "x" * 200_000}
"""What is uploaded beside the cases that are named by it."""
