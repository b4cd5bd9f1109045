"""Make text files of a result or a run: tracebacks and captured output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml.etree import tostring

from ibutsu_server.ingest.junit.vocabulary import attributes_of, name_of, text_of
from ibutsu_server.ingest.records import ArtifactRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lxml.etree import _Element

_TEXT: Final = "text/plain"
_XML: Final = "text/xml"


def is_blank(text: str) -> bool:
    """Say whether there is nothing to see in a text; unlike ``strip`` this copies nothing."""
    return not text or text.isspace()


def cut_note(limit: int) -> str:
    """Say in the text itself that it does not go on."""
    return f"\n[cut: this text is over the limit of {limit:,} bytes]"


def text_artifact(filename: str, text: str, limit: int) -> ArtifactRecord:
    """Make an artifact of at most ``limit`` bytes of text, and a note where it was cut."""
    content = text.encode()
    if len(content) > limit:
        end = limit
        while content[end] & 0xC0 == 0x80:  # within a character of UTF-8
            end -= 1
        content = b"".join([memoryview(content)[:end], cut_note(limit).encode()])
    return ArtifactRecord(filename, content, _XML if filename.endswith(".xml") else _TEXT)


def join_texts(texts: Iterable[str]) -> str:
    """Put texts one after the other, each starting on a line of its own."""
    joined = ""
    for text in texts:
        joined += "\n" + text if joined and not joined.endswith("\n") else text
    return joined


def as_xml(element: _Element) -> str:
    """Give an element that has no meaning for us as it was written."""
    return tostring(element, encoding="unicode", with_tail=False)


def describe_fault(element: _Element) -> str:
    """Give type and message of a failure or an error, its other attributes, then its text."""
    told = attributes_of(element)
    heading = ": ".join(filter(None, (told.pop("type", None), told.pop("message", None))))
    others = ", ".join(f"{key}={value}" for key, value in told.items() if value)
    return join_texts(filter(None, (heading, others and f"({others})", _text_in_parts(element))))


def describe_rerun(number: int, element: _Element) -> str:
    """Give an attempt that was not the last one, marked as such."""
    return f"--- attempt {number}: {name_of(element)} ---\n{describe_fault(element)}"


def _text_in_parts(element: _Element) -> str:
    """Mark the parts of an attempt: ``stackTrace``, ``system-out`` and ``system-err`` come in one element."""
    parts = [child for child in element if name_of(child) in {"stackTrace", "system-out", "system-err"}]
    if not parts:
        text = text_of(element)
        return "" if is_blank(text) else text
    own = (element.text or "").strip()
    marked = [f"[{name_of(part)}]\n{text_of(part)}" for part in parts if not is_blank(text_of(part))]
    return join_texts([own, *marked] if own else marked)


class RunFiles:
    """Gather what suites say outside their cases, up to a limit for each file."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._files: dict[str, list[tuple[str, str]]] = {}
        self._room: dict[str, int] = {}

    def add(self, filename: str, suite: str, text: str) -> None:
        """Take one text of a suite, unless the file is full already."""
        room = self._room.get(filename, self._limit)
        if room >= 0 and not is_blank(text):
            self._files.setdefault(filename, []).append((suite, text))
            self._room[filename] = room - len(text)

    def artifacts(self) -> list[ArtifactRecord]:
        """Make one artifact a file; where several suites speak, each under its name."""
        return [
            text_artifact(name, _under_headings(texts), self._limit) for name, texts in self._files.items()
        ]


def _under_headings(texts: list[tuple[str, str]]) -> str:
    if len(texts) == 1:
        return texts[0][1]
    return join_texts(f"--- {suite} ---\n{text}" for suite, text in texts)
