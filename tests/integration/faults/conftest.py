"""Provide the servers that the tests of faults break."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.faults.deployment import Deployment
from tests.integration.faults.servers import OwnPostgres, OwnValkey, own_postgres, own_valkey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def postgres() -> Iterator[OwnPostgres]:
    """Run a PostgreSQL that belongs to the test."""
    with own_postgres() as server:
        yield server


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[OwnValkey]:
    """Run a Valkey that belongs to the test."""
    with own_valkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
def deployment(postgres_uri: str, valkey: OwnValkey) -> Iterator[Deployment]:
    """Return a deployment over a Valkey of its own."""
    with Deployment(postgres_uri, valkey.url) as made:
        yield made


@pytest.fixture
def own_deployment(postgres: OwnPostgres, valkey: OwnValkey) -> Iterator[Deployment]:
    """Return a deployment over a PostgreSQL and a Valkey of its own."""
    with Deployment(postgres.uri, valkey.url) as made:
        yield made
