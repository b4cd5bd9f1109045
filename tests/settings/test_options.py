"""Show that options cannot be changed, cannot hold what cannot be stored, and show no secret."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from typing import Any

import pytest
from celery.schedules import crontab
from kombu import Queue

from ibutsu_server.settings.options import Options
from ibutsu_server.settings.redaction import redact


def nested(depth: int) -> dict[str, Any]:
    """Return dictionaries in each other, ``depth`` of them, the last of which holds a number."""
    values: dict[str, Any] = {"a": 1}
    for _ in range(depth - 1):
        values = {"a": values}
    return values


def test_everything_in_options_is_frozen() -> None:
    """Dictionaries, lists, sets and byte arrays at any depth are copies that cannot be changed."""

    class OwnList(list[int]):
        pass

    given: dict[str, Any] = {"a": {"b": [1, {"c": {2}}]}, "d": OwnList([3]), "e": bytearray(b"4")}
    options = Options(given)
    given["a"]["b"].append(5)
    given["d"].append(6)
    assert options["a"]["b"] == (1, {"c": frozenset({2})})
    assert (options["d"], options["e"]) == ((3,), b"4")
    with pytest.raises(TypeError, match="does not support item assignment"):
        options["a"]["b"][1]["c"] = 7
    with pytest.raises(AttributeError):
        options.extra = 8  # type: ignore[attr-defined]  # that is the point


def test_thawed_options_are_dictionaries_of_their_own() -> None:
    """A change of them does not reach the options."""
    options = Options({"a": {"b": ({"c": 1},)}})
    thawed = options.thaw()
    assert type(thawed["a"]["b"][0]) is dict
    thawed["a"]["b"] = None
    assert options.thaw() == {"a": {"b": ({"c": 1},)}}


def test_objects_of_other_kinds_are_kept() -> None:
    """Queues, schedules, patterns and functions pass as they are."""
    values = {
        "a": Queue("q"),
        "b": crontab(),
        "c": re.compile("x"),
        "d": len,
        "e": dt.timedelta(1),
        "f": None,
    }
    assert Options(values).thaw() == values


def test_options_may_be_sixty_four_levels_deep() -> None:
    """One more, or options that hold themselves, are refused."""
    assert Options(nested(64)).thaw() == nested(64)
    with pytest.raises(ValueError, match=r"^is nested more than 64 levels deep; make it flatter$"):
        Options(nested(65))
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match=r"^is nested more than 64 levels deep; make it flatter$"):
        Options({"a": endless})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("\ud800", "holds a lone surrogate, which is half a character; write the whole character"),
        ("a\0b", "holds a NUL character; remove it"),
        (
            math.nan,
            "holds a number that is not finite or is beyond 9,223,372,036,854,775,807; write a smaller one",
        ),
        (
            math.inf,
            "holds a number that is not finite or is beyond 9,223,372,036,854,775,807; write a smaller one",
        ),
        (
            2**63,
            "holds a number that is not finite or is beyond 9,223,372,036,854,775,807; write a smaller one",
        ),
        (
            -(2**63),
            "holds a number that is not finite or is beyond 9,223,372,036,854,775,807; write a smaller one",
        ),
    ],
)
@pytest.mark.parametrize(
    "wrap", [lambda x: x, lambda x: [x], lambda x: {x}, lambda x: {"b": x}, lambda x: {x: 1}]
)
def test_what_cannot_be_stored_is_refused(value: Any, message: str, wrap: Any) -> None:
    """Wherever it stands: as a value, in a list or a set, or as a key."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Options({"a": wrap(value)})


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63) + 1, 1e18, 0, True])
def test_other_numbers_are_kept(number: float) -> None:
    """The highest number of 64 bits is one that JSON readers take."""
    assert Options({"a": number})["a"] is number


class Unhelpful:
    """An object that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (dt.timedelta(days=30, seconds=1), "30 days, 0:00:01"),
        (dt.UTC, "UTC"),
        (re.compile("a.b"), "a.b"),
        (re.compile(b"a.b"), "a.b"),
        (len, "builtins.len"),
        (Queue, "kombu.entity.Queue"),
        (crontab(minute=0), "<crontab: 0 * * * * (m/h/dM/MY/d)>"),
        (Queue("q"), "<Queue>"),
        (Unhelpful(), "<Unhelpful>"),
        (b"caf\xe9", "caf\\xe9"),
        ({2: {"a"}, b"x": (1,)}, {"2": ["a"], "x": [1]}),
    ],
)
def test_every_object_can_be_shown(value: Any, shown: Any) -> None:
    """What is shown is ready for JSON, and nothing is asked of an object that may fail."""
    assert redact("", value) == shown
    json.dumps(redact("", {"a": value}), allow_nan=False)
