"""Find out in which encoding an XML file is written."""

from __future__ import annotations

import codecs
import re
from typing import Final, NamedTuple

from ibutsu_server.exceptions import ImportRejectedError

LENIENT: Final = "ibutsu_server.single_byte"
"""Name of the error handler that reads bytes the encoding does not know as windows-1252."""

_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_COMPRESSED: Final = ((b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "zip"), (b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"))
_DECLARATION: Final = re.compile(rb"\s*<\?xml\s[^>]*?encoding\s*=\s*[\"']\s*([\w.:-]+)\s*[\"']")
# Codecs of Python that are no encodings of text files; some take quadratic time.
_NOT_FOR_FILES: Final = frozenset(
    {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7", "mbcs", "oem"}
)


class Encoding(NamedTuple):
    """Be the name of a Python codec and the length of the byte order mark before the text."""

    name: str
    mark_bytes: int = 0


def detect_encoding(head: bytes) -> Encoding:
    """Tell the encoding by byte order mark, by the place of zero bytes, by the XML declaration.

    Raises:
        ImportRejectedError: when this is no text, or the declaration names an encoding that is not known.
    """
    for magic, method in _COMPRESSED:
        if head.startswith(magic):
            raise ImportRejectedError(
                f"The file is compressed with {method}: unpack it and upload the XML report itself."
            )
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return Encoding(name, len(mark))
    if len(head) >= 2 and (head[0] == 0) != (head[1] == 0):
        return Encoding("utf-16-be" if head[0] == 0 else "utf-16-le")
    declaration = _DECLARATION.match(head)
    return Encoding(_declared(declaration[1].decode("ascii", "replace")) if declaration else "utf-8")


def _declared(name: str) -> str:
    try:
        codec = codecs.lookup(name).name
        reads_ascii = _reads_ascii(codec)
    except LookupError:
        codec, reads_ascii = "undefined", False
    if codec.replace("_", "-") in _NOT_FOR_FILES:
        raise ImportRejectedError(
            f"The XML declaration names the encoding {name!r}, which is not known: save the file as UTF-8."
        )
    # .NET declares utf-16 for text that it then saves as UTF-8; plain ASCII is a part of UTF-8.
    return codec if reads_ascii and codec != "ascii" else "utf-8"


def _reads_ascii(codec: str) -> bool:
    try:
        return b"<?xml".decode(codec) == "<?xml"
    except UnicodeError:
        return False


def _read_as_single_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(LENIENT, _read_as_single_bytes)
