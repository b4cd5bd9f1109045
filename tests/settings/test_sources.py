"""Show which source of a value wins, one test per neighbouring pair, and that each value knows its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings import BrokerSettings, FlaskCelerySettings, Origin, Sources

if TYPE_CHECKING:
    from pathlib import Path

ARGUMENT = "redis://argument/0"
FLASK = "redis://flask/0"
FLAT = "redis://flat/0"
ENVIRONMENT = "redis://environment/0"
DOTENV = "redis://dotenv/0"
NAMED_FILE = "redis://named-file/0"
MOUNTED_FILE = "redis://mounted-file/0"


def url_of(settings: BrokerSettings) -> str:
    """Return the broker URL in the clear."""
    return settings.broker_url.get_secret_value()


def dotenv(folder: Path, *lines: str) -> Path:
    """Write a ``.env`` file of ``lines``."""
    path = folder / ".env"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def secrets(folder: Path, **files: str) -> Path:
    """Write a directory of secret files."""
    directory = folder / "secrets"
    directory.mkdir()
    for name, content in files.items():
        (directory / name).write_text(content, encoding="utf-8")
    return directory


def test_an_argument_wins_over_the_flask_config() -> None:
    """Arguments come first of all."""
    sources = Sources(flask_config={"CELERY": {"broker_url": FLASK}})
    settings = BrokerSettings.from_sources(sources, broker_url=ARGUMENT)
    assert url_of(settings) == ARGUMENT
    assert settings.origin_of("broker_url") == Origin("argument", "broker_url")


def test_the_celery_dictionary_wins_over_a_flat_flask_key() -> None:
    """Within a Flask config the CELERY dictionary comes before CELERY_BROKER_URL."""
    sources = Sources(flask_config={"CELERY": {"broker_url": FLASK}, "CELERY_BROKER_URL": FLAT})
    settings = BrokerSettings.from_sources(sources)
    assert url_of(settings) == FLASK
    assert settings.origin_of("broker_url") == Origin("Flask config", 'CELERY["broker_url"]')


def test_a_flat_flask_key_wins_over_the_environment() -> None:
    """The Flask config comes before the environment."""
    sources = Sources(flask_config={"CELERY_BROKER_URL": FLAT}, environ={"CELERY_BROKER_URL": ENVIRONMENT})
    settings = BrokerSettings.from_sources(sources)
    assert url_of(settings) == FLAT
    assert settings.origin_of("broker_url") == Origin("Flask config", "CELERY_BROKER_URL")


def test_the_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    """A variable that is set comes before the same one in ``.env``."""
    sources = Sources(
        environ={"CELERY_BROKER_URL": ENVIRONMENT},
        env_file=dotenv(tmp_path, f"CELERY_BROKER_URL={DOTENV}"),
    )
    settings = BrokerSettings.from_sources(sources)
    assert url_of(settings) == ENVIRONMENT
    assert settings.origin_of("broker_url") == Origin("environment variable", "CELERY_BROKER_URL")


def test_the_env_file_wins_over_a_named_secret_file(tmp_path: Path) -> None:
    """A plain value in ``.env`` comes before the file that CELERY_BROKER_URL_FILE names."""
    path = secrets(tmp_path, url=NAMED_FILE) / "url"
    env_file = dotenv(tmp_path, f"CELERY_BROKER_URL={DOTENV}")
    settings = BrokerSettings.from_sources(
        Sources(environ={"CELERY_BROKER_URL_FILE": str(path)}, env_file=env_file)
    )
    assert url_of(settings) == DOTENV
    assert settings.origin_of("broker_url") == Origin("file", "CELERY_BROKER_URL", str(env_file), 1)


def test_a_named_secret_file_wins_over_a_mounted_one(tmp_path: Path) -> None:
    """The file that CELERY_BROKER_URL_FILE names comes before the secrets directory."""
    directory = secrets(tmp_path, celery_broker_url=MOUNTED_FILE, url=NAMED_FILE + "\n")
    sources = Sources(
        environ={"CELERY_BROKER_URL_FILE": str(directory / "url")},
        secrets_directory=directory,
    )
    settings = BrokerSettings.from_sources(sources)
    assert url_of(settings) == NAMED_FILE
    assert settings.origin_of("broker_url") == Origin("file", "CELERY_BROKER_URL", str(directory / "url"))


def test_a_mounted_secret_file_wins_over_the_default(tmp_path: Path) -> None:
    """A file of the secrets directory, in either case of its name, comes before a default."""
    directory = secrets(tmp_path, celery_broker_url=MOUNTED_FILE, CELERY_RESULT_BACKEND="redis://results/1")
    settings = BrokerSettings.from_sources(Sources(secrets_directory=directory))
    assert url_of(settings) == MOUNTED_FILE
    assert settings.result_backend.get_secret_value() == "redis://results/1"


def test_a_value_nobody_gave_is_a_default() -> None:
    """A default says that it is one."""
    settings = BrokerSettings.hermetic(broker_url=ARGUMENT)
    assert settings.redis_socket_timeout == 5
    assert settings.origin_of("redis_socket_timeout").kind == "default"


def test_an_object_made_from_arguments_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an argument given, what stands in the environment does not count."""
    monkeypatch.setenv("CELERY_BROKER_URL", ENVIRONMENT)
    monkeypatch.setenv("CELERY_RESULT_BACKEND", ENVIRONMENT)
    settings = BrokerSettings.hermetic(broker_url=ARGUMENT)
    assert settings.result_backend.get_secret_value() == ARGUMENT


def test_an_object_made_without_arguments_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare call is a load, as pydantic-settings users expect."""
    monkeypatch.setenv("CELERY_BROKER_URL", ENVIRONMENT)
    assert url_of(BrokerSettings()) == ENVIRONMENT


def test_the_process_names_its_env_file_and_secrets_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IBUTSU_ENV_FILE and IBUTSU_SECRETS_DIR say where the files are."""
    monkeypatch.setenv("IBUTSU_ENV_FILE", str(dotenv(tmp_path, f"CELERY_BROKER_URL={DOTENV}")))
    monkeypatch.setenv("IBUTSU_SECRETS_DIR", str(secrets(tmp_path, celery_result_backend=MOUNTED_FILE)))
    settings = BrokerSettings()
    assert url_of(settings) == DOTENV
    assert settings.result_backend.get_secret_value() == MOUNTED_FILE


@pytest.mark.parametrize("newer_is_set", [True, False])
def test_the_newer_name_of_the_result_backend_wins(*, newer_is_set: bool) -> None:
    """CELERY_RESULT_BACKEND_URL is accepted, and gives way to CELERY_RESULT_BACKEND with a warning."""
    environ = {"CELERY_BROKER_URL": ENVIRONMENT, "CELERY_RESULT_BACKEND_URL": "redis://older/0"}
    if newer_is_set:
        environ["CELERY_RESULT_BACKEND"] = "redis://newer/0"
    settings = BrokerSettings.from_sources(Sources(environ=environ))
    assert settings.result_backend.get_secret_value() == f"redis://{'newer' if newer_is_set else 'older'}/0"
    assert [str(warning) for warning in settings.warnings] == (
        [
            "CELERY_RESULT_BACKEND_URL is ignored: CELERY_RESULT_BACKEND is set too, "
            "and the newer name wins because it is the documented one"
        ]
        if newer_is_set
        else []
    )


def test_an_empty_variable_counts_as_not_set() -> None:
    """Compose files pass variables on even when they are empty."""
    with pytest.raises(ConfigurationError, match="CELERY_BROKER_URL environment variable must be set"):
        BrokerSettings.from_sources(Sources(environ={"CELERY_BROKER_URL": ""}))


def test_a_dollar_sign_in_an_env_file_is_kept(tmp_path: Path) -> None:
    """A password with a dollar sign is not taken for a reference to another variable."""
    env_file = dotenv(tmp_path, "CELERY_BROKER_URL='redis://:pa$HOME@host/0'")
    assert url_of(BrokerSettings.from_sources(Sources(env_file=env_file))) == "redis://:pa$HOME@host/0"


def test_a_secret_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    """A wrong path is told by the variable that holds it."""
    missing = tmp_path / "missing"
    with pytest.raises(ConfigurationError) as caught:
        BrokerSettings.from_sources(Sources(environ={"CELERY_BROKER_URL_FILE": str(missing)}))
    assert str(caught.value).splitlines()[0] == (
        f"CELERY_BROKER_URL_FILE names a file that cannot be read: {missing} "
        "(No such file or directory); correct the path or the permissions"
    )


def test_a_celery_setting_that_passes_through_takes_the_first_source() -> None:
    """Every other Celery setting follows the same order, each name by itself."""
    sources = Sources(
        flask_config={"CELERY": {"worker_concurrency": 3}, "CELERY_RESULT_EXPIRES": 60},
        environ={
            "CELERY_BROKER_URL": ENVIRONMENT,
            "SQLALCHEMY_DATABASE_URI": "sqlite://",
            "CELERY_WORKER_CONCURRENCY": "7",
            "CELERY_WORKER_MAX_TASKS_PER_CHILD": "50",
        },
    )
    settings = FlaskCelerySettings.from_sources(sources)
    assert dict(settings.celery) == {
        "worker_concurrency": 3,
        "result_expires": 60,
        "worker_max_tasks_per_child": 50,
    }
    assert settings.origin_of("celery.worker_concurrency").kind == "Flask config"
    assert settings.origin_of("celery.worker_max_tasks_per_child").kind == "environment variable"


def test_a_celery_key_that_is_no_dictionary_is_a_fault() -> None:
    """CELERY = "redis://..." in a Flask config is told with the form that is meant."""
    with pytest.raises(ConfigurationError, match=r"^CELERY is not a dictionary; write CELERY = "):
        BrokerSettings.from_sources(Sources(flask_config={"CELERY": "redis://", "CELERY_BROKER_URL": FLAT}))
