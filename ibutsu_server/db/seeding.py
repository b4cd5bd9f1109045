"""Make projects and the users who work on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import false, func, select, update

from ibutsu_server.db.base import db
from ibutsu_server.db.models import Project, User
from ibutsu_server.exceptions import InvalidInputError

_SEED_LOCK: Final = 0x1B076
"""Key of the PostgreSQL advisory lock that lets one transaction at a time seed."""


@dataclass(frozen=True)
class ProjectSeed:
    """Be a project to be made, with the e-mail addresses of its owner and its users."""

    name: str
    owner: str | None
    users: tuple[str, ...]


@dataclass
class Seeded:
    """Count what was made."""

    projects: int = 0
    users: int = 0
    memberships: int = 0

    def __str__(self) -> str:
        return (
            f"Made {self.projects} projects and {self.users} users, and added {self.memberships} memberships."
        )


def parse_seeds(projects: Any) -> list[ProjectSeed]:
    """Read ``{name: {"owner"?: email, "users"?: [email]}}``.

    Raises:
        InvalidInputError: it is anything else.
    """
    if not isinstance(projects, dict):
        message = 'projects must be a dictionary such as {"name": {"owner": "a@b.c", "users": ["d@e.f"]}}'
        raise InvalidInputError(message)
    return [_parse_seed(name, people or {}) for name, people in projects.items()]


def _parse_seed(name: str, people: Any) -> ProjectSeed:
    if not isinstance(people, dict) or not people.keys() <= {"owner", "users"}:
        message = f"The project {name!r} must have a dictionary with no keys but owner and users"
        raise InvalidInputError(message)
    owner, users = people.get("owner"), people.get("users") or []
    if not isinstance(users, list):
        message = f"The users of project {name!r} must be a list of e-mail addresses"
        raise InvalidInputError(message)
    return ProjectSeed(name, owner and _email(name, owner), tuple(_email(name, user) for user in users))


def _email(project: str, value: Any) -> str:
    if not isinstance(value, str) or "@" not in value:
        message = f"The project {project!r} names {str(value)[:100]!r}, which is no e-mail address"
        raise InvalidInputError(message)
    return value.strip()


def seed(seeds: list[ProjectSeed]) -> Seeded:
    """Make what is missing and leave the rest as it is; callers at once come one after the other."""
    _exclude_others()
    made = Seeded()
    for one in seeds:
        project = db.session.scalar(select(Project).where(Project.name == one.name))
        if project is None:
            project = Project(name=one.name, title=one.name)
            db.session.add(project)
            made.projects += 1
        if one.owner and project.owner is None:
            project.owner = _user(one.owner, made)
        for email in one.users:
            user = _user(email, made)
            if user not in project.users:
                project.users.append(user)
                made.memberships += 1
        db.session.flush()
    return made


def _exclude_others() -> None:
    if db.engine.dialect.name == "postgresql":
        db.session.execute(select(func.pg_advisory_xact_lock(_SEED_LOCK)))
    else:  # a write, even of nothing, takes the one lock of the database
        db.session.execute(update(Project).where(false()).values(title=Project.title))


def _user(email: str, made: Seeded) -> User:
    user = db.session.scalar(select(User).where(func.lower(User.email) == email.lower()))
    if user is None:
        user = User(email=email, name=email.partition("@")[0], is_active=True)
        db.session.add(user)
        db.session.flush()
        made.users += 1
    return user
