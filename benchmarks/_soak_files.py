"""Reports and archives of any size, and what must become of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from ibutsu_server.db.summary import summarise
from tests.ingest.archives import archive

if TYPE_CHECKING:
    from random import Random

SIZES: Final = (1, 3, 30, 300, 3000)
STATES: Final = ("passed", "failed", "error", "skipped")
_OUTCOMES: Final = {
    "passed": "",
    "failed": '<failure message="no"/>',
    "error": '<error message="no"/>',
    "skipped": '<skipped message="no"/>',
}


class Upload(NamedTuple):
    """A file, and what must become of it."""

    format: str
    content: bytes
    results: int
    artifacts: int
    summary: dict[str, int]


def make_upload(random: Random) -> Upload:
    """Return a JUnit report or an archive, small ones more often than large ones."""
    cases = random.choice(SIZES[: random.randint(1, len(SIZES))])
    states = random.choices(STATES, weights=(8, 1, 1, 1), k=cases)
    summary = summarise(Counter(states))
    if random.random() < 0.7:
        tracebacks = summary["failures"] + summary["errors"]
        return Upload("junit", _report(states), cases, cases + tracebacks, summary)
    return Upload("archive", _archive(states, random), cases, 1, summary)


def _report(states: list[str]) -> bytes:
    lines = (
        f'<testcase classname="tests.TestCart" name="test[{number}]">{_OUTCOMES[state]}'
        f"<system-out>{number}</system-out></testcase>"
        for number, state in enumerate(states)
    )
    return f'<testsuite name="soak">{"".join(lines)}</testsuite>'.encode()


def _archive(states: list[str], random: Random) -> bytes:
    run = _uuid(random)
    files: dict[str, bytes | dict[str, Any]] = {
        f"{run}/run.json": {"id": run, "start_time": "2026-03-01T10:00:00"},
        f"{run}/run.log": b"of the run",
    }
    for number, state in enumerate(states):
        result = _uuid(random)
        files[f"{run}/{result}/result.json"] = {"id": result, "test_id": f"test[{number}]", "result": state}
    return archive(files)


def _uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))
