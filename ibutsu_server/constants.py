"""Hold the fixed numbers of the worker side, each with its unit."""

from __future__ import annotations

from typing import Final

SOCKET_TIMEOUT: Final = 5
"""Seconds a Redis read or write may take before the connection counts as dead."""

SOCKET_CONNECT_TIMEOUT: Final = 5
"""Seconds a connection attempt to Redis may take."""

LOCK_EXPIRE: Final = 1
"""Seconds to wait for a Redis lock before giving up."""

LOCK_TTL: Final = 300
"""Seconds a held Redis lock lives when its holder dies."""

SYNC_RUN_TIME: Final = 3 * 60 * 60
"""Seconds back from now in which ``sync_aborted_runs`` looks for runs."""

MONTH_DAYS: Final = 30
"""Days in a month of retention."""

MIN_FILE_MONTHS: Final = 2
"""Months: artifact files younger than this are never pruned."""

MIN_RESULT_MONTHS: Final = 4
"""Months: results younger than this are never pruned."""

MIN_RUN_MONTHS: Final = 10
"""Months: runs younger than this are never pruned."""

MIN_IMPORT_FILE_DAYS: Final = 1
"""Days: import files younger than this are never pruned."""

SQLITE_BUSY_TIMEOUT: Final = 30
"""Seconds a process waits for another one's write to a SQLite database."""

LARGEST_SETTINGS_FILE: Final = 10_000_000
"""Bytes of a file of settings, such as a manifest, that is read; Kubernetes has objects of 1.5 MB at most."""
