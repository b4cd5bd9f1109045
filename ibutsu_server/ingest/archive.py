"""Read pytest-ibutsu archives: ``<run>/run.json``, ``<run>/<result>/result.json`` and files beside them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Final, Self, overload

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.archive_documents import canonical_id, read_result, read_run
from ibutsu_server.ingest.content_type import SNIFFED_BYTES, content_type_of
from ibutsu_server.ingest.json_documents import Document, read_document
from ibutsu_server.ingest.records import ArtifactRecord, ResultRecord, RunRecord
from ibutsu_server.ingest.tar_files import Extent, unpack_tar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ibutsu_server.settings.imports import ImportSettings

_MEMORY_BYTES: Final = 8 * 1024**2
"""Bytes of unpacked files that stay in memory; more go to a temporary file on disk."""

_RUN: Final = "run.json"
_RESULT: Final = "result.json"

Files = dict[str, Extent]
"""Where files lie in the temporary file, by path."""


class ArchiveReader:
    """Read an archive into records; be a context manager that frees what it unpacked.

    Members come in any order and more than once, so that they are first unpacked to a temporary file
    and indexed by path: memory grows with the number of files, not with what is in them.
    """

    def __init__(self, content: IO[bytes], *, settings: ImportSettings) -> None:
        self._content = content
        self._settings = settings
        self._spool: IO[bytes] = tempfile.SpooledTemporaryFile(_MEMORY_BYTES)  # noqa: SIM115 - closed by __exit__
        self.run = RunRecord("")
        """The run, known when the first result is."""
        self.total: int | None = None
        """Number of results, known when the first result is."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._spool.close()

    def results(self) -> Iterator[ResultRecord]:
        """Read the archive; the artifacts of a record are read when they are asked for.

        Raises:
            ImportRejectedError: it is no archive of pytest-ibutsu, damaged, hostile or over a limit.
        """
        run_id, own, outside = _of_one_run(unpack_tar(self._content, self._spool, self._settings))
        document = own.pop(_RUN, None)
        results, others = _by_result(own)
        if document is None and not results:
            message = f"The archive holds neither {_RUN} nor any {_RESULT} in the directory of its run."
            raise ImportRejectedError(message)
        self.total = self._checked(len(results))
        self.run = RunRecord(run_id)
        if document is not None:
            path = f"{run_id}/{_RUN}"
            self.run = read_run(self._document(document, path), run_id, path)
        self.run.artifacts = _Artifacts(self._spool, others | outside)
        for result_id, files in results.items():
            yield self._result(result_id, files)

    def _checked(self, number: int) -> int:
        limit = self._settings.max_cases
        if number > limit:
            message = (
                f"The archive holds more than {limit:,} results; split it, or raise IBUTSU_IMPORT_MAX_CASES."
            )
            raise ImportRejectedError(message)
        return number

    def _result(self, result_id: str, files: Files) -> ResultRecord:
        path = f"{self.run.id}/{result_id}/{_RESULT}"
        document = self._document(files.pop(_RESULT), path)
        record = read_result(document, result_id, self.run.id, path)
        record.artifacts = _Artifacts(self._spool, files)
        return record

    def _document(self, extent: Extent, path: str) -> Document:
        return read_document(_read(self._spool, extent), path, max_nesting=self._settings.max_nesting)


class _Artifacts(Sequence[ArtifactRecord]):
    """Be the artifacts of one owner; each is read when it is asked for, one at a time."""

    def __init__(self, spool: IO[bytes], files: Mapping[str, Extent]) -> None:
        self._spool = spool
        self._files = list(files.items())

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> ArtifactRecord: ...
    @overload
    def __getitem__(self, index: slice) -> list[ArtifactRecord]: ...
    def __getitem__(self, index: int | slice) -> ArtifactRecord | list[ArtifactRecord]:
        if isinstance(index, slice):
            return [self._read(*item) for item in self._files[index]]
        return self._read(*self._files[index])

    def _read(self, name: str, extent: Extent) -> ArtifactRecord:
        content = _read(self._spool, extent)
        return ArtifactRecord(name, content, content_type_of(name, content[:SNIFFED_BYTES]))


def _read(spool: IO[bytes], extent: Extent) -> bytes:
    spool.seek(extent.offset)
    return spool.read(extent.size)


def _of_one_run(files: Files) -> tuple[str, Files, Files]:
    """Give the run's id, the files of its directory by their path there, and the files outside of it."""
    groups = _by_directory(files)
    outside = groups.pop("", {})
    strangers = sorted(name for name in groups if canonical_id(name) is None)
    if strangers:
        message = (
            f"The archive holds the directory {strangers[0][:100]!r}, whose name is not the id of a run."
        )
        raise ImportRejectedError(message)
    if len(groups) != 1:
        told = f"{len(groups)} runs" if groups else "no run"
        message = f"The archive holds {told}; pack one directory that is named by the id of its run."
        raise ImportRejectedError(message)
    ((run_id, own),) = groups.items()
    return run_id, own, outside


def _by_result(files: Files) -> tuple[dict[str, Files], Files]:
    """Give the files of each result, and the files that are of none: they are the run's own."""
    groups = _by_directory(files)
    of_run = groups.pop("", {})
    results = {}
    for name, group in groups.items():
        if canonical_id(name) is not None and _RESULT in group:
            results[name] = group
        else:
            of_run |= {f"{name}/{path}": extent for path, extent in group.items()}
    return results, of_run


def _by_directory(files: Files) -> dict[str, Files]:
    """Group files by the first part of their path, an id in its canonical form; no directory is ``""``."""
    groups: dict[str, Files] = {}
    for path, extent in files.items():
        top, slash, rest = path.partition("/")
        if slash:
            groups.setdefault(canonical_id(top) or top, {})[rest] = extent
        else:
            groups.setdefault("", {})[path] = extent
    return groups
