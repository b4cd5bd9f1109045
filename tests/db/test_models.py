"""Show what the tables keep and how rows look on the wire."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from ibutsu_server.db import db
from ibutsu_server.db.models import Project, Run, Token, User

if TYPE_CHECKING:
    from flask import Flask


def test_a_moment_with_an_offset_is_stored_in_utc(app: Flask) -> None:
    """A start time of 14:00+02:00 comes back as 12:00, naive."""
    east = dt.timezone(dt.timedelta(hours=2))
    run = Run(start_time=dt.datetime(2026, 5, 1, 14, tzinfo=east))
    db.session.add(run)
    db.session.commit()
    assert run.start_time == dt.datetime(2026, 5, 1, 12)  # noqa: DTZ001 - stored naive on purpose


def test_an_upper_case_id_finds_its_row(app: Flask) -> None:
    """Ids compare in one form, whatever case the caller typed."""
    project = Project(name="web")
    db.session.add(project)
    db.session.commit()
    assert db.session.get(Project, project.id.upper()) is project


def test_metadata_is_the_wire_name_of_the_data_column(app: Flask) -> None:
    """A run goes out and comes in with ``metadata``."""
    run = Run.from_dict(metadata={"build": "42"})
    assert run.data == {"build": "42"}
    assert run.to_dict()["metadata"] == {"build": "42"}


def test_no_secret_leaves_the_database() -> None:
    """The dictionary of a row has neither token nor activation code nor password; they can be set."""
    token = Token.from_dict(name="ci", token="hunter2")  # noqa: S106 - a token of this test
    user = User.from_dict(email="tester@example.com", activation_code="hunter2", _password="hunter2")  # noqa: S106 - the same
    assert token.to_dict() == {"id": None, "name": "ci", "expires": None, "user_id": None}
    assert "hunter2" not in str(user.to_dict().values())
    assert user.to_dict().keys() == {"id", "email", "name", "is_superadmin", "is_active", "group_id"}
    assert (token.token, user.activation_code) == ("hunter2", "hunter2")
