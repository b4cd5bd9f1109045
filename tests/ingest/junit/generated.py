"""Generate reports, and write one in the styles of the dialects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

CHILDREN = {
    "passed": "",
    "failed": "<failure{}>{}</failure>",
    "error": "<error{}>{}</error>",
    "skipped": "<skipped{}>{}</skipped>",
    "xfailed": '<skipped type="pytest.xfail"{}>{}</skipped>',
    "xpassed": "<xpassed{}>{}</xpassed>",
}


@dataclass
class Case:
    """Be what a case says."""

    classname: str
    name: str
    state: str
    seconds: float | None
    message: str
    text: str
    output: str
    properties: dict[str, str]


@dataclass
class Suite:
    """Be a suite of cases and suites."""

    name: str
    properties: dict[str, str]
    properties_last: bool
    parts: list[Case | Suite]

    def cases(
        self, path: tuple[str, ...] = (), properties: dict[str, str] | None = None
    ) -> Iterator[tuple[Case, list[str], dict[str, str]]]:
        """Give the cases in order, each with the names of its suites and the properties that it has."""
        inherited = {**(properties or {}), **self.properties}
        for part in self.parts:
            if isinstance(part, Suite):
                yield from part.cases((*path, self.name), inherited)
            else:
                yield part, [*path, self.name], {**inherited, **part.properties}


def suites(characters: st.SearchStrategy[str]) -> st.SearchStrategy[Suite]:
    """Generate trees of suites and cases with texts of these characters."""
    text = st.text(characters, max_size=10)
    properties = st.dictionaries(st.sampled_from(["k1", "k2", "k3"]), text, max_size=2)
    state, seconds = st.sampled_from(sorted(CHILDREN)), st.none() | st.floats(0, 1e6)
    cases = st.builds(Case, text, text, state, seconds, text, text, text, properties)

    def around(parts: st.SearchStrategy[Case | Suite]) -> st.SearchStrategy[Suite]:
        return st.builds(Suite, text, properties, st.booleans(), st.lists(parts, max_size=4))

    return around(st.recursive(cases, lambda parts: around(parts) | cases, max_leaves=6))


@dataclass
class Style:
    """Be a way to write a report."""

    prefix: str
    """Of the namespace; empty for none."""

    cdata: bool
    key: str
    """Attribute for the name of a property."""

    value_as_text: bool
    between: str
    """What stands between two elements."""

    def report(self, root: Suite) -> str:
        """Write a report without an XML declaration."""
        namespace = f'xmlns:{self.prefix}="urn:junit"' if self.prefix else ""
        return self._element("testsuites", namespace, [self._suite(root)])

    def _suite(self, suite: Suite) -> str:
        parts = [self._suite(part) if isinstance(part, Suite) else self._case(part) for part in suite.parts]
        properties = self._properties(suite.properties)
        parts = [*parts, properties] if suite.properties_last else [properties, *parts]
        return self._element("testsuite", f'tests="99" name={quoteattr(suite.name)}', parts)

    def _case(self, case: Case) -> str:
        attributes = f"name={quoteattr(case.name)} classname={quoteattr(case.classname)}"
        if case.seconds is not None:
            attributes += f' time="{case.seconds!r}"'
        child = CHILDREN[case.state].format(f" message={quoteattr(case.message)}", self._text(case.text))
        output = f"<system-out>{self._text(case.output)}</system-out>"
        return self._element("testcase", attributes, [self._properties(case.properties), child, output])

    def _properties(self, properties: dict[str, str]) -> str:
        return self._element("properties", "", [self._property(*item) for item in properties.items()])

    def _property(self, name: str, value: str) -> str:
        if self.value_as_text:
            return self._element("property", f'{self.key}="{name}"', [self._text(value)], between="")
        return self._element("property", f'{self.key}="{name}" value={quoteattr(value)}', [], between="")

    def _element(self, name: str, attributes: str, parts: list[str], between: str | None = None) -> str:
        tag = f"{self.prefix}:{name}" if self.prefix else name
        space = self.between if between is None else between
        return f"<{tag} {attributes}>{space}{space.join(parts)}{space}</{tag}>"

    def _text(self, text: str) -> str:
        return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>" if self.cdata else escape(text)


STYLES = st.builds(
    Style,
    prefix=st.sampled_from(["", "j"]),
    cdata=st.booleans(),
    key=st.sampled_from(["name", "key"]),
    value_as_text=st.booleans(),
    between=st.sampled_from(["", "\n\t", "<!-- <testcase/> --><?pi x?>"]),
)
