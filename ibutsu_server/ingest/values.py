"""Turn what files say into values the database takes: text, JSON, ids."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import re
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_INDEXED_BYTES: Final = 2500
"""Bytes of a text in an indexed column."""

# What XML 1.0 forbids (production [2], Char); NUL and lone surrogates are PostgreSQL's own refusals.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def new_id() -> str:
    """Make a time-ordered id (UUID version 7, RFC 9562): rows that come together lie together in an index."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    digits = f"{milliseconds:012x}7{random >> 68:03x}{random & 0x3FFFFFFFFFFFFFFF | 0x8000000000000000:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def numbered_ids(first: str) -> Iterator[str]:
    """Number ids from ``first`` on in their last eight digits: they lie together in an index."""
    return (f"{first[:-8]}{number:08x}" for number in itertools.count())


def clean_text(text: str) -> str:
    """Drop the characters that XML or PostgreSQL forbid."""
    return _FORBIDDEN.sub("", text)


def clip_indexed(text: str) -> str:
    """Shorten a text that an index of PostgreSQL refuses; a digest keeps long texts apart.

    An entry of a B-tree holds at most 2,704 bytes.
    """
    if len(text) <= MAX_INDEXED_BYTES // 4:  # a character takes four bytes at most
        return text
    content = text.encode()
    if len(content) <= MAX_INDEXED_BYTES:
        return text
    digest = hashlib.sha256(content).hexdigest()[:16]
    return content[: MAX_INDEXED_BYTES - 20].decode(errors="ignore") + "..." + digest


def clip_indexed_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """Shorten what an index holds of metadata as text: ``jenkins.job_name`` and ``jenkins.build_number``."""
    jenkins = metadata.get("jenkins")
    if not isinstance(jenkins, dict):
        return metadata
    indexed = {name: _clip_value(jenkins[name]) for name in ("job_name", "build_number") if name in jenkins}
    return {**metadata, "jenkins": {**jenkins, **indexed}}


def _clip_value(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    clipped = clip_indexed(text)
    return value if clipped == text else clipped


def clean_json(value: Any) -> Any:
    """Make a value that ``jsonb`` accepts: text cleaned in keys and values, NaN and infinities null."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {clean_text(str(key)): clean_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean_json(item) for item in value]
    return value
