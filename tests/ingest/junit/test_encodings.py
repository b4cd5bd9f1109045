"""Check that reports are read in the encodings that tools write, and what becomes of forbidden characters."""

from __future__ import annotations

import codecs

import pytest

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.junit.prolog import MAX_PROLOG_BYTES
from ibutsu_server.ingest.junit.source import BLOCK_BYTES
from tests.ingest.junit.reports import read, read_case, texts


def _report(text: str, declared: str | None) -> str:
    declaration = f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else ""
    return f'{declaration}<testsuite><testcase name="{text}"><failure>{text}</failure></testcase></testsuite>'


@pytest.mark.parametrize(
    ("text", "codec", "declared", "mark"),
    [
        ("Größe 日本 \N{GRINNING FACE}", "utf-8", None, b""),
        ("Größe 日本 \N{GRINNING FACE}", "utf-8", "utf-8", codecs.BOM_UTF8),
        ("Größe 日本 \N{GRINNING FACE}", "utf-8", None, codecs.BOM_UTF8),
        ("Größe 日本 \N{GRINNING FACE}", "utf-8", "utf-16", b""),
        ("Größe 日本 \N{GRINNING FACE}", "utf-8", "us-ascii", b""),
        ("Größe 日本 \N{GRINNING FACE}", "utf-16-le", "utf-16", codecs.BOM_UTF16_LE),
        ("Größe 日本 \N{GRINNING FACE}", "utf-16-be", "utf-16", codecs.BOM_UTF16_BE),
        ("Größe 日本 \N{GRINNING FACE}", "utf-16-le", "utf-8", b""),
        ("Größe 日本 \N{GRINNING FACE}", "utf-16-be", None, b""),
        ("Größe 日本 \N{GRINNING FACE}", "utf-32-le", None, codecs.BOM_UTF32_LE),
        ("Größe", "latin-1", "ISO-8859-1", b""),
        ("„Größe“ €", "cp1252", "windows-1252", b""),
        ("Größe", "cp1252", None, b""),
        ("Größe", "cp1252", "utf-8", b""),
        ("Příliš žluťoučký", "cp1250", "windows-1250", b""),
        ("Доступность", "cp1251", "windows-1251", b""),
        ("ответ", "koi8-r", "KOI8-R", b""),
        ("日本", "shift_jis", "Shift_JIS", b""),
    ],
)
def test_text_is_read_in_the_encoding_it_was_written_in(
    text: str, codec: str, declared: str | None, mark: bytes
) -> None:
    """A byte order mark counts more than the declaration; bytes that are no UTF-8 are windows-1252."""
    result = read(mark + _report(text, declared).encode(codec)).result
    assert result.metadata["name"] == text
    assert texts(result.artifacts) == {"traceback.log": text}


_HEAD = "<testsuite><testcase><system-out>"


@pytest.mark.parametrize("offset", range(-48, 2))
@pytest.mark.parametrize(
    ("token", "text"),
    [
        ("日\N{GRINNING FACE}", "日\N{GRINNING FACE}"),
        ("&amp;&#x1b;&#10;", "&\n"),
        ("<![CDATA[&#27; and sixteen more bytes]]]]>&#27;", "&#27; and sixteen more bytes]]"),
        ("<!-- <![CDATA[ and sixteen more bytes -->&#27;", ""),
        ("<?pi <!-- and sixteen more bytes ?>&#27;", ""),
    ],
)
def test_no_place_in_a_large_file_is_special(offset: int, token: str, text: str) -> None:
    """Characters, references and delimiters are read whole, wherever the blocks of the reader end."""
    filler = "x" * (MAX_PROLOG_BYTES + BLOCK_BYTES + offset - len(_HEAD))
    report = read(f"{_HEAD}{filler}{token}y</system-out></testcase></testsuite>")
    assert texts(report.result.artifacts) == {"system-out.log": f"{filler}{text}y"}


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("a\x1b[31mb\x07c", "a[31mbc"),
        ("a&#27;[31mb&#x7;c&#0;d", "a[31mbcd"),
        ("a&#xD800;b&#xFFFF;c&#1114112;d", "abcd"),
        ("a\ufffeb\uffffc", "abc"),
        ("a&#9;b&#10;c&#233;&#x1F600;", "a\tb\ncé\N{GRINNING FACE}"),
        ("<![CDATA[a&#27;b\x1bc]]>", "a&#27;bc"),
        ("a\x00b", "ab"),
    ],
)
def test_characters_that_xml_forbids_are_dropped(written: str, text: str) -> None:
    """Raw or as references, controls and surrogates go and the rest stays; CDATA has no references."""
    result = read_case(f"<system-out>{written}</system-out>")
    assert texts(result.artifacts) == {"system-out.log": text}


@pytest.mark.parametrize(
    "name", ["klingon", "idna", "punycode", "unicode_escape", "rot13", "base64", "utf-7"]
)
def test_an_encoding_that_no_file_has_is_refused(name: str) -> None:
    """The message names the encoding and says what to do."""
    with pytest.raises(ImportRejectedError) as refusal:
        read(_report("a", name))
    assert str(refusal.value) == (
        f"The XML declaration names the encoding '{name}', which is not known: save the file as UTF-8."
    )
