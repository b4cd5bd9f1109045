"""Make the users of projects that exist."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import false, func, select, update

from ibutsu_server.db.base import db
from ibutsu_server.db.models import Project, User
from ibutsu_server.db.types import is_storable_text
from ibutsu_server.exceptions import InvalidInputError

logger = logging.getLogger(__name__)

_SEED_LOCK: Final = 0x1B076
"""Key of the PostgreSQL advisory lock that lets one transaction at a time seed."""

_LONGEST_EMAIL: Final = 254
"""Characters of an address that mail servers take (RFC 5321, section 4.5.3.1.3, without its brackets)."""

_EMAIL: Final = re.compile(r"[^@\s]++@[^@\s]++")
"""What stands on both sides of an ``@``. Linear: no group gives back what it took."""


@dataclass(frozen=True)
class ProjectSeed:
    """The e-mail addresses of the owner and the users that a project shall have."""

    name: str
    owner: str | None
    users: tuple[str, ...]


@dataclass
class Seeded:
    """The numbers of what was made or changed."""

    users: int = 0
    memberships: int = 0
    owners: int = 0

    def __str__(self) -> str:
        return (
            f"Made {self.users} users, added {self.memberships} memberships "
            f"and changed the owners of {self.owners} projects."
        )


def parse_seeds(projects: Any) -> list[ProjectSeed]:
    """Read ``{name: {"owner"?: email, "users"?: [email]}}``; None in any place is nothing to do.

    Raises:
        InvalidInputError: it is anything else.
    """
    if projects is None:
        return []
    if not isinstance(projects, dict):
        message = 'projects must be a dictionary such as {"name": {"owner": "a@b.c", "users": ["d@e.f"]}}'
        raise InvalidInputError(message)
    return [_parse_seed(name, people) for name, people in projects.items()]


def _parse_seed(name: Any, people: Any) -> ProjectSeed:
    if not isinstance(name, str) or not is_storable_text(name):
        message = f"A project is named by text without NUL, not by {_shown(name)}"
        raise InvalidInputError(message)
    people = {} if people is None else people
    if not isinstance(people, dict) or not people.keys() <= {"owner", "users"}:
        message = f"The project {_shown(name)} must have a dictionary with no keys but owner and users"
        raise InvalidInputError(message)
    owner, users = people.get("owner"), people.get("users")
    if not isinstance(users, list | None):
        message = f"The users of project {_shown(name)} must be a list of e-mail addresses"
        raise InvalidInputError(message)
    return ProjectSeed(
        name,
        None if owner is None else _email(name, owner),
        tuple(_email(name, user) for user in users or ()),
    )


def _email(project: str, value: Any) -> str:
    address = value.strip() if isinstance(value, str) else ""
    if len(address) > _LONGEST_EMAIL or not address.isprintable() or not _EMAIL.fullmatch(address):
        message = (
            f"The project {_shown(project)} names {_shown(value)}, which is not an e-mail address; "
            "write one such as ann@example.com"
        )
        raise InvalidInputError(message)
    return address


def _shown(value: Any) -> str:
    return repr(value)[:100]


def seed(seeds: list[ProjectSeed]) -> Seeded:
    """Make the users that are missing, and give the projects their users and owners.

    A named owner replaces the one before. A project that does not exist is skipped with a warning, and its
    users are not made. Of callers at once each waits for the one before it.
    """
    _lock_seeding()
    made = Seeded()
    for one in seeds:
        project = _find_project(one.name)
        if project is None:
            continue
        if one.owner is not None:
            owner = _user(one.owner, made)
            made.owners += project.owner is not owner
            project.owner = owner
        for email in one.users:
            user = _user(email, made)
            if user not in project.users:
                project.users.append(user)
                made.memberships += 1
        db.session.flush()
    return made


def _find_project(name: str) -> Project | None:
    projects = db.session.scalars(select(Project).where(Project.name == name)).all()
    if len(projects) == 1:
        return projects[0]
    problem = "does not exist" if not projects else "is not the only one of that name"
    logger.warning("The project %.100r %s: no users are made for it", name, problem)
    return None


def _lock_seeding() -> None:
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
