"""Show that limits that belong together follow those that were given, whatever these are."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings import FlaskCelerySettings, PruneSettings, ServerSettings, Sources

REACHABLE: Final = {"CELERY_BROKER_URL": "redis://broker/0", "SQLALCHEMY_DATABASE_URI": "sqlite://"}
HARD: Final = "CELERY_TASK_TIME_LIMIT"
SOFT: Final = "CELERY_TASK_SOFT_TIME_LIMIT"
VISIBILITY: Final = "CELERY_BROKER_VISIBILITY_TIMEOUT"
OPTIONS: Final = "CELERY_BROKER_TRANSPORT_OPTIONS"
BACKOFF: Final = "CELERY_TASK_RETRY_BACKOFF_MAX"
BUDGET: Final = "IBUTSU_PRUNE_TIME_BUDGET"

FIELDS: Final = {
    HARD: "task_time_limit",
    SOFT: "task_soft_time_limit",
    VISIBILITY: "broker_visibility_timeout",
    BACKOFF: "task_retry_backoff_max",
}


def read(**environ: Any) -> ServerSettings:
    """Read the tree from the environment."""
    variables = {**REACHABLE, **{name: str(value) for name, value in environ.items()}}
    return ServerSettings.from_sources(Sources(environ=variables))


def limits_of(server: ServerSettings) -> dict[str, float]:
    """Return the five limits by their variables."""
    limits: dict[str, float] = {name: getattr(server.celery, field) for name, field in FIELDS.items()}
    return {**limits, BUDGET: server.prune.time_budget}


def origins_of(server: ServerSettings) -> dict[str, str]:
    """Return where each limit came from."""
    origins = {name: str(server.celery.origin_of(field)) for name, field in FIELDS.items()}
    return {**origins, BUDGET: str(server.prune.origin_of("time_budget"))}


DEFAULTS: Final = {HARD: 7200, SOFT: 6900, VISIBILITY: 10_800, BACKOFF: 600, BUDGET: 3600}


def test_the_defaults_fit_each_other() -> None:
    """Without any of them given, all have their documented defaults."""
    server = read()
    assert limits_of(server) == DEFAULTS
    assert set(origins_of(server).values()) == {"default"}


def test_a_limit_that_already_fits_stays_a_default() -> None:
    """The visibility timeout that the default time limit needs changes no other limit, and derives none."""
    server = read(**{VISIBILITY: 10_800})
    assert limits_of(server) == DEFAULTS
    derived = {name: origin for name, origin in origins_of(server).items() if origin != "default"}
    assert derived == {VISIBILITY: f"environment variable {VISIBILITY}"}
    assert origins_of(read(**{VISIBILITY: 10_799}))[HARD] == f"derived from {VISIBILITY}"


@pytest.mark.parametrize(
    ("environ", "derived", "followed"),
    [
        ({HARD: 3600}, {SOFT: 3450, BUDGET: 2300}, {SOFT: HARD, BUDGET: SOFT}),
        ({HARD: 14_400}, {SOFT: 13_800, VISIBILITY: 21_600}, {SOFT: HARD, VISIBILITY: HARD}),
        ({SOFT: 600}, {BUDGET: 400}, {BUDGET: SOFT}),
        ({SOFT: 13_800}, {HARD: 14_400, VISIBILITY: 21_600}, {HARD: SOFT, VISIBILITY: HARD}),
        ({SOFT: 6900}, {}, {HARD: SOFT}),
        ({SOFT: 6899}, {}, {}),
        (
            {VISIBILITY: 3600},
            {HARD: 2400, SOFT: 2300, BUDGET: 1533.33},
            {HARD: VISIBILITY, SOFT: HARD, BUDGET: SOFT},
        ),
        (
            {VISIBILITY: 600},
            {HARD: 400, SOFT: 383.33, BACKOFF: 400, BUDGET: 255.56},
            {HARD: VISIBILITY, SOFT: HARD, BACKOFF: VISIBILITY, BUDGET: SOFT},
        ),
        (
            {VISIBILITY: 2},
            {HARD: 1.33, SOFT: 1.28, BACKOFF: 1, BUDGET: 0.85},
            {HARD: VISIBILITY, SOFT: HARD, BACKOFF: VISIBILITY, BUDGET: SOFT},
        ),
        ({VISIBILITY: 3600, SOFT: 2300}, {HARD: 2400, BUDGET: 1533.33}, {HARD: VISIBILITY, BUDGET: SOFT}),
        ({VISIBILITY: 3600, SOFT: 3000}, {HARD: 3300, BUDGET: 2000}, {HARD: VISIBILITY, BUDGET: SOFT}),
        ({BACKOFF: 20_000}, {VISIBILITY: 30_000}, {VISIBILITY: BACKOFF}),
        ({BUDGET: 6899}, {}, {}),
        ({BUDGET: 6900}, {SOFT: 7050}, {HARD: BUDGET, SOFT: BUDGET}),
        (
            {BUDGET: 23_000},
            {HARD: 24_000, SOFT: 23_500, VISIBILITY: 36_000},
            {HARD: BUDGET, SOFT: BUDGET, VISIBILITY: HARD},
        ),
        ({BUDGET: 3500, HARD: 3600}, {SOFT: 3550}, {SOFT: BUDGET}),
        ({BUDGET: 3000, VISIBILITY: 3600}, {HARD: 3300, SOFT: 3162.5}, {HARD: VISIBILITY, SOFT: HARD}),
    ],
)
def test_what_was_not_given_follows_what_was(
    environ: dict[str, float], derived: dict[str, float], followed: dict[str, str]
) -> None:
    """Each derived limit names the setting that it follows; the others stay as they are."""
    server = read(**environ)
    assert limits_of(server) == pytest.approx({**DEFAULTS, **derived, **environ}, abs=0.01)
    assert origins_of(server) == {
        **dict.fromkeys(DEFAULTS, "default"),
        **{name: f"derived from {setting}" for name, setting in followed.items()},
        **{name: f"environment variable {name}" for name in environ},
    }


def test_the_visibility_timeout_of_the_transport_counts_like_the_setting() -> None:
    """An option of the broker's transport is what kombu uses: limits and backend follow it."""
    server = read(**{OPTIONS: '{"visibility_timeout": 3600}'})
    assert limits_of(server)[HARD] == 2400
    celery = server.to_celery()
    assert celery["broker_transport_options"]["visibility_timeout"] == 3600
    assert celery["result_backend_transport_options"]["visibility_timeout"] == 3600


def test_early_acknowledgement_lets_a_task_outlast_the_visibility_timeout() -> None:
    """A message that is acknowledged before the work is not delivered again."""
    server = read(**{VISIBILITY: 3600, "CELERY_TASK_ACKS_LATE": "false"})
    assert limits_of(server)[HARD] == 7200
    assert limits_of(read(**{VISIBILITY: 600, HARD: 9000, "CELERY_TASK_ACKS_LATE": "false"}))[HARD] == 9000


def test_groups_that_are_given_as_objects_follow_each_other_as_well() -> None:
    """The origin of an object does not matter for what is derived."""
    celery = FlaskCelerySettings.hermetic(
        broker_url="redis://a/0", sqlalchemy_database_uri="sqlite://", task_time_limit=3600
    )
    server = ServerSettings.hermetic(celery=celery, prune=PruneSettings.hermetic())
    assert server.prune.time_budget == 2300
    server = ServerSettings.hermetic(celery=celery, prune=PruneSettings.hermetic(time_budget=3500))
    assert (server.celery.task_soft_time_limit, server.prune.time_budget) == (3550, 3500)


TWICE: Final = "a long import would be delivered twice; raise it above the time limit"
FAILURE: Final = "the prune would end as a failure; lower it"


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        (
            {SOFT: 8000, HARD: 7200},
            f"{SOFT} is 8000 s, above {HARD}, which is 7200 s, so it never acts; lower it",
        ),
        (
            {VISIBILITY: 3600, HARD: 3600},
            f"{VISIBILITY} gives a visibility timeout of 3600 s, not longer than {HARD}, which is 3600 s: "
            + TWICE,
        ),
        (
            {VISIBILITY: 3600, SOFT: 3600},
            f"{VISIBILITY} gives a visibility timeout of 3600 s, not longer than {SOFT}, which is 3600 s: "
            + TWICE,
        ),
        (
            {OPTIONS: '{"visibility_timeout": 60}', HARD: 100},
            f"{OPTIONS} gives a visibility timeout of 60 s, not longer than {HARD}, which is 100 s: {TWICE}",
        ),
        (
            {VISIBILITY: 600, BACKOFF: 600},
            f"{VISIBILITY} gives a visibility timeout of 600 s, not longer than {BACKOFF}, which is 600 s: "
            "a waiting retry would be delivered twice; raise it above the longest wait",
        ),
        ({BUDGET: 600, SOFT: 600}, f"{BUDGET} is 600 s, not shorter than {SOFT}, which is 600 s: {FAILURE}"),
        ({BUDGET: 600, HARD: 600}, f"{BUDGET} is 600 s, not shorter than {HARD}, which is 600 s: {FAILURE}"),
        (
            {BUDGET: 600, VISIBILITY: 600},
            f"{BUDGET} is 600 s, not shorter than {VISIBILITY}, which is 600 s: {FAILURE}",
        ),
        (
            {BUDGET: 700, OPTIONS: '{"visibility_timeout": 600}'},
            f"{BUDGET} is 700 s, not shorter than {OPTIONS}, which is 600 s: {FAILURE}",
        ),
        ({VISIBILITY: 1}, f"{VISIBILITY} must be a whole number, at least 2, at most 1,000,000,000"),
        (
            {OPTIONS: '{"visibility_timeout": 1}'},
            f"{OPTIONS} has a visibility_timeout that is not a number of seconds from 2 to 1,000,000,000",
        ),
        (
            {OPTIONS: '{"visibility_timeout": "3600"}'},
            f"{OPTIONS} has a visibility_timeout that is not a number of seconds from 2 to 1,000,000,000",
        ),
        (
            {OPTIONS: '{"visibility_timeout": true}'},
            f"{OPTIONS} has a visibility_timeout that is not a number of seconds from 2 to 1,000,000,000",
        ),
        (
            {OPTIONS: '{"visibility_timeout": 1000000001}'},
            f"{OPTIONS} has a visibility_timeout that is not a number of seconds from 2 to 1,000,000,000",
        ),
        ({HARD: "inf"}, f"{HARD} must be a number, above 0, at most 1,000,000,000"),
        ({SOFT: "nan"}, f"{SOFT} must be a number, above 0, at most 1,000,000,000"),
        ({BUDGET: 0}, f"{BUDGET} must be a number, above 0, at most 1,000,000,000"),
    ],
)
def test_a_contradiction_is_one_sentence_with_both_numbers(environ: dict[str, Any], sentence: str) -> None:
    """The limits that were given are named, not one that was derived from them."""
    with pytest.raises(ConfigurationError) as caught:
        read(**environ)
    assert str(caught.value) == sentence


def is_consistent(given: dict[str, float], *, acks_late: bool) -> bool:
    """Tell whether values for the limits that are not given can be found."""
    longest = [given[name] for name in (BUDGET, SOFT, HARD) if name in given]
    waits = [*(longest if acks_late else []), given.get(BACKOFF, 1)]
    return (
        given.get(BUDGET, 0) < min(given.get(SOFT, 1e9), given.get(HARD, 1e9))
        and given.get(SOFT, 0) <= given.get(HARD, 1e9)
        and max(waits) < given.get(VISIBILITY, 2e9)
    )


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from([HARD, SOFT, BUDGET]), st.integers(1, 20_000) | st.floats(0.1, 1e8)),
    st.none() | st.integers(1, 20_000),
    st.none() | st.integers(2, 40_000) | st.integers(2, 10**9),
    st.booleans(),
    st.booleans(),
)
@example({}, None, 2, True, True)
@example({BUDGET: 1e8, HARD: 1e8 + 1}, None, None, True, True)
@example({SOFT: 3599.0}, None, 3600, True, False)
def test_any_consistent_limits_are_kept_and_the_others_fit(
    given: dict[str, float], backoff: int | None, visibility: int | None, acks_late: bool, as_option: bool
) -> None:
    """Whatever subset is given, its values are in force, and all together cannot contradict each other."""
    given |= {BACKOFF: backoff} if backoff else {}
    given |= {VISIBILITY: visibility} if visibility else {}
    assume(is_consistent(given, acks_late=acks_late))
    environ: dict[str, Any] = {**given, "CELERY_TASK_ACKS_LATE": str(acks_late)}
    if visibility and as_option:
        environ[OPTIONS] = f'{{"visibility_timeout": {environ.pop(VISIBILITY)}}}'
    server = read(**environ)
    limits = {**limits_of(server), VISIBILITY: server.celery.visibility_timeout}
    assert {name: limits[name] for name in given} == given
    assert limits[BUDGET] < limits[SOFT] <= limits[HARD]
    assert not acks_late or limits[HARD] < limits[VISIBILITY]
    assert limits[BACKOFF] < limits[VISIBILITY]
    kinds = {name: origin.partition(" ")[0] for name, origin in origins_of(server).items()}
    changed = {name for name in DEFAULTS if limits[name] != DEFAULTS[name]} - given.keys()
    assert all(kinds[name] == "derived" for name in changed)


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(st.sampled_from([HARD, SOFT, BUDGET]), st.integers(1, 50)),
    st.none() | st.integers(1, 50),
    st.none() | st.integers(2, 50),
)
def test_any_contradiction_names_two_limits_that_were_given(
    given: dict[str, float], backoff: int | None, visibility: int | None
) -> None:
    """A sentence that blames a limit that nobody wrote would help nobody."""
    given |= {BACKOFF: backoff} if backoff else {}
    given |= {VISIBILITY: visibility} if visibility else {}
    assume(not is_consistent(given, acks_late=True))
    with pytest.raises(ConfigurationError) as caught:
        read(**given)
    for fault in caught.value.faults:
        named = {name: seconds for name, seconds in given.items() if name in str(fault)}
        assert len(named) == 2
        assert all(f"{seconds} s" in fault.problem for seconds in named.values())
