"""Show which entries a scheduler sends, and which of several schedulers sends them."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from time import sleep
from typing import TYPE_CHECKING, Any

import pytest
from kombu.utils.imports import symbol_by_name
from redis import Redis

from ibutsu_server.app import create_app
from ibutsu_server.celery_utils import create_flask_celery_app
from ibutsu_server.settings import BeatSettings, FlaskCelerySettings, Sources
from ibutsu_server.settings.explain import explain
from ibutsu_server.worker.beat_ledger import LAST_RUNS, LEASE
from ibutsu_server.worker.scheduler import LeasedScheduler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibutsu_server.settings.celery_options import CeleryOptions

HOUR = 3600
FRIDAY = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)
SATURDAY_4 = dt.datetime(2026, 1, 3, 4, tzinfo=dt.UTC)
"""When the default plan prunes files; the other prunes and the minutes are switched off in these tests."""

FILES = "ibutsu_server.tasks.db.prune_old_files"
SYNC = "ibutsu_server.tasks.runs.sync_aborted_runs"
OFF = {
    f"{entry}_enabled": False
    for entry in ("prune_results", "prune_runs", "prune_import_files", "rescue_imports")
}


class Clock:
    """The time of all schedulers of a test."""

    def __init__(self) -> None:
        self.now = FRIDAY

    def __call__(self) -> dt.datetime:
        """Return the time."""
        return self.now


class Fleet:
    """Schedulers over one Redis, which see the same time, and what they have sent."""

    def __init__(self, broker_url: str, redis: Redis) -> None:
        self.clock = Clock()
        self.redis = redis
        self._broker_url = broker_url
        self._started: list[LeasedScheduler] = []

    def start(self, *, prefix: str = "", celery: CeleryOptions | None = None, **plan: Any) -> LeasedScheduler:
        """Start a scheduler whose lease lasts so long that only a test ends it."""
        options = {"global_keyprefix": prefix} if prefix else {}
        settings = FlaskCelerySettings.hermetic(
            broker_url=self._broker_url,
            sqlalchemy_database_uri="sqlite://",
            broker_transport_options=options,
            celery=celery or {},
        )
        beat = BeatSettings.hermetic(**{"lease": 40, **OFF, **plan})
        app = create_flask_celery_app(create_app(settings, beat), settings=settings, beat=beat)
        app.now = self.clock  # type: ignore[method-assign]  # Celery's schedules ask the app
        self._started.append(LeasedScheduler(app))
        return self._started[-1]

    def begin(self, **plan: Any) -> LeasedScheduler:
        """Start the first scheduler of a Redis, and return it when it is active."""
        self.redis.hset(LAST_RUNS, "none", 0)
        scheduler = self.start(**plan)
        serve(scheduler)
        return scheduler

    def expire(self) -> None:
        """Let the lease end, as it does some time after its holder was killed."""
        self.redis.delete(LEASE)

    def sent(self, queue: str = "celery") -> Counter[str]:
        """Return how often each task was sent."""
        messages: Any = self.redis.lrange(queue, 0, -1)
        return Counter(json.loads(message)["headers"]["task"] for message in messages)

    def last_runs(self) -> dict[str, dt.datetime]:
        """Return the last runs that Redis knows."""
        stored: Any = self.redis.hgetall(LAST_RUNS)
        return {
            name.decode(): dt.datetime.fromtimestamp(float(when), dt.UTC) for name, when in stored.items()
        }

    def close(self) -> None:
        """End all schedulers."""
        for scheduler in self._started:
            scheduler.close()
            scheduler.app.close()


@pytest.fixture
def fleet(broker_url: str) -> Iterator[Fleet]:
    """Return schedulers over an empty Redis."""
    with Redis.from_url(broker_url) as redis:
        made = Fleet(broker_url, redis)
        yield made
        made.close()


def serve(scheduler: LeasedScheduler) -> None:
    """Let a scheduler send everything that is due now."""
    while not scheduler.tick():
        pass


def test_a_new_deployment_begins_now(fleet: Fleet) -> None:
    """The first scheduler sends nothing at its start, and keeps when that was."""
    fleet.begin()
    assert fleet.sent() == {}
    assert fleet.last_runs() == dict.fromkeys(("prune-old-artifact-files", "sync-aborted-runs"), FRIDAY)


@pytest.mark.parametrize(("seconds", "times"), [(-1, 0), (0, 1), (7 * 24 * HOUR - 1, 1)])
def test_a_crontab_entry_is_sent_once_when_its_time_has_come(fleet: Fleet, seconds: int, times: int) -> None:
    """Not a second before Saturday 04:00, and once however often the scheduler looks."""
    scheduler = fleet.begin()
    fleet.clock.now = SATURDAY_4 + dt.timedelta(seconds=seconds)
    serve(scheduler)
    serve(scheduler)
    assert fleet.sent()[FILES] == times


@pytest.mark.parametrize(("seconds", "times"), [(1799, 0), (1800, 1), (3599, 1)])
def test_an_interval_counts_from_the_last_run(fleet: Fleet, seconds: int, times: int) -> None:
    """An entry that is sent every 30 minutes is sent after 30 minutes."""
    scheduler = fleet.begin()
    fleet.clock.now += dt.timedelta(seconds=seconds)
    serve(scheduler)
    assert fleet.sent()[SYNC] == times
    fleet.clock.now += dt.timedelta(seconds=1)
    serve(scheduler)
    assert fleet.sent()[SYNC] == 1


@pytest.mark.parametrize(("days", "times"), [(0, 0), (1, 1), (30, 1)])
def test_what_fell_due_while_no_scheduler_ran_is_sent_once(fleet: Fleet, days: int, times: int) -> None:
    """One that starts after a day or a month sends the prune that was missed, not one for each week."""
    fleet.begin().close()
    fleet.clock.now += dt.timedelta(days=days)
    late = fleet.start()
    serve(late)
    serve(late)
    assert fleet.sent()[FILES] == times


def test_of_two_schedulers_one_sends(fleet: Fleet) -> None:
    """The other one stands by, and changes nothing."""
    active = fleet.begin()
    standby = fleet.start()
    serve_both = (standby, active, standby)
    fleet.clock.now = SATURDAY_4
    for scheduler in serve_both:
        serve(scheduler)
    assert fleet.sent() == {FILES: 1, SYNC: 1}


@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_the_other_one_takes_over_where_the_first_has_ended(fleet: Fleet, end: str) -> None:
    """What was sent before is not sent again; what falls due afterwards is."""
    active = fleet.begin()
    standby = fleet.start()
    fleet.clock.now = SATURDAY_4
    serve(active)
    serve(standby)
    if end == "killed":
        fleet.expire()
    else:
        active.close()
    serve(standby)
    assert fleet.sent() == {FILES: 1, SYNC: 1}
    fleet.clock.now += dt.timedelta(days=7)
    serve(standby)
    assert fleet.sent() == {FILES: 2, SYNC: 2}


def test_a_scheduler_that_lost_the_lease_sends_nothing(fleet: Fleet) -> None:
    """A process that was stopped for so long that the other one took over learns what that one sent."""
    stopped = fleet.begin()
    fleet.clock.now += dt.timedelta(seconds=1800)
    serve(stopped)
    fleet.expire()
    active = fleet.start()
    fleet.clock.now = SATURDAY_4
    serve(active)
    serve(stopped)
    active.close()
    serve(stopped)
    assert fleet.sent() == {FILES: 1, SYNC: 2}


def test_a_scheduler_that_lost_the_lease_leaves_it_to_the_other_one(fleet: Fleet) -> None:
    """Neither its end nor an emptied Redis takes anything from the one that is active now."""
    stopped = fleet.begin()
    fleet.expire()
    active = fleet.start()
    serve(active)
    stopped._ledger.release()
    assert fleet.redis.exists(LEASE)
    serve(stopped)
    fleet.redis.flushall()
    serve(stopped)
    assert not fleet.redis.exists(LEASE)


def test_a_scheduler_that_lost_the_lease_overwrites_nothing(fleet: Fleet) -> None:
    """What it remembers is older than what the active one has kept."""
    stopped = fleet.begin()
    fleet.expire()
    active = fleet.start()
    fleet.clock.now = SATURDAY_4
    serve(active)
    assert stopped._ledger.save({}) is False
    assert fleet.last_runs()["prune-old-artifact-files"] == SATURDAY_4


def test_an_emptied_redis_is_left_to_the_active_scheduler(fleet: Fleet) -> None:
    """It knows best what was sent: the other one waits, though it is asked first."""
    active = fleet.begin()
    standby = fleet.start()
    serve(standby)
    fleet.clock.now = SATURDAY_4
    serve(active)
    fleet.redis.flushall()
    serve(standby)
    serve(standby)
    serve(active)
    serve(standby)
    assert fleet.sent() == {}
    assert fleet.last_runs()["prune-old-artifact-files"] == SATURDAY_4


def test_each_emptied_redis_is_left_to_the_active_scheduler(
    fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    """The other one waits again, however long ago Redis was emptied before."""
    active = fleet.begin()
    standby = fleet.start(lease=1)
    caplog.set_level("INFO")
    for _ in range(2):
        fleet.redis.flushall()
        serve(standby)
        serve(active)
        serve(standby)
        sleep(0.5)  # longer than the standby waits
    assert "This scheduler is active" not in caplog.text


def test_what_falls_due_while_redis_takes_no_message_is_sent_once_when_it_does(
    fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    """Redis is full, which is reported once, and nothing is left out."""
    scheduler = fleet.begin()
    fleet.clock.now = SATURDAY_4
    caplog.set_level("INFO")
    fleet.redis.config_set("maxmemory", "1")
    try:
        for _ in range(3):
            assert scheduler.tick() == scheduler.max_interval
    finally:
        fleet.redis.config_set("maxmemory", "0")
    assert fleet.sent() == {}
    serve(scheduler)
    serve(scheduler)
    assert fleet.sent() == {FILES: 1, SYNC: 1}
    assert caplog.text.count("Redis does not answer: ") == 1
    assert caplog.text.count("Sending due task") == 2
    assert caplog.text.count("Redis answers again") == 1


def test_a_plan_may_be_empty(fleet: Fleet) -> None:
    """A scheduler without entries is active, and keeps nothing."""
    fleet.begin(prune_files_enabled=False, sync_aborted_runs_enabled=False)
    assert fleet.redis.exists(LEASE)
    assert fleet.last_runs() == {}


def test_a_standby_goes_on_where_redis_and_the_active_scheduler_are_lost_at_once(fleet: Fleet) -> None:
    """It remembers the last runs that it has seen."""
    fleet.begin()
    standby = fleet.start(lease=1)
    serve(standby)
    fleet.redis.flushall()
    fleet.clock.now = SATURDAY_4
    while not fleet.redis.exists(LEASE):
        serve(standby)
    serve(standby)
    assert fleet.sent() == {FILES: 1, SYNC: 1}


def test_an_entry_that_leaves_the_settings_leaves_redis(fleet: Fleet) -> None:
    """It is not sent any more, and where it comes back it begins anew."""
    fleet.begin().close()
    fleet.clock.now = SATURDAY_4
    without = fleet.start(prune_files_enabled=False)
    serve(without)
    assert list(fleet.last_runs()) == ["sync-aborted-runs"]
    without.close()
    again = fleet.start()
    serve(again)
    assert fleet.sent() == {SYNC: 1}
    assert fleet.last_runs()["prune-old-artifact-files"] == SATURDAY_4


def test_a_schedule_that_was_changed_counts_from_the_last_run(fleet: Fleet) -> None:
    """The new interval is over, and the entry is sent."""
    fleet.begin().close()
    fleet.clock.now += dt.timedelta(seconds=60)
    serve(fleet.start(sync_aborted_runs_schedule=60))
    assert fleet.sent() == {SYNC: 1}


@pytest.mark.parametrize("prefix", ["one-", "two-"])
def test_deployments_with_prefixes_of_their_own_do_not_share_a_lease(fleet: Fleet, prefix: str) -> None:
    """Each of them sends, on one Redis and one database of it."""
    fleet.begin()
    other = fleet.start(prefix=prefix)
    fleet.redis.hset(prefix + LAST_RUNS, "sync-aborted-runs", 0)
    serve(other)
    assert fleet.sent(f"{prefix}celery") == {SYNC: 1}
    assert fleet.redis.exists(LEASE, prefix + LEASE) == 2


@pytest.mark.parametrize(
    "value", ["yesterday", "nan", "inf", "1e300", str(FRIDAY.timestamp() + 24 * HOUR + 1)]
)
def test_a_last_run_that_cannot_be_one_counts_as_now(
    fleet: Fleet, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Text, and a time more than a day ahead, which would silence the entry, are reported."""
    fleet.redis.hset(LAST_RUNS, "sync-aborted-runs", value)
    serve(fleet.start())
    assert fleet.last_runs()["sync-aborted-runs"] == FRIDAY
    assert "The last run of sync-aborted-runs in Redis (ibutsu-beat-last-runs) is not a time" in caplog.text


def test_a_clock_may_be_a_day_ahead(fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    """The entry waits until its time has come on this clock too."""
    ahead = FRIDAY + dt.timedelta(days=1)
    fleet.redis.hset(LAST_RUNS, "sync-aborted-runs", repr(ahead.timestamp()))
    serve(fleet.start())
    assert fleet.last_runs()["sync-aborted-runs"] == ahead
    assert "is not a time" not in caplog.text


def test_an_entry_whose_task_refuses_its_arguments_does_not_stop_the_others(
    fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    """It is reported, and tried again at its next time."""
    further = {"odd": {"task": SYNC, "schedule": 60, "args": ("one too many",)}}
    scheduler = fleet.begin(celery={"beat_schedule": further})
    fleet.clock.now += dt.timedelta(seconds=1800)
    serve(scheduler)
    serve(scheduler)
    assert fleet.sent() == {SYNC: 1}
    assert caplog.text.count("odd waits for its next time, check its arguments") == 1


def test_an_active_scheduler_gives_its_lease_up_when_it_ends(fleet: Fleet) -> None:
    """One that stands by takes nothing from the active one when it ends."""
    active = fleet.begin()
    standby = fleet.start()
    serve(standby)
    standby.close()
    assert fleet.redis.exists(LEASE)
    active.close()
    active.close()
    assert not fleet.redis.exists(LEASE)


@pytest.mark.parametrize(("option", "interval"), [(None, 5), (300.0, 5), (2.0, 2)])
def test_the_lease_is_claimed_six_times_while_it_lasts(
    fleet: Fleet, option: float | None, interval: float
) -> None:
    """A longer CELERY_BEAT_MAX_LOOP_INTERVAL would lose it; a shorter one is kept."""
    celery: CeleryOptions = {} if option is None else {"beat_max_loop_interval": option}
    scheduler = fleet.start(lease=30, celery=celery)
    fleet.redis.hset(LAST_RUNS, "none", 0)
    assert scheduler.tick() == scheduler.max_interval == interval
    assert 3_000 < fleet.redis.pttl(LEASE) <= 30_000
    fleet.redis.pexpire(LEASE, 3_000)
    scheduler.tick()
    assert 3_000 < fleet.redis.pttl(LEASE) <= 30_000


def test_the_scheduler_is_ours_unless_somebody_names_another() -> None:
    """So the documented command runs it, and it answers pings; both can be changed, and are explained."""
    given: dict[str, Any] = {"broker_url": "redis://127.0.0.1/0", "sqlalchemy_database_uri": "sqlite://"}
    by_default = FlaskCelerySettings.hermetic(**given).to_celery()
    assert symbol_by_name(by_default["beat_scheduler"]) is LeasedScheduler
    assert by_default["beat_enable_remote_control"] is True
    own: CeleryOptions = {
        "beat_scheduler": "celery.beat:PersistentScheduler",
        "beat_enable_remote_control": False,
    }
    assert own.items() <= FlaskCelerySettings.hermetic(**given, celery=own).to_celery().items()
    assert explain("CELERY_BEAT_SCHEDULER", Sources()).default == f'"{by_default["beat_scheduler"]}"'
    assert explain("CELERY_BEAT_SYNC_EVERY", Sources()).default == "that of Celery"
