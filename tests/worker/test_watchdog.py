"""Show when a worker counts as stuck."""

from __future__ import annotations

from redis.exceptions import ConnectionError as RedisConnectionError

from ibutsu_server.worker.watchdog import Watch

LIMIT = 60.0


def test_a_worker_is_stuck_when_messages_wait_for_the_whole_limit() -> None:
    """The sentence says for how long nothing was consumed, and how many messages wait."""
    watch = Watch(LIMIT, lambda: 3)
    assert watch.check(10, 20) is None
    assert watch.check(10, 30) is None
    assert watch.check(10, 89) is None
    sentence = "Nothing was consumed for 80 s, though 3 messages wait and the broker answers"
    assert watch.check(10, 90) == sentence


def test_a_worker_that_consumes_is_not_stuck() -> None:
    """The limit begins anew with each sign of life."""
    watch = Watch(LIMIT, lambda: 3)
    for pulse, now in ((10, 20), (10, 30), (85, 89), (85, 100), (85, 159)):
        assert watch.check(pulse, now) is None
    assert watch.check(85, 160)


def test_a_worker_without_messages_is_not_stuck() -> None:
    """The limit begins when messages wait."""
    waiting = 0
    watch = Watch(LIMIT, lambda: waiting)
    assert watch.check(10, 20) is None
    assert watch.check(10, 1000) is None
    waiting = 1
    assert watch.check(10, 1010) is None
    assert watch.check(10, 1069) is None
    assert watch.check(10, 1070)


def test_a_worker_whose_broker_is_away_is_not_stuck() -> None:
    """It has the whole limit to consume again when the broker is back."""
    is_away = True

    def waiting() -> int:
        if is_away:
            raise RedisConnectionError
        return 1

    watch = Watch(LIMIT, waiting)
    assert watch.check(10, 20) is None
    assert watch.check(10, 1000) is None
    is_away = False
    assert watch.check(10, 1010) is None
    assert watch.check(10, 1069) is None
    assert watch.check(10, 1070)
