"""Make text files of a result or a run: tracebacks and captured output."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from typing import IO, TYPE_CHECKING, Final, overload

from ibutsu_server.ingest.junit.elements import Element, Text, attributes_of, is_blank, text_of
from ibutsu_server.ingest.records import ArtifactRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibutsu_server.ingest.junit.suite import Suite

_TEXT: Final = "text/plain"
_XML: Final = "text/xml"
_PARTS: Final = frozenset({"stackTrace", "system-out", "system-err"})
_OUTPUTS: Final = frozenset({"system-out.log", "system-err.log"})
_MEMORY_BYTES: Final = 256 * 1024
"""Bytes of a file of the run that stay in memory; more go to a temporary file on disk."""

MakeText = Callable[[], Iterable[bytes]]


def text_artifact(filename: str, text: Iterable[bytes], limit: int) -> ArtifactRecord:
    """Make an artifact of at most ``limit`` bytes of text in UTF-8, and a note where it was cut."""
    kept, room = [], limit
    for piece in text:
        if len(piece) > room:
            while piece[room] & 0xC0 == 0x80:  # within a character of UTF-8
                room -= 1
            kept += [piece[:room], f"\n[cut: this text is over the limit of {limit:,} bytes]".encode()]
            break
        kept.append(piece)
        room -= len(piece)
    return ArtifactRecord(filename, b"".join(kept), _XML if filename.endswith(".xml") else _TEXT)


class TextArtifacts(Sequence[ArtifactRecord]):
    """Artifacts that are made one at a time, when they are asked for: together they may be large."""

    def __init__(self, texts: Sequence[tuple[str, MakeText]], limit: int) -> None:
        self._texts = texts
        self._limit = limit

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[ArtifactRecord]:
        return (text_artifact(filename, make(), self._limit) for filename, make in self._texts)

    @overload
    def __getitem__(self, index: int) -> ArtifactRecord: ...
    @overload
    def __getitem__(self, index: slice) -> TextArtifacts: ...
    def __getitem__(self, index: int | slice) -> ArtifactRecord | TextArtifacts:
        if isinstance(index, slice):
            return TextArtifacts(self._texts[index], self._limit)
        filename, make_text = self._texts[index]
        return text_artifact(filename, make_text(), self._limit)


def join_texts(texts: Iterable[Text]) -> Text:
    """Put texts one after the other, each starting on a line of its own."""
    joined: Text = []
    for text in texts:
        if joined and text and not joined[-1].endswith(b"\n"):
            joined.append(b"\n")
        joined += text
    return joined


def describe_fault(element: Element) -> Text:
    """Return type and message of a failure or an error, its other attributes, then its text."""
    said = attributes_of(element)
    heading = ": ".join(filter(None, (said.pop("type", None), said.pop("message", None))))
    others = ", ".join(f"{key}={value}" for key, value in said.items() if value)
    lines = filter(None, (heading, others and f"({others})"))
    return join_texts([*([line.encode()] for line in lines), _text_in_parts(element)])


def describe_rerun(number: int, element: Element) -> Text:
    """Return an attempt that was not the last one, marked as such."""
    heading = f"--- attempt {number}: {element.local_name} ---\n"
    return [heading.encode(), *describe_fault(element)]


def _text_in_parts(element: Element) -> Text:
    """Mark the parts of an attempt: ``stackTrace``, ``system-out`` and ``system-err`` come in one element."""
    parts = [child for child in element.children() if child.local_name in _PARTS]
    if not parts:
        text = text_of(element)
        return [] if is_blank(text) else text
    own = b"".join(part for part in element.content if isinstance(part, bytes)).strip()
    marked = [
        [f"[{part.local_name}]\n".encode(), *text] for part in parts if not is_blank(text := text_of(part))
    ]
    return join_texts([[own], *marked] if own else marked)


class RunFiles:
    """The files of what suites say outside of their cases, each up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._files: dict[str, _RunFile] = {}

    def add(self, filename: str, suite: Suite, text: Iterable[bytes]) -> None:
        """Add one text of a suite, unless the file is full already."""
        if filename not in self._files:
            self._files[filename] = _RunFile(self._limit, is_output=filename in _OUTPUTS)
        self._files[filename].add(suite, text)

    def artifacts(self) -> TextArtifacts:
        """Return one artifact a file: each text is under the name of its suite, but for the only output."""
        return TextArtifacts([(name, file.pieces) for name, file in self._files.items()], self._limit)

    def close(self) -> None:
        """Free the files."""
        for file in self._files.values():
            file.close()


class _RunFile:
    """One file with a heading above each text.

    Where there is one text only, it has none if it is output, or that of a suite without a name.
    """

    def __init__(self, limit: int, *, is_output: bool) -> None:
        self._limit = limit
        self._has_name = not is_output
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_MEMORY_BYTES)  # noqa: SIM115 - see close
        self._heading_bytes = 0
        self._texts = 0
        self._line_has_ended = True

    def add(self, suite: Suite, text: Iterable[bytes]) -> None:
        if self._file.tell() > self._limit:
            return
        heading = f"--- {suite.title} ---\n".encode()
        self._heading_bytes = self._heading_bytes or len(heading)
        self._has_name = self._has_name and bool(suite.title)
        self._texts += 1
        self._file.write(heading if self._line_has_ended else b"\n" + heading)
        for piece in text:
            self._file.write(piece)
            self._line_has_ended = piece.endswith(b"\n")
            if self._file.tell() > self._limit + self._heading_bytes:
                break

    def pieces(self) -> Iterator[bytes]:
        self._file.seek(0 if self._has_name or self._texts > 1 else self._heading_bytes)
        while piece := self._file.read(_MEMORY_BYTES):
            yield piece

    def close(self) -> None:
        self._file.close()
