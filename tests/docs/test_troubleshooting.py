"""Show that the processes print what the troubleshooting page quotes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.processes import FLOWER, SCHEDULER, WORKER, Process
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE: Final = (Path(__file__).parents[2] / "docs" / "troubleshooting.rst").read_text(encoding="utf-8")
QUOTED: Final = re.findall(r"^\.\. code-block:: text\n\n   (.*)$", PAGE, re.M)
NO_BROKER: Final = {"CELERY_BROKER_URL": "redis://localhost:1/0"}
NO_SERVER: Final = NO_BROKER | {"SQLALCHEMY_DATABASE_URI": "sqlite://"}
NO_ENTRY: Final = {
    f"IBUTSU_BEAT_{entry}_ENABLED": "false"
    for entry in (
        "PRUNE_FILES",
        "PRUNE_RESULTS",
        "PRUNE_RUNS",
        "PRUNE_IMPORT_FILES",
        "SYNC_ABORTED_RUNS",
        "RESCUE_IMPORTS",
    )
}

SYMPTOMS: Final[list[tuple[str, str, Mapping[str, str]]]] = [
    ("CELERY_BROKER_URL environment variable", FLOWER, {}),
    ("Failed to capture events", FLOWER, NO_BROKER),
    (
        "The database postgresql://",
        WORKER,
        NO_BROKER | {"SQLALCHEMY_DATABASE_URI": "postgresql://ibutsu:hunter2@localhost:1/ibutsu"},
    ),
    ("SQLALCHEMY_DATABASE_URI environment variable", WORKER, NO_BROKER),
    ("CELERY_INCLUDE names", WORKER, NO_SERVER | {"CELERY_INCLUDE": "ibutsu_server.tasks.nope"}),
    ("The schedule has 6 entries", SCHEDULER, NO_SERVER),
    ("The schedule is empty", SCHEDULER, NO_SERVER | NO_ENTRY),
    (
        "IBUTSU_BEAT_PRUNE_RUNS_SCHEDULE",
        SCHEDULER,
        NO_SERVER | {"IBUTSU_BEAT_PRUNE_RUNS_SCHEDULE": "0 6 30 2 *"},
    ),
]


def test_every_quotation_has_its_symptom() -> None:
    """Each message on the page is one that a test waits for, in the same order."""
    assert len(QUOTED) == len(SYMPTOMS)
    assert all(quoted.startswith(start) for quoted, (start, _, _) in zip(QUOTED, SYMPTOMS, strict=True))


@pytest.mark.parametrize("number", range(len(SYMPTOMS)))
def test_the_process_prints_what_the_page_quotes(number: int) -> None:
    """The documented command, in the situation of the symptom, prints the quoted words and no password."""
    _, command, settings = SYMPTOMS[number]
    with Process(command.format(port=free_port()), settings) as process:
        process.wait_for(QUOTED[number])
    assert "hunter2" not in process.output
