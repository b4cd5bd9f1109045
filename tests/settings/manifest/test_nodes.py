"""Show that YAML is read with its lines, and that a hostile file is a fault and costs little."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings.manifest import nodes
from ibutsu_server.settings.manifest.nodes import Node, read_documents

if TYPE_CHECKING:
    from collections.abc import Iterator


def read(text: str) -> Node:
    """Return the only document of ``text``."""
    [document] = read_documents("f.yaml", text.encode())
    return document


def refused(text: str | bytes) -> str:
    """Return the only fault of a file, which names the file and its line."""
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigurationError) as caught:
        read_documents("f.yaml", data)
    [fault] = caught.value.faults
    assert fault.file == "f.yaml"
    assert fault.name == ("f.yaml" if fault.line is None else f"f.yaml:{fault.line}")
    return str(fault)


@pytest.fixture(params=["libyaml", "Python"])
def _each_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "Python":
        monkeypatch.setattr(nodes, "_LOADER", yaml.SafeLoader)


@pytest.mark.usefixtures("_each_parser")
class TestReading:
    """Both parsers of PyYAML read a file in the same way."""

    def test_each_value_has_the_line_of_its_key(self) -> None:
        """Also where the value is written further down, or elsewhere."""
        document = read("a: &a\n  b: 1\nc:\n  >-\n  text\nd: *a\n")
        assert [(key, node.line) for key, node in document.entries.items()] == [("a", 1), ("c", 3), ("d", 6)]
        assert document.at("d", "b").line == 2

    @pytest.mark.parametrize(
        ("scalar", "kind"),
        [
            ("", "null"),
            ("~", "null"),
            ("Null", "null"),
            ("true", "boolean"),
            ("FALSE", "boolean"),
            ("5", "number"),
            ("-1_000", "number"),
            ("0o17", "number"),
            ("0x1F", "number"),
            ("1.5e-3", "number"),
            (".5", "number"),
            ("-.inf", "number"),
            (".nan", "number"),
            ("yes", "text"),
            ("1.2.3.4", "text"),
            ("0 4 * * 6", "text"),
            ("2026-01-01", "text"),
            ("12:30", "text"),
            ("5 s", "text"),
            ('"5"', "text"),
            ("'true'", "text"),
            ("!!str 5", "text"),
            ("|\n  5", "text"),
        ],
    )
    def test_a_scalar_is_of_the_kind_that_yaml_says(self, scalar: str, kind: str) -> None:
        """What is quoted is text."""
        assert read(f"a: {scalar}\nb: 1").at("a").kind == kind

    def test_a_merge_adds_what_the_mapping_lacks(self) -> None:
        """Its own keys win, then those of the mapping that is named first."""
        document = read("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*b, *a]\n  z: 3\nd: {<<: *a}\n")
        assert {key: node.text for key, node in document.at("c").entries.items()} == {
            "x": "1",
            "y": "2",
            "z": "3",
        }
        assert list(document.at("d").entries) == ["x", "y"]

    def test_a_file_may_have_several_documents(self) -> None:
        """Empty ones are left out, and an anchor holds in its own document only."""
        documents = read_documents("f.yaml", b"---\na: &x 1\n---\n# empty\n---\nb: 2\n")
        assert [list(document.entries) for document in documents] == [["a"], ["b"]]
        assert refused("a: &x 1\n---\nb: *x\n") == "f.yaml:3 has the alias *x without an anchor before it"

    def test_a_path_that_does_not_exist_leads_to_null(self) -> None:
        """Whoever looks for a value need not ask at each step."""
        assert read("a: {b: text}").at("a", "b", "c", "d").kind == "null"

    def test_wrong_syntax_is_a_fault_with_its_line(self) -> None:
        """The reason is that of the parser."""
        assert re.fullmatch(
            r"f\.yaml:2 cannot be read as YAML \(.+\); correct the file", refused("a: 1\n  b: 2")
        )

    def test_a_control_character_is_a_fault_with_its_line(self) -> None:
        """Binary files are given by mistake."""
        assert refused("a: 1\nb: \0").startswith("f.yaml:2 cannot be read as YAML (")

    def test_an_escape_beyond_unicode_is_a_fault(self) -> None:
        """Python's own parser raises other errors than those of YAML."""
        assert "cannot be read as YAML" in refused('a: "\\UFFFFFFFF"')
        assert "cannot be read as YAML" in refused('a: "\\U00110000"')

    def test_half_a_character_is_a_fault(self) -> None:
        """It could not be printed."""
        assert refused('a: 1\nb: "\\ud800"').startswith("f.yaml:2 ")


def test_a_file_that_is_not_utf_8_is_a_fault_with_its_line() -> None:
    """The line is that of the first byte that is not."""
    assert refused(b"a: 1\nb: \xff") == "f.yaml:2 is not UTF-8; write the file in UTF-8"


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    """Editors on Windows write one."""
    assert read("\ufeffa: 1").at("a").text == "1"


def test_a_key_may_be_written_once() -> None:
    """Programs disagree on which of two counts."""
    assert refused("a: 1\nb: 2\na: 3") == "f.yaml:3 has the key a a second time; remove one"


def test_a_key_must_be_text() -> None:
    """YAML allows lists as keys; no manifest has one."""
    assert refused("? [a]\n: b") == "f.yaml:1 has a list or a mapping as a key; write text"


def test_a_file_may_be_nested_a_hundred_levels_deep() -> None:
    """One level more is a fault and no recursion."""
    assert read("[" * 100 + "]" * 100).kind == "list"
    deep = "f.yaml:1 is nested more than 100 levels deep; make it flatter"
    assert refused("[" * 101 + "]" * 101) == deep
    assert refused("{a: " * 101 + "}" * 101) == deep
    for opening in ("[", "{a: ", "- "):
        assert "nest" in refused(opening * 100_000)  # libyaml has a limit of its own


def test_aliases_to_aliases_do_not_multiply() -> None:
    """Nine lines that stand for a billion values are a fault at the line that is too much."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for name, before in zip("bcdefghi", "abcdefgh", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]")
    problem = "holds more than 500,000 values, those of its aliases counted; split the file"
    assert refused("\n".join(lines)) == f"f.yaml:6 {problem}"


def test_merges_of_merges_do_not_multiply() -> None:
    """Each mapping adds a key to the one before: 20,000 lines would hold 200 million entries."""
    lines = ["- &a0 {k0: 0}", *(f"- &a{n} {{<<: *a{n - 1}, k{n}: 0}}" for n in range(1, 20_000))]
    assert "holds more than 500,000 values" in refused("\n".join(lines))


def test_a_file_has_a_largest_size() -> None:
    """The limit is named."""
    assert refused(b"#" * 10_000_001) == "f.yaml is larger than 10,000,000 bytes; check a smaller file"
    assert read_documents("f.yaml", b"#" * 10_000_000) == []


def texts() -> Iterator[st.SearchStrategy[str]]:
    """Yield strategies for text that is nearly YAML."""
    yield st.text(max_size=40)
    yield st.lists(
        st.sampled_from(
            ["a", ":", " ", "\n", "-", "[", "]", "{", "}", ",", "&x", "*x", "<<", "!", '"', "|", "#"]
        ),
        max_size=25,
    ).map("".join)


@given(st.one_of(*texts()))
def test_any_text_is_read_or_is_a_fault(text: str) -> None:
    """No other error comes out."""
    with suppress(ConfigurationError):
        read_documents("f.yaml", text.encode(errors="surrogatepass"))
