"""Sum up the results of a run while they are written."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import datetime as dt

    from ibutsu_server.ingest.records import ResultRecord

AGREED_COLUMNS: Final = ("component", "env", "source")
"""Columns of results that the run takes over when all results with a value have the same one."""

Columns = tuple[str | None, str | None, str | None]
"""The values of a result in these columns."""

_COPIED_METADATA: Final = ("jenkins", "tags")


class Totals:
    """What the results of a run come to."""

    def __init__(self) -> None:
        self.results = 0
        self.states: Counter[str] = Counter()
        self.seconds = 0.0
        self.start_time: dt.datetime | None = None
        self.copied: dict[str, Any] = {}
        """Metadata of the first result by start time that the run takes over."""
        self._is_first = True
        self._columns: Columns | None = None
        self._agreed: dict[str, str | None] = {}
        """The value that all results with one have in a column; None where they differ."""

    def add(self, record: ResultRecord, metadata: dict[str, Any], columns: Columns) -> None:
        """Add a result, with its values of the columns that a run takes over where all agree."""
        self.results += 1
        self.states[record.result] += 1
        self.seconds += record.duration or 0.0
        start = record.start_time
        if self._is_first or (start is not None and (self.start_time is None or start < self.start_time)):
            self._is_first = False
            self.start_time = start
            self.copied = {key: metadata[key] for key in _COPIED_METADATA if key in metadata}
        if columns == self._columns:
            return
        self._columns = columns
        for name, value in zip(AGREED_COLUMNS, columns, strict=True):
            if value and self._agreed.setdefault(name, value) != value:
                self._agreed[name] = None

    def agreed(self, name: str) -> str | None:
        """Return the value that all results with one have in a column."""
        return self._agreed.get(name)
