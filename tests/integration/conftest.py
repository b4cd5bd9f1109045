"""Provide what the tests with real processes share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flask import Flask

    from ibutsu_server.settings import FlaskCelerySettings


@pytest.fixture
def process_settings(app: Flask, settings: FlaskCelerySettings) -> dict[str, str]:
    """Give the environment variables of a process that uses this test's servers and tables."""
    return {
        "CELERY_BROKER_URL": settings.broker_url.for_celery(),
        "SQLALCHEMY_DATABASE_URI": settings.database_url.get_secret_value(),
    }
