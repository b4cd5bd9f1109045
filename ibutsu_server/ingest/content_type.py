"""Determine the content type of a file by its name and its first bytes."""

from __future__ import annotations

import codecs
import mimetypes
from functools import lru_cache
from typing import Final

SNIFFED_BYTES: Final = 4096

# Without the operating system's own tables, which differ from machine to machine.
_NAMES: Final = mimetypes.MimeTypes(filenames=())
for _suffix in (".cfg", ".conf", ".ini", ".log", ".out", ".err", ".toml", ".yaml", ".yml", ".md", ".rst"):
    _NAMES.add_type("text/plain", _suffix)

# https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern and the sections after it
_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)


def content_type_of(filename: str, head: bytes) -> str:
    """Return the content type of a file.

    Bytes that only one format begins with decide; then the name; then whether it is text in UTF-8.

    Args:
        filename: with or without directories.
        head: the first ``SNIFFED_BYTES`` of the file, or all of a shorter one.
    """
    for magic, content_type in _MAGIC:
        if head.startswith(magic):
            return content_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    named = _type_of_name(filename.rpartition("/")[2])
    return named or ("text/plain" if _is_text(head) else "application/octet-stream")


@lru_cache(maxsize=1024)
def _type_of_name(name: str) -> str | None:
    named, encoding = _NAMES.guess_type("x/" + name, strict=False)
    if encoding is None:
        return named
    return f"application/{'gzip' if encoding == 'gzip' else f'x-{encoding}'}"


def _is_text(head: bytes) -> bool:
    try:
        # A character may be cut at the end of the head: not final.
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < SNIFFED_BYTES)
    except UnicodeDecodeError:
        return False
    return b"\0" not in head
