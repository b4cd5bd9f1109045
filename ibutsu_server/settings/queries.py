"""Define the limits of the answer to a query."""

from __future__ import annotations

from pydantic import PositiveInt
from pydantic_settings import SettingsConfigDict

from ibutsu_server.settings.base import SettingsGroup


class QuerySettings(SettingsGroup):
    """How much a query may answer."""

    model_config = SettingsConfigDict(env_prefix="IBUTSU_QUERY_")

    max_answer_bytes: PositiveInt = 64_000_000
    """Bytes that the rows of one answer may come to as JSON. A query that asks for more fails, with a message
    that names a page size whose rows fit."""
