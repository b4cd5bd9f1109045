"""Show how artifacts are made safe to serve."""

from __future__ import annotations

import pytest

from ibutsu_server.ingest.content_type import content_type_of
from ibutsu_server.ingest.serving import servable_name, servable_type


@pytest.mark.parametrize(
    "name",
    [
        *(
            "a.html",
            "a.htm",
            "a.xhtml",
            "a.svg",
            "a.js",
            "a.mjs",
            "a.xml",
            "a.xsl",
            "a.rdf",
            "a.atom",
            "a.HTML",
        ),
        *("a.mht", "a.mhtml", "a.eml", "a.xul"),
    ],
)
def test_what_a_browser_would_run_is_served_as_text(name: str) -> None:
    """Documents with scripts, pages saved as mail, scripts and XML are plain text."""
    assert servable_type(content_type_of(name, b"<a/>")) == "text/plain"


@pytest.mark.parametrize(
    "content_type",
    ["text/html; charset=utf-8", "TEXT/HTML", "application/x-javascript", "text/ecmascript", "image/svg+xml"],
)
def test_parameters_and_case_hide_no_type(content_type: str) -> None:
    """A type is known in every way it may be written."""
    assert servable_type(content_type) == "text/plain"


@pytest.mark.parametrize("name", ["a.png", "a.json", "a.zip", "a.pdf", "a.docx", "a.csv", "a.mp4", "a.log"])
def test_what_no_browser_runs_keeps_its_type(name: str) -> None:
    """Images, data and office documents are served as what they are."""
    content_type = content_type_of(name, b"a")
    assert servable_type(content_type) == content_type


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("pages/ü 1.txt", "pages/ü 1.txt"),
        ("photo_\u202egnp.exe", "photo_gnp.exe"),
        ("a\r\nSet-Cookie: b", "aSet-Cookie: b"),
        ("a\x7f\x9f\u061c\u200e\u200f\u2028\u2029\u2066\u2069b", "ab"),
        ("\u202e", "unnamed"),
        ("", "unnamed"),
    ],
)
def test_a_file_name_reads_as_it_is(name: str, shown: str) -> None:
    """Controls and what reverses the direction of text are dropped; a name is never empty."""
    assert servable_name(name) == shown
