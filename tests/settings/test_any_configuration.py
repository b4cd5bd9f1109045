"""Check with generated configurations that whatever is read is valid, or refused with sentences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ibutsu_server.settings import ServerSettings, Sources
from ibutsu_server.settings.celery_options import CeleryOptions
from ibutsu_server.settings.celery_table import _newer_names
from ibutsu_server.settings.origins import Found, Origin
from ibutsu_server.settings.sources import PLACES
from ibutsu_server.settings.tree import names_in
from tests.settings.outputs import ROLES, outputs_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ANY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

REACHABLE = {"CELERY_BROKER_URL": "redis://broker/0", "SQLALCHEMY_DATABASE_URI": "sqlite://"}
OURS = sorted({*names_in(ServerSettings), *PLACES})
CELERYS = sorted(CeleryOptions.__annotations__)
OLD = sorted(_newer_names())

TEXTS = st.text(max_size=8) | st.sampled_from(
    [
        "",
        " ",
        "a\0b",
        "\ud800",
        "caf\udce9",
        "true",
        "none",
        "0",
        "-1",
        "1.5",
        "1e999",
        "nan",
        "inf",
        "9" * 400,
        "json",
        "UTC",
        "../x",
        "* * * * *",
        "0 0 31 2 *",
        "1-99999999 * * * *",
        "redis://:p@h:1/0",
        "redis://[::1",
        "rediss://h?ssl_cert_reqs=x",
        "unix:///s?db=²",
        "sentinel://a;redis://b",
        "postgresql://u:p@h/d?x=1",
        "tcp://10.0.0.1:5432",
        '{"visibility_timeout": "x"}',
        '{"visibility_timeout": 1e999}',
        '{"visibility_timeout": ' + "9" * 400 + "}",
        '{"\\ud800": "\\udfff"}',
        '["\\ud800", null, {}]',
        '{"a": {"task": "t", "schedule": {}}}',
        '{"a": {"task": [], "schedule": 1}}',
    ]
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([2**63, -(2**63), 10**400])


class Unhelpful:
    """An object that neither shows nor compares itself."""

    def __repr__(self) -> str:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]  # it cannot be a key, either


def endless() -> dict[str, Any]:
    """Return a dictionary that holds itself, also in a list."""
    values: dict[str, Any] = {}
    values["a"] = [values]
    return values


SCALARS = (
    st.none()
    | st.booleans()
    | NUMBERS
    | TEXTS
    | st.binary(max_size=4)
    | st.timedeltas()
    | st.builds(object)
    | st.builds(Unhelpful)
    | st.builds(endless)
    | st.builds(pow, st.just(10), st.just(5000))
    | st.sampled_from([re.compile("x"), len, int])
)
KEYS = TEXTS | st.integers() | st.none() | st.binary(max_size=2) | st.tuples(st.integers(), TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda values: (
        st.lists(values, max_size=3)
        | st.dictionaries(KEYS, values, max_size=3)
        | st.tuples(values, values)
        | st.frozensets(TEXTS, max_size=2)
    ),
    max_leaves=5,
)
VARIABLES = st.sampled_from(OURS + [f"CELERY_{name.upper()}" for name in CELERYS] + OLD) | TEXTS.map(
    lambda text: f"CELERY_{text}"
)
NAMES = VARIABLES | VARIABLES.map(lambda name: f"{name}_FILE")
FRAGMENTS = st.sampled_from(
    [
        b"CELERY_BROKER_URL",
        b"=",
        b"\n",
        b"\r",
        b"'",
        b'"',
        b"#",
        b"export ",
        b"\\",
        b"$X",
        b"\xef\xbb\xbf",
        b"\0",
    ]
)
CONTENTS = st.binary(max_size=40) | st.lists(FRAGMENTS | st.binary(max_size=2), max_size=30).map(b"".join)


def everything_works(sources: Sources, *explained: str) -> None:
    """Read ``sources`` for each role and show all that comes of it."""
    for role in ROLES:
        outputs_of(role, sources, *explained)


@ANY
@given(st.dictionaries(NAMES, TEXTS, max_size=5), st.booleans())
@example({"CELERY_TASK_ROUTES": '{"a":' * 50_000}, True)
@example({"CELERY_WORKER_MAX_TASKS_PER_CHILD": "9" * 5000, "CELERY_TASK_MAX_RETRIES": "9" * 4000}, True)
@example({"CELERY_INCLUDE": "a," * 100_000}, True)
@example({"CELERY_BROKER_TRANSPORT_OPTIONS": '{"visibility_timeout": null}'}, True)
@example({"CELERY_TASK_TIME_LIMIT": "1.7e308"}, True)
def test_any_environment_is_valid_or_refused(environ: dict[str, str], reachable: bool) -> None:
    """Whatever a variable holds, each role starts or reports faults, and all that is shown of it can be."""
    everything_works(Sources(environ={**(REACHABLE if reachable else {}), **environ}), *list(environ)[:1])


@ANY
@given(
    st.dictionaries(VARIABLES | KEYS, VALUES, max_size=4),
    st.dictionaries(st.sampled_from(CELERYS) | KEYS, VALUES, max_size=4) | VALUES,
)
@example({}, {"task_annotations": endless(), "beat_schedule": endless()})
@example(endless(), endless())
@example({}, {"beat_schedule": None, "accept_content": None, "include": None})
@example({}, {"beat_schedule": {"a": {"task": "t", "schedule": object()}}})
def test_any_flask_config_is_valid_or_refused(config: dict[Any, Any], celery: Any) -> None:
    """Nested and endless values, keys that are no text, bytes and objects are no exception."""
    everything_works(Sources(flask_config={**config, "CELERY": celery}, environ=REACHABLE))
    if isinstance(celery, Mapping) and all(isinstance(key, str) for key in celery):
        everything_works(Sources(flask_config={"CELERY": {"celery": celery}}, environ=REACHABLE))


@ANY
@given(CONTENTS)
def test_any_env_file_is_valid_or_refused(tmp_path: Path, content: bytes) -> None:
    """Bytes of any kind make variables, or a fault with the file's name."""
    path = tmp_path / "any.env"
    path.write_bytes(content)
    everything_works(Sources(environ=REACHABLE, env_file=path))


@ANY
@given(st.dictionaries(VARIABLES, CONTENTS, min_size=1, max_size=3))
def test_any_secret_file_is_valid_or_refused(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    """The same holds for files in the secrets directory and for those that a variable names."""
    folder = tmp_path_factory.mktemp("secrets")
    names = [name for name in files if name.isascii() and name.isidentifier() and len(name) < 99]
    for name in names:
        (folder / name.lower()).write_bytes(files[name])
    named = {f"{name}_FILE": str(folder / name.lower()) for name in names}
    everything_works(Sources(secrets_directory=folder))
    everything_works(Sources(environ={**REACHABLE, **named}))


@ANY
@given(st.dictionaries(NAMES, TEXTS, max_size=5))
def test_any_environment_of_a_manifest_is_valid_or_refused(environ: dict[str, str]) -> None:
    """The environment that a file gives a process elsewhere is read like that of this process."""
    found = {
        name: Found(value, Origin("environment variable", name, "compose.yml", 3))
        for name, value in environ.items()
    }
    everything_works(Sources(deployed=found))
