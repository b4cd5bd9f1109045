"""Check that a secret shows in no output, wherever it is written and whatever is wrong with it."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibutsu_server.settings import BrokerSettings, FlaskCelerySettings, Sources
from ibutsu_server.settings.origins import Found, Origin
from ibutsu_server.settings.redaction import redact, redact_text
from tests.settings.outputs import ROLES, outputs_of, outputs_of_groups

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET: Final = "hunter2"  # noqa: S105 - a password of these tests
VALID: Final = {"CELERY_BROKER_URL": "redis://broker/0", "SQLALCHEMY_DATABASE_URI": "sqlite://"}

URLS: Final = [
    f"redis://:{SECRET}@broker:6379/0",
    f"redis://user:{SECRET}@broker",
    f"redis://{SECRET}@broker/0",
    f"rediss://:{SECRET}@broker/0?ssl_cert_reqs=none",
    f"rediss://:{SECRET}@broker/0?ssl_cert_reqs=maybe",
    f"sentinel://:{SECRET}@a:26379;sentinel://:{SECRET}@b:26379",
    f"redis+socket://:{SECRET}@/run/redis.sock?virtual_host=1",
    f"redis://:a@{SECRET}@broker/0",
    f"redis://:a/{SECRET}@broker/0",
    f"redis://:1?{SECRET}@broker/0",
    f"redis://:1?a&{SECRET}@broker/0",
    f"redis://:1#{SECRET}@broker/0",
    f"redis://:{SECRET}:{SECRET}@broker:x/0",
    f"redis://broker/0?password={SECRET}",
    f"redis://broker/0?timeout={SECRET}",
    f"redis://broker/{SECRET}",
    f"amqp://user:{SECRET}@broker//",
    f"postgresql://user:{SECRET}@db:5432/ibutsu?sslmode=require",
    f"postgresql://user@db/ibutsu?password={SECRET}",
    f"postgresql://user:a/{SECRET}@db/ibutsu",
    f"postgresql://user:{SECRET}@[::1/ibutsu",
    f"mysql://user:{SECRET}@db/ibutsu",
    SECRET,
]
URL_NAMES: Final = [
    "CELERY_BROKER_URL",
    "CELERY_RESULT_BACKEND",
    "CELERY_RESULT_BACKEND_URL",
    "CELERY_BROKER_READ_URL",
    "SQLALCHEMY_DATABASE_URI",
    "POSTGRESQL_HOST",
    "BROKER_URL",
    "CELERY_BROKER_ULR",
    "SQLALCHEMY_DATABASE_URL",
    "IBUTSU_DATABASE",
]
SECRET_NAMES: Final = [
    "POSTGRESQL_PASSWORD",
    "POSTGRES_PASSWORD",
    "POSTGRESQL_PASWORD",
    "CELERY_REDIS_SENTINEL_PASSWORD",
    "CELERY_REDIS_PASSWORD",
    "CELERY_BROKER_PASSWORD",
    "CELERY_SECURITY_KEY_PASSWORD",
    "CELERY_ELASTICSEARCH_PASSWORD",
    "CELERY_COUCHBASE_BACKEND_SETTINGS",
    "FLOWER_BASIC_AUTH",
    "FLOWER_BASICAUTH",
    "FLOWER_COOKIE_SECRET",
    # A password that was written after the wrong name:
    "POSTGRESQL_PORT",
    "POSTGRESQL_SSLMODE",
    "CELERY_TASK_TIME_LIMIT",
    "CELERY_TASK_ACKS_LATE",
    "CELERY_WORKER_CONCURRENCY",
    "CELERY_TASK_TRACK_STARTED",
    "CELERY_TIMEZONE",
    "IBUTSU_PRUNE_BATCH_SIZE",
    "IBUTSU_BEAT_PRUNE_RUNS_SCHEDULE",
    "CELERY_TASK_QUEUES",
    "CELERY_BROKER_TRANSPORT_OPTIONS",
    "CELERY_BEAT_SCHEDULE",
    "FLOWER_PORT",
]
OPTION_NAMES: Final = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "PWD",
    "auth",
    "Authorization",
    "auth_token",
    "apikey",
    "api_key",
    "x-api-key",
    "ApiKey",
    "dsn",
    "sentry_dsn",
    "bearer",
    "token",
    "access_token",
    "secret",
    "client_secret",
    "aws_secret_access_key",
    "private_key",
    "AccountKey",
    "key",
    "credentials",
    "cookie",
    "connection_string",
]


def is_hidden(sources: Sources, *explained: str) -> None:
    """Assert that no output for any role has the secret."""
    for role in ROLES:
        assert SECRET not in outputs_of(role, sources, *explained)
    assert SECRET not in repr(sources)


def written_as(text: str) -> Iterator[str]:
    """Yield the forms in which a login or a list may hold ``text``."""
    yield text
    yield f"user:{text}"
    yield f"user:{text},{text}"
    yield json.dumps([f"user:{text}"])
    yield json.dumps({"password": text})
    yield json.dumps({"password": text})[:-1]


NO_SECRETS: Final = [
    ("CELERY_BROKER_READ_URL", f"redis://broker/0?timeout={SECRET}"),
    ("CELERY_BROKER_READ_URL", f"redis://broker/{SECRET}"),
    ("CELERY_BROKER_READ_URL", SECRET),
    ("POSTGRESQL_HOST", SECRET),
]
"""Valid values in which nothing says that they are secrets."""


@pytest.mark.parametrize(
    ("name", "url"), [pair for pair in product(URL_NAMES, URLS) if pair not in NO_SECRETS]
)
def test_the_password_of_a_url_is_hidden(name: str, url: str) -> None:
    """In every variable that holds a URL, or that somebody takes for one, right or wrong."""
    is_hidden(Sources(environ={**VALID, name: url}), name)
    is_hidden(Sources(flask_config={"CELERY": {name.removeprefix("CELERY_").lower(): url}}, environ=VALID))


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_password_is_hidden_in_every_form(name: str) -> None:
    """The value is neither quoted where it is wrong nor shown where it is right."""
    for text in written_as(SECRET):
        is_hidden(Sources(environ={**VALID, name: text}), name)
        is_hidden(Sources(environ={**VALID, "POSTGRESQL_HOST": "db", name: text}), name)


@pytest.mark.parametrize("name", [*SECRET_NAMES[:10], *URL_NAMES[:5]])
def test_a_password_in_place_of_a_path_is_hidden(name: str) -> None:
    """<NAME>_FILE is meant to hold the path of the secret, and not the secret."""
    environ = {key: value for key, value in VALID.items() if key != name}
    text = f"redis://:{SECRET}@broker/0" if "PASSWORD" not in name and "AUTH" not in name else SECRET
    is_hidden(Sources(environ={**environ, f"{name}_FILE": text}), name)


def test_a_password_in_a_file_is_hidden(tmp_path: Path) -> None:
    """Broken lines of a .env file and the content of secret files are not quoted."""
    lines = [
        *URLS,
        *(f"{name} {SECRET}" for name in SECRET_NAMES),
        *(f"{name}='{SECRET}" for name in URL_NAMES),
    ]
    for line in lines:
        (tmp_path / "any.env").write_text(f"{line}\nCELERY_REDIS_PASSWORD={SECRET}\n")
        is_hidden(Sources(environ=VALID, env_file=tmp_path / "any.env"))
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name in (*SECRET_NAMES, *URL_NAMES):
        (folder / name.lower()).write_text(SECRET)
    is_hidden(Sources(environ=VALID, secrets_directory=folder), *SECRET_NAMES[:4])


def in_json(value: Any) -> str:
    """Return ``value`` as JSON, in which bytes are text."""
    return json.dumps(value, default=bytes.decode)


LEAVES = st.sampled_from(
    [SECRET, f"a {SECRET} b", f"redis://:{SECRET}@h", [SECRET], {"x": SECRET}, SECRET.encode()]
)
PAIRS = st.builds(lambda name, value: {name: value}, st.sampled_from(OPTION_NAMES), LEAVES)
TEXTS = st.builds(
    lambda name, form: form.format(name=name, secret=SECRET),
    st.sampled_from(OPTION_NAMES),
    st.sampled_from(
        [
            "host=db {name}={secret} user=x",
            "{name}: {secret}",
            "https://host/path?a=b&{name}={secret}&c=d",
            "Server=db;{name}={secret};Database=x",
            '{{"{name}": "{secret}", ',
            "{{'{name}': 'a {secret}'}}",
            'x {{"y": "{{\\"{name}\\": \\"a {secret}\\"}}"}}',
            '--{name}="a {secret}"',
            'x {{"{name}": {{"y": ["a {secret}"]}}}}',
        ]
    ),
)
HEADERS = st.sampled_from([f"Bearer {SECRET}", f"Authorization: Basic {SECRET}", f"token {SECRET}"])
NESTED = st.recursive(
    PAIRS | TEXTS | HEADERS | st.sampled_from(URLS[:7]) | PAIRS.map(lambda pair: next(iter(pair.items()))),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.lists(inner, min_size=1, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["a", "options", "headers"]), inner, min_size=1, max_size=2)
        | inner.map(in_json)
        | inner.map(lambda value: in_json(value).encode())
    ),
    max_leaves=4,
)


@settings(max_examples=200, deadline=None)
@given(NESTED)
def test_a_secret_is_hidden_at_any_depth(value: Any) -> None:
    """In dictionaries, lists, tuples, pairs, bytes, and in JSON inside of text inside of JSON."""
    assert SECRET not in json.dumps(redact("", value), allow_nan=False)


@settings(max_examples=50, deadline=None)
@given(NESTED, st.sampled_from(["broker_transport_options", "task_annotations", "database_engine_options"]))
def test_a_secret_in_an_option_is_hidden(value: Any, option: str) -> None:
    """Whether the options come as objects or as JSON text, they show no secret."""
    options = value if isinstance(value, dict) else {"options": value}
    config = Sources(flask_config={"CELERY": {option: options}}, environ=VALID)
    environment = Sources(environ={**VALID, f"CELERY_{option.upper()}": in_json(options)})
    assert SECRET not in outputs_of("worker", config) + outputs_of("worker", environment)


@pytest.mark.parametrize("arguments", [{"args": [SECRET]}, {"args": SECRET}, {"kwargs": {"user": SECRET}}])
def test_the_arguments_of_a_beat_entry_are_hidden(arguments: dict[str, Any]) -> None:
    """A task may take a token; its entry is shown without them, and works with them."""
    entries = {"nightly": {"task": "t", "schedule": 60, **arguments}}
    for sources in (
        Sources(flask_config={"CELERY": {"beat_schedule": entries}}, environ=VALID),
        Sources(environ={**VALID, "CELERY_BEAT_SCHEDULE": json.dumps(entries)}),
    ):
        is_hidden(sources, "CELERY_BEAT_SCHEDULE")
        celery = FlaskCelerySettings.from_sources(sources)
        assert SECRET in str(celery.to_celery()["beat_schedule"])


@pytest.mark.parametrize("url", URLS[:7])
def test_an_object_made_in_code_shows_no_secret(url: str) -> None:
    """Its representation, its dumps and its URLs hide the password, which Celery gets."""
    settings = (
        BrokerSettings.hermetic(
            broker_url=url,
            redis_sentinel_master_name="main",
            redis_sentinel_password=SECRET,
            broker_transport_options={"sentinel_kwargs": {"password": SECRET}},
        )
        if "maybe" not in url
        else BrokerSettings.hermetic(broker_url=URLS[0])
    )
    assert SECRET not in outputs_of_groups([settings])
    assert SECRET in str(settings.to_celery())


def test_a_raw_value_shows_no_secret() -> None:
    """What a source finds is not yet known to be a secret, so that it is never shown."""
    assert SECRET not in repr(Found(SECRET, Origin("argument", "x")))


@pytest.mark.parametrize(
    "text",
    [
        "redis://broker:6379/0",
        "redis://auth-server:6379/0",
        "sentinel://token-a:26379;sentinel://token-b:26379",
        "postgresql://user@db/ibutsu?sslmode=require",
        "sqlite:////var/lib/ibutsu.db",
        "[%(asctime)s: %(levelname)s/%(processName)s] %(message)s",
        "ibutsu_server.tasks.db.prune_old_files",
        "task_default_routing_key=imports",
        "0 4 * * 6",
    ],
)
def test_what_is_no_secret_is_shown(text: str) -> None:
    """Hosts, ports, queues and formats can be read, whatever they are called."""
    assert redact("", text) == text


@pytest.mark.parametrize(
    "name", ["task_default_routing_key", "worker_concurrency", "queue", "routing_key", "keyspace"]
)
def test_an_option_that_is_no_secret_is_shown(name: str) -> None:
    """The end "key" alone does not make a routing key a secret."""
    assert redact(name, "imports") == "imports"


@pytest.mark.parametrize(("value", "shown"), [(True, True), (None, None), (5, "***"), ("", "***"), ([], [])])
def test_whether_a_secret_is_set_is_shown(value: Any, shown: Any) -> None:
    """True, false, nothing and an empty list are not secrets; a number may be one."""
    assert redact("password", value) == shown


def test_a_long_text_is_read_once() -> None:
    """What might begin a secret, a hundred thousand times over, does not make the search slow."""
    for piece in (
        "a://b:",
        'pass="',
        "pass='\"",
        "auth ",
        "://",
        "@a://b:",
        "Bearer ",
        "a.b-",
        "key=\\",
        'key=\\\\"',
        "\\",
    ):
        assert isinstance(redact_text(piece * 20_000), str)
