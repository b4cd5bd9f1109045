"""Read JUnit reports, in any dialect, as a stream of records."""

from ibutsu_server.ingest.junit.reader import JunitReader

__all__ = ["JunitReader"]
