"""The limits of an import: an uploaded file that exceeds one is rejected, or cut where that is stated."""

from __future__ import annotations

from pydantic import PositiveInt
from pydantic_settings import SettingsConfigDict

from ibutsu_server.settings.base import SettingsGroup


class ImportSettings(SettingsGroup):
    """How large an uploaded file may be once it is unpacked."""

    model_config = SettingsConfigDict(env_prefix="IBUTSU_IMPORT_")

    max_unpacked_bytes: PositiveInt = 2 * 1024**3
    """Bytes an archive may hold when unpacked, counted while reading; more is rejected."""

    max_copied_bytes: PositiveInt = 256 * 1024**2
    """Bytes that are stored with each result of a file though they stand there once; more is rejected."""

    max_members: PositiveInt = 250_000
    """Files an archive may hold; more are rejected."""

    max_artifact_bytes: PositiveInt = 20_000_000
    """Bytes of one artifact; the output of a JUnit case is cut there, with a note."""

    max_nesting: PositiveInt = 1000
    """Levels of nested elements or JSON values; more are rejected."""

    max_cases: PositiveInt = 1_000_000
    """Test cases of one file; more are rejected."""

    batch_size: PositiveInt = 1000
    """Results written to the database at once, fewer where they come to 8 MB; memory grows with it."""

    project_from_metadata: bool = True
    """Whether an upload that no project was given for may add a run to the one its metadata or file names."""
