"""Show how an uploaded file is taken in."""

from __future__ import annotations

import bz2
import gzip
from typing import TYPE_CHECKING

import pytest

from ibutsu_server.db import db
from ibutsu_server.db.models import Import, Project
from ibutsu_server.exceptions import ImportRejectedError, InvalidInputError
from ibutsu_server.ingest.upload import find_or_create_project, store_upload
from tests.db.rows import stored
from tests.ingest.archives import gzipped, one_run

if TYPE_CHECKING:
    from flask import Flask


@pytest.mark.parametrize(
    ("content", "known_as"),
    [
        (b"<testsuite/>", "junit"),
        (b"\xef\xbb\xbf \n<testsuite/>", "junit"),
        ("<testsuite/>".encode("utf-16"), "junit"),
        (gzipped(b"<testsuite/>"), "junit"),
        (one_run(), "archive"),
        (bz2.compress(gzip.decompress(one_run())), "archive"),
        (b"PK\x03\x04", "archive"),
    ],
)
def test_a_file_waits_for_its_importer(app: Flask, content: bytes, known_as: str) -> None:
    """The format follows from the content; the import is pending, with its bytes beside it."""
    import_ = store_upload("upload", content, source="ci", metadata={"build": "7"})
    assert (import_.status, import_.format) == ("pending", known_as)
    assert import_.data == {"source": "ci", "metadata": {"build": "7"}}
    assert import_.file is not None
    assert import_.file.content == content


@pytest.mark.parametrize("content", [b"", b"{}", b"\x89PNG\r\n\x1a\n", b"plain text"])
def test_a_file_of_no_known_format_is_refused(app: Flask, content: bytes) -> None:
    """The message says what to upload instead, and nothing is stored."""
    with pytest.raises(ImportRejectedError, match="; upload JUnit XML, or an archive of pytest-ibutsu"):
        store_upload("notes.bin", content)
    assert db.session.scalars(db.select(Import)).all() == []


def test_a_project_is_given_by_name_or_id(app: Flask) -> None:
    """Both mean the same project."""
    project_id = stored(Project(name="shop", title="shop"))
    for given in ("shop", project_id):
        assert (store_upload("a.xml", b"<testsuite/>", project=given).data or {})["project_id"] == project_id
    assert find_or_create_project("shop").id == project_id


def test_a_project_that_does_not_exist_is_bad_input(app: Flask) -> None:
    """The message names it and says what to give."""
    with pytest.raises(InvalidInputError, match="There is no project called 'shpo'; give the name or the id"):
        store_upload("a.xml", b"<testsuite/>", project="shpo")
