"""Find the result files that the arguments of a command mean."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ibutsu_server.ingest.store_kinds import opened_store
from ibutsu_server.ingest.stores import StoreError, StoreOutageError
from ibutsu_server.ingest.upload import RESULT_SUFFIXES, is_result_name
from ibutsu_server.settings.intake import S3, StoreUrl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ibutsu_server.ingest.stores import Store, StoredObject
    from ibutsu_server.settings import IntakeSettings


_SUFFIXES: Final = f"whose name ends in {', '.join(RESULT_SUFFIXES[:-1])} or {RESULT_SUFFIXES[-1]}"


class Missing(NamedTuple):
    """An argument that no file belongs to."""

    argument: str
    reason: str


class RemoteFile(NamedTuple):
    """An object in a bucket, which can be read until the next one is asked for."""

    url: str
    store: Store
    object: StoredObject
    limit: int
    """Bytes it may have."""

    @property
    def name(self) -> str:
        """Return the last part of its name."""
        return self.object.name.rpartition("/")[2]

    def read_bytes(self) -> bytes:
        """Return the content.

        Raises:
            ImportRejectedError: it is too large.
            StoreError, StoreOutageError, ObjectGoneError: the store does not give it.
        """
        return self.store.read(self.object, self.limit)


def find_files(arguments: Iterable[str], settings: IntakeSettings) -> Iterator[Path | RemoteFile | Missing]:
    """Yield each file that an argument names, or that is in a directory or matches a pattern it names.

    Directories are searched with all directories in them; of a pattern ``**`` means these too. An argument
    that begins with ``s3://`` names an object or, unless it ends like the name of one, all objects below it;
    the bucket is reached as ``settings`` say.

    Raises:
        InvalidInputError: the client of S3 is not installed.
    """
    seen: set[Path] = set()
    for argument in arguments:
        if argument.startswith(S3):
            yield from _objects_of(argument, settings)
            continue
        files = list(_files_of(argument))
        if not files:
            yield Missing(argument, _why_nothing(argument))
        for file in files:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file


def _files_of(argument: str) -> Iterator[Path]:
    paths = [Path(argument)]
    if not paths[0].exists():
        paths = [Path(match) for match in sorted(glob.glob(argument, recursive=True))]  # noqa: PTH207 - of any root
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if _is_result_file(file))
        else:
            yield path


def _objects_of(argument: str, settings: IntakeSettings) -> Iterator[RemoteFile | Missing]:
    try:
        url = StoreUrl.parse(argument)
    except ValueError as error:
        yield Missing(argument, f"The URL {error}.")
        return
    name = ""
    if is_result_name(url):
        parent, _, name = url.rpartition("/")
        url = StoreUrl.parse(parent)
    is_empty = True
    try:
        with opened_store(url, settings) as store:
            for each in filter(None, [store.find(name)]) if name else store.objects():
                if is_result_name(each.name):
                    is_empty = False
                    yield RemoteFile(f"{url}/{each.name}", store, each, settings.max_object_bytes)
    except (StoreError, StoreOutageError) as error:
        yield Missing(argument, str(error))
        return
    if is_empty:
        yield Missing(argument, "There is no such object." if name else f"There is no object {_SUFFIXES}.")


def _is_result_file(path: Path) -> bool:
    return is_result_name(path.name) and path.is_file()


def _why_nothing(argument: str) -> str:
    if Path(argument).is_dir():
        return f"The directory holds no file {_SUFFIXES}."
    if glob.has_magic(argument):
        return "No file matches the pattern."
    return "There is no such file or directory."
