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


def test_the_uri_wins_over_the_parts() -> None:
    """SQLALCHEMY_DATABASE_URI is the whole truth where it is set."""
    environ = {"SQLALCHEMY_DATABASE_URI": "sqlite:///ibutsu.db", "POSTGRESQL_HOST": "db"}
    assert (
        plain(DatabaseSettings.from_sources(Sources(environ=environ)).database_url) == "sqlite:///ibutsu.db"
    )


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
