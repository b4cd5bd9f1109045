"""Open a store by its URL, whichever kind it is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ibutsu_server.exceptions import InvalidInputError
from ibutsu_server.ingest.folder_store import FolderStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibutsu_server.ingest.stores import Store
    from ibutsu_server.settings import IntakeSettings
    from ibutsu_server.settings.intake import StoreUrl


@contextmanager
def opened_store(url: StoreUrl, settings: IntakeSettings) -> Iterator[Store]:
    """Open the store at ``url``; endpoint, region and credentials are those of ``settings``.

    Raises:
        InvalidInputError: the client of S3 is not installed.
    """
    if url.folder:
        yield FolderStore(url.folder)
        return
    try:
        from ibutsu_server.ingest.s3_store import S3Store
    except ModuleNotFoundError as error:
        if error.name not in ("boto3", "botocore"):
            raise
        message = f"{url} cannot be read without a client of S3: pip install 'ibutsu-server[s3]'."
        raise InvalidInputError(message) from error
    with S3Store.connected(url, settings) as store:
        yield store
