"""Break what a scheduler needs: what is due is sent once, by one of those that run."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from contextlib import contextmanager
from time import sleep, time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from ibutsu_server.celery_utils import create_broker_celery_app
from ibutsu_server.settings import BrokerSettings
from ibutsu_server.worker.beat_ledger import LAST_RUNS, LEASE
from tests.integration.faults.outage import LASTING, gone
from tests.processes import SCHEDULER, Process
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.faults.servers import OwnValkey

ACTIVE = "This scheduler is active"
STANDBY = "Another scheduler is active"
OUTAGE = "Redis does not answer: "
END_OF_OUTAGE = "Redis answers again"
SENDING = "Sending due task sync-aborted-runs"
SYNC = "ibutsu_server.tasks.runs.sync_aborted_runs"
OFF = {
    f"IBUTSU_BEAT_{entry}_ENABLED": "false"
    for entry in ("PRUNE_FILES", "PRUNE_RESULTS", "PRUNE_RUNS", "PRUNE_IMPORT_FILES", "RESCUE_IMPORTS")
}
DAY = 86_400


class Sent(NamedTuple):
    """A message that a scheduler has sent."""

    task: str
    pid: str


def settings_of(valkey: OwnValkey, interval: float, **settings: str) -> dict[str, str]:
    """Return the settings of a scheduler with one entry, which no worker consumes."""
    return {
        "CELERY_BROKER_URL": valkey.url,
        "SQLALCHEMY_DATABASE_URI": "sqlite://",
        "IBUTSU_BEAT_LEASE": "3",
        "IBUTSU_BEAT_SYNC_ABORTED_RUNS_SCHEDULE": str(interval),
        **OFF,
        **settings,
    }


@contextmanager
def scheduler(settings: dict[str, str], first: str = ACTIVE, command: str = SCHEDULER) -> Iterator[Process]:
    """Run a scheduler, and wait until it has said what it does."""
    with Process(command, settings) as process:
        process.wait_for(first)
        yield process


def sent(valkey: OwnValkey) -> list[Sent]:
    """Return the messages in the queue, the first one first."""
    with valkey.client() as client:
        messages: Any = client.lrange("celery", 0, -1)
    headers = [json.loads(message)["headers"] for message in reversed(messages)]
    return [Sent(each["task"], each["origin"].partition("@")[0].removeprefix("gen")) for each in headers]


def last_run(valkey: OwnValkey, when: float) -> None:
    """Say when the entry was sent last, as a timestamp; 0 is long ago, so that it is due."""
    with valkey.client() as client:
        client.hset(LAST_RUNS, "sync-aborted-runs", repr(when))


def has_lease(valkey: OwnValkey) -> bool:
    """Return whether a scheduler has the lease."""
    with valkey.client() as client:
        return bool(client.exists(LEASE))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("lease", ["3", pytest.param("30", marks=LASTING)])
def test_of_two_schedulers_the_other_one_takes_over(
    valkey: OwnValkey, how: signal.Signals, lease: str
) -> None:
    """One sends until it ends, then the other one does; no message comes from one that stands by."""
    settings = settings_of(valkey, 1, IBUTSU_BEAT_LEASE=lease)
    with scheduler(settings) as first, scheduler(settings, STANDBY) as second:
        first.wait_for(SENDING, times=2)
        os.kill(first.pid, how)
        assert first.wait() == (0 if how == signal.SIGTERM else -how)
        second.wait_for(ACTIVE)
        second.wait_for(SENDING, times=2)
        assert SENDING not in second.output.partition(ACTIVE)[0]
        senders = [each.pid for each in sent(valkey)]
        taken_over = senders.index(str(second.pid))
        assert set(senders[:taken_over]) == {str(first.pid)}
        assert set(senders[taken_over:]) == {str(second.pid)}


def test_what_was_missed_is_sent_once_by_one_of_two(valkey: OwnValkey) -> None:
    """Both start after an outage in which an entry fell due that comes once a day."""
    last_run(valkey, 0)
    settings = settings_of(valkey, DAY)
    with Process(SCHEDULER, settings) as one, Process(SCHEDULER, settings) as other:
        wait_until(lambda: bool(sent(valkey)))
        for each in (one, other):
            each.stop()
        assert len(sent(valkey)) == 1


def test_a_scheduler_that_ends_frees_its_lease_at_once(valkey: OwnValkey) -> None:
    """SIGTERM leaves the last runs for the next scheduler, and nothing else."""
    settings = settings_of(valkey, DAY, IBUTSU_BEAT_LEASE="40")
    with valkey.client() as client, scheduler(settings) as process:
        wait_until(lambda: client.hlen(LAST_RUNS) == 1)
        assert has_lease(valkey)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait() == 0
        assert not has_lease(valkey)
        assert client.hlen(LAST_RUNS) == 1


def test_an_emptied_redis_ends_no_scheduler_and_sends_nothing_twice(valkey: OwnValkey) -> None:
    """What was sent once a day stays sent, and what is sent each second goes on, from the same scheduler."""
    last_run(valkey, 0)
    further = {"each second": {"task": "ibutsu_server.tasks.importers.rescue_imports", "schedule": 1}}
    settings = settings_of(valkey, DAY, CELERY_BEAT_SCHEDULE=json.dumps(further))
    with scheduler(settings) as first, scheduler(settings, STANDBY) as second:
        first.wait_for(SENDING)
        for _ in range(3):
            with valkey.client() as client:
                client.flushall()
            first.wait_for("Sending due task each second", times=3)
        for each in (second, first):
            each.stop()
            each.wait()
        assert first.output.count(SENDING) == 1
        assert ACTIVE not in second.output
    assert {each.task for each in sent(valkey)} == {further["each second"]["task"]}


def test_a_scheduler_starts_before_redis_does(valkey: OwnValkey) -> None:
    """It reports once that it waits, and sends what was missed when Redis is there."""
    last_run(valkey, 0)
    valkey.kill()
    with scheduler(settings_of(valkey, DAY), OUTAGE) as process:
        sleep(3)  # time for further reports, of which there must be none
        valkey.start()
        process.wait_for(END_OF_OUTAGE)
        wait_until(lambda: bool(sent(valkey)))
        process.stop()
        process.wait()
        assert process.output.count(OUTAGE) == 1
        assert len(process.lines) < 40, process.output
    assert len(sent(valkey)) == 1


@pytest.mark.parametrize("fault", ["killed", "frozen"])
@pytest.mark.parametrize("seconds", [0, pytest.param(60, marks=LASTING)])
def test_what_falls_due_in_an_outage_of_redis_is_sent_once_afterwards(
    valkey: OwnValkey, fault: str, seconds: float
) -> None:
    """Two schedulers run, and Redis is away when the time of the entry has come, and for longer."""
    due = time() + 15
    last_run(valkey, due - DAY)
    settings = settings_of(valkey, DAY)
    with scheduler(settings) as first, scheduler(settings, STANDBY) as second:
        with gone(valkey, fault):
            for each in (first, second):
                each.wait_for(OUTAGE)
            sleep(max(due - time(), 0) + seconds)
        for each in (first, second):
            each.wait_for(END_OF_OUTAGE)
        wait_until(lambda: bool(sent(valkey)))
        for each in (first, second):
            each.stop()
            each.wait()
            assert each.output.count(OUTAGE) == 1
    assert len(sent(valkey)) == 1


def test_a_scheduler_can_be_stopped_while_redis_is_frozen(valkey: OwnValkey) -> None:
    """It ends cleanly before anybody kills it, and reports that the lease ends by itself."""
    with scheduler(settings_of(valkey, DAY)) as process:
        valkey.freeze()
        process.wait_for(OUTAGE)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait() == 0
        assert "The lease ends by itself in 3 s" in process.output, process.output
        valkey.thaw()


def test_a_scheduler_needs_no_folder_and_no_user(valkey: OwnValkey, tmp_path: Path) -> None:
    """It runs where nothing can be written, as a user whom the system does not know, and without a home."""
    anybody = "unshare --user --map-user=54321 --map-group=54321"
    if subprocess.run([*shlex.split(anybody), "true"], check=False).returncode:
        pytest.skip("this machine allows no user namespaces")
    last_run(valkey, 0)
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o555)
    python = f"{anybody} env --unset=HOME --chdir={folder} {shlex.quote(sys.executable)} -m "
    settings = settings_of(valkey, DAY, PYTHONDONTWRITEBYTECODE="1", TMPDIR="/nowhere")
    with scheduler(settings, command=python + SCHEDULER) as process:
        process.wait_for(SENDING)
    assert not list(folder.iterdir())


def test_a_schedule_file_of_an_older_deployment_is_not_written(valkey: OwnValkey, tmp_path: Path) -> None:
    """``--schedule`` is taken and has no effect."""
    last_run(valkey, 0)
    command = f"{SCHEDULER} --schedule {tmp_path / 'celerybeat-schedule'}"
    with scheduler(settings_of(valkey, DAY), command=command) as process:
        process.wait_for(SENDING)
    assert [path.name for path in tmp_path.iterdir()] == ["valkey"]


def test_both_schedulers_answer_a_ping(valkey: OwnValkey) -> None:
    """A health check reaches the one that sends and the one that stands by."""
    settings = settings_of(valkey, DAY)
    sender = create_broker_celery_app("probe", settings=BrokerSettings.hermetic(broker_url=valkey.url))
    with (
        scheduler(settings, command=f"{SCHEDULER} --hostname one@test"),
        scheduler(settings, STANDBY, command=f"{SCHEDULER} --hostname two@test"),
    ):
        names = {"one@test", "two@test"}

        def all_answer() -> bool:
            answers = sender.control.ping(timeout=2) or []
            return {name for answer in answers for name in answer} == names

        wait_until(all_answer)
    sender.close()
