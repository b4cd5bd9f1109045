"""Make artifacts safe to serve: others open them in a browser that is logged in to Ibutsu."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_HARMLESS: Final = "text/plain"
# The types of documents and scripts: https://mimesniff.spec.whatwg.org/#mime-type-groups
# and the mail that a page may be saved as (MHTML, https://www.rfc-editor.org/rfc/rfc2557).
_RUN_BY_BROWSERS: Final = frozenset({"html", "xml", "xsl", "xul", "jscript", "livescript", "rfc822"})
# Controls, line and paragraph separators, and what reverses the direction of the text after it
# (https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters). One class: linear.
_DECEPTIVE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
_UNNAMED: Final = "unnamed"


@lru_cache(maxsize=1024)
def servable_type(content_type: str) -> str:
    """Return the content type to serve a file with: ``text/plain`` for what a browser would run."""
    subtype = content_type.partition(";")[0].strip().lower().rpartition("/")[2]
    is_script = "javascript" in subtype or "ecmascript" in subtype
    is_run = is_script or subtype in _RUN_BY_BROWSERS or subtype.endswith("+xml")
    return _HARMLESS if is_run else content_type


def servable_name(filename: str) -> str:
    """Return a file name without characters that are invisible or change how the name reads."""
    return _DECEPTIVE.sub("", filename) or _UNNAMED
