"""Show how the database is named, and that its password shows nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings import DatabaseSettings, Sources

if TYPE_CHECKING:
    from ibutsu_server.settings.urls import DatabaseUrl

PARTS = {
    "HOST": "db.example",
    "PORT": "6432",
    "USER": "ibutsu",
    "PASSWORD": "p@ss/word",
    "DATABASE": "ibutsu",
    "SSLMODE": "require",
}


def plain(url: DatabaseUrl) -> str:
    """Return the URL that SQLAlchemy gets, in the clear."""
    return url.for_sqlalchemy().render_as_string(hide_password=False)


@pytest.mark.parametrize("prefix", ["POSTGRESQL_", "POSTGRES_"])
def test_the_parts_make_a_uri_under_either_prefix(prefix: str) -> None:
    """Host, port, user, password, database and sslmode are joined, special characters encoded."""
    environ = {prefix + name: value for name, value in PARTS.items()}
    url = DatabaseSettings.from_sources(Sources(environ=environ)).database_url
    assert plain(url) == ("postgresql+psycopg://ibutsu:p%40ss%2Fword@db.example:6432/ibutsu?sslmode=require")
    assert str(url) == "postgresql://ibutsu:***@db.example:6432/ibutsu?sslmode=require"


@pytest.mark.parametrize(
    ("environ", "ignored"),
    [
        ({"POSTGRESQL_HOST": "db"}, "POSTGRESQL_HOST"),
        ({"POSTGRES_SSLMODE": "require"}, "POSTGRES_SSLMODE"),
        (
            {f"POSTGRESQL_{name}": value for name, value in PARTS.items()},
            ", ".join(f"POSTGRESQL_{name}" for name in PARTS if name != "PORT"),
        ),
    ],
)
def test_the_uri_wins_over_the_parts_and_says_so(environ: dict[str, str], ignored: str) -> None:
    """SQLALCHEMY_DATABASE_URI is the whole truth where it is set; each part that is ignored is named."""
    environ = {"SQLALCHEMY_DATABASE_URI": "sqlite:///ibutsu.db", **environ}
    settings = DatabaseSettings.from_sources(Sources(environ=environ))
    assert plain(settings.database_url) == "sqlite:///ibutsu.db"
    assert list(map(str, settings.warnings)) == [
        f"SQLALCHEMY_DATABASE_URI wins over {ignored}, which count for nothing; unset one or the other"
    ]


def test_the_variables_of_the_database_image_may_stand_beside_the_uri() -> None:
    """POSTGRES_USER and POSTGRES_PASSWORD are there for the container of the database; a port says little."""
    image = {"POSTGRES_USER": "u", "POSTGRES_PASSWORD": "p", "POSTGRESQL_PORT": "5432"}
    environ = {"SQLALCHEMY_DATABASE_URI": "sqlite://", **image}
    assert DatabaseSettings.from_sources(Sources(environ=environ)).warnings == ()


@pytest.mark.parametrize("host", ["/var/run/postgresql", "/tmp/with space@and?more"])  # noqa: S108 - never opened
def test_a_host_that_is_a_path_is_the_directory_of_a_socket(host: str) -> None:
    """libpq and psycopg take it as the host; it is not a part of the database's name."""
    settings = DatabaseSettings.hermetic(
        postgresql_host=host,
        postgresql_database="ibutsu",
        postgresql_user="u",
        postgresql_password="p@ss",  # noqa: S106 - a password of this test
    )
    url = settings.database_url.for_sqlalchemy()
    assert (url.host, url.database, url.query) == (None, "ibutsu", {"host": host})
    _, arguments = url.get_dialect()().create_connect_args(url)
    assert arguments == {"host": host, "port": 5432, "dbname": "ibutsu", "user": "u", "password": "p@ss"}
    assert "p@ss" not in str(settings.database_url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2", "postgresql+psycopg"])
def test_every_postgresql_uri_is_served_by_psycopg_3(scheme: str) -> None:
    """URIs that name another driver, or none, keep working."""
    settings = DatabaseSettings.hermetic(sqlalchemy_database_uri=f"{scheme}://u:p@h/d")
    assert plain(settings.database_url) == "postgresql+psycopg://u:p@h/d"


def test_an_ipv6_host_is_bracketed() -> None:
    """The colons of an address are not taken for a port."""
    settings = DatabaseSettings.hermetic(postgresql_host="::1", postgresql_database="ibutsu")
    assert plain(settings.database_url) == "postgresql+psycopg://[::1]:5432/ibutsu"


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        (
            {},
            "SQLALCHEMY_DATABASE_URI environment variable must be set, for example to "
            "postgresql://user:password@host:5432/ibutsu (or set POSTGRESQL_HOST, POSTGRESQL_DATABASE, "
            "POSTGRESQL_USER and POSTGRESQL_PASSWORD)",
        ),
        (
            {"POSTGRES_HOST": "db"},
            "POSTGRESQL_DATABASE environment variable must be set beside POSTGRESQL_HOST",
        ),
        (
            {"SQLALCHEMY_DATABASE_URI": "mysql://root:hunter2@h/d"},
            "SQLALCHEMY_DATABASE_URI has a scheme that is not supported; use postgresql:// or sqlite://",
        ),
        (
            {"POSTGRESQL_HOST": "db", "POSTGRESQL_DATABASE": "d", "POSTGRESQL_PASSWORD": "hunter2"},
            "POSTGRESQL_USER environment variable must be set beside POSTGRESQL_PASSWORD",
        ),
        (
            {"POSTGRESQL_HOST": "postgresql://u:hunter2@db/d", "POSTGRESQL_DATABASE": "d"},
            "POSTGRESQL_HOST must be the name or address of a host, or the absolute path of its socket's "
            "directory",
        ),
        (
            {"POSTGRESQL_HOST": "db", "POSTGRESQL_DATABASE": "d", "POSTGRESQL_SSLMODE": "required"},
            "POSTGRESQL_SSLMODE must be one of disable, allow, prefer, require, verify-ca, verify-full",
        ),
        (
            {"SQLALCHEMY_DATABASE_URI": "postgresql://u:hun/ter2@h/d"},
            "SQLALCHEMY_DATABASE_URI cannot be read as a URL; write "
            "scheme://user:password@host:port/database and percent-encode the special characters of the "
            "password",
        ),
        (
            {"POSTGRES_HOST": "db", "POSTGRES_DATABASE": "d", "POSTGRES_PORT": "70000"},
            "POSTGRES_PORT must be a whole number, at least 1, at most 65,535",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_told_by_the_name_that_was_typed(
    environ: dict[str, str], sentence: str
) -> None:
    """One sentence per fault, the remedy in it, the password not."""
    with pytest.raises(ConfigurationError) as caught:
        DatabaseSettings.from_sources(Sources(environ=environ))
    assert str(caught.value) == sentence
