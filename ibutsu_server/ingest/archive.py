"""Read pytest-ibutsu archives: ``<run>/run.json``, ``<run>/<result>/result.json`` and files beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.archive_documents import canonical_id, read_result, read_run
from ibutsu_server.ingest.json_documents import Document, DocumentReader
from ibutsu_server.ingest.records import ResultRecord, RunRecord
from ibutsu_server.ingest.unpacking import UnpackedArtifacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ibutsu_server.ingest.unpacking import UnpackedFiles
    from ibutsu_server.settings import ImportSettings

_RUN: Final = "run.json"
_RESULT: Final = "result.json"

Paths = list[str]


def holds_run(paths: Iterable[str]) -> bool:
    """Return whether an archive is one of pytest-ibutsu: a document of a run or a result is in its place."""
    places = (path.split("/") for path in paths if path.endswith((f"/{_RUN}", f"/{_RESULT}")))
    return any(
        all(canonical_id(directory) for directory in directories)
        and len(directories) == (1 if name == _RUN else 2)
        for *directories, name in places
    )


class ArchiveReader:
    """The records of an unpacked archive.

    Members come in any order and more than once, so all were unpacked before: memory grows with the number
    of files, not with their content.
    """

    def __init__(self, files: UnpackedFiles, settings: ImportSettings) -> None:
        self._files = files
        self._settings = settings
        self._documents = DocumentReader(max_nesting=settings.max_nesting)
        self.run = RunRecord("")
        """The run, known when the first result is."""
        self.total: int | None = None
        """Number of results, known when the first result is."""

    def results(self) -> Iterator[ResultRecord]:
        """Read the documents; the artifacts of a record are read when they are asked for.

        Raises:
            ImportRejectedError: the files are not those of one run, or one of them cannot be read.
        """
        run_id, own, outside = _of_one_run(self._files.extents)
        documents, results, of_run = _by_result(own)
        document = next((path for path in of_run if path.count("/") == 1 and path.endswith(f"/{_RUN}")), None)
        if document is None and not documents:
            message = f"The archive holds neither {_RUN} nor any {_RESULT} in the directory of its run."
            raise ImportRejectedError(message)
        self.total = self._checked(len(documents))
        self.run = RunRecord(run_id)
        if document is not None:
            of_run.remove(document)
            self.run = read_run(self._document(document), run_id, document)
        self.run.artifacts = UnpackedArtifacts(self._files, outside + of_run, depth=1)
        for result_id, path in documents.items():
            record = read_result(self._document(path), result_id, run_id, path)
            record.artifacts = UnpackedArtifacts(self._files, results.get(result_id, []), depth=2)
            yield record

    def _checked(self, number: int) -> int:
        limit = self._settings.max_cases
        if number > limit:
            message = (
                f"The archive holds more than {limit:,} results; split it, or raise IBUTSU_IMPORT_MAX_CASES."
            )
            raise ImportRejectedError(message)
        return number

    def _document(self, path: str) -> Document:
        return self._documents.read(self._files.read(path), path)


def _of_one_run(paths: Iterable[str]) -> tuple[str, Paths, Paths]:
    """Return the run's id, the paths in its directory, and those without any directory."""
    groups: dict[str, Paths] = {}
    outside: Paths = []
    for path in paths:
        top, slash, _ = path.partition("/")
        group = groups.setdefault(canonical_id(top) or top, []) if slash else outside
        group.append(path)
    strangers = sorted(name for name in groups if canonical_id(name) is None)
    if strangers:
        message = (
            f"The archive holds the directory {strangers[0][:100]!r}, whose name is not the id of a run."
        )
        raise ImportRejectedError(message)
    if len(groups) != 1:
        found = f"{len(groups)} runs" if groups else "no run"
        message = f"The archive holds {found}; pack one directory that is named by the id of its run."
        raise ImportRejectedError(message)
    ((run_id, own),) = groups.items()
    return run_id, own, outside


def _by_result(paths: Paths) -> tuple[dict[str, str], dict[str, Paths], Paths]:
    """Return the document and the other paths of each result, by its id, and the paths of the run itself."""
    documents: dict[str, str] = {}
    directories: dict[str, Paths] = {}
    of_run: Paths = []
    for path in paths:
        _, name, *rest = path.split("/", 2)
        result_id = canonical_id(name) if rest else None
        if result_id is None:
            of_run.append(path)
        elif rest == [_RESULT]:
            documents[result_id] = path
        else:
            directories.setdefault(result_id, []).append(path)
    for result_id in sorted(directories.keys() - documents.keys()):
        of_run += directories[result_id]
    return documents, directories, of_run
