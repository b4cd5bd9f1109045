"""The schedule of a beat entry: five-field crontab text, or seconds."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from ibutsu_server.settings.fields import LONGEST, Parsed
from ibutsu_server.settings.patterns import number

if TYPE_CHECKING:
    from celery.schedules import crontab

_FORM = "write five crontab fields (minute hour day-of-month month day-of-week) or a number of seconds"
_NO_SCHEDULE = f"is not a schedule; {_FORM}"


class Schedule(str):
    """A schedule that can fire, as ``0 4 * * 6`` or as ``1800`` seconds."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: Any) -> Schedule:
        """Read crontab text, or seconds as a number, as text or as a timedelta.

        Raises:
            ValueError: the value is neither, or the schedule can never fire.
        """
        if isinstance(value, Schedule):
            return value
        if isinstance(value, dt.timedelta):
            value = value.total_seconds()
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError(_NO_SCHEDULE)
        schedule = cls(value.strip() if isinstance(value, str) else f"{_possible(value):.15g}")
        schedule.to_celery()
        return schedule

    def to_celery(self) -> crontab | float:
        """Return the schedule as Celery's beat takes it: a ``crontab``, or seconds.

        Raises:
            ValueError: the text is neither, or can never fire (Celery knows of 31 February).
        """
        if len(self.split()) == 1:
            return self._seconds()
        from celery.schedules import ParseException, crontab

        try:
            return crontab.from_string(self)
        except (ParseException, ValueError) as error:
            message = f"is not a schedule that can fire ({error}); {_FORM}"
            raise ValueError(message) from None

    def _seconds(self) -> float:
        try:
            seconds = float(self)
        except ValueError:
            raise ValueError(_NO_SCHEDULE) from None
        return _possible(seconds)


def _possible(seconds: float) -> float:
    if not 0 < seconds <= LONGEST:
        message = f"can never fire; give a number of seconds above 0, at most {LONGEST:,}"
        raise ValueError(message)
    return seconds


ScheduleField = Annotated[
    Parsed[Schedule, Schedule | str | float | dt.timedelta],
    PlainValidator(Schedule.parse),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "string",
                    "pattern": rf"^\s*(?:\S+\s+){{4}}\S+\s*$|{number(above_zero=True)}",
                    "x-kind": "five crontab fields, or a number of seconds",
                },
                {"type": "number", "exclusiveMinimum": 0},
            ],
            "examples": ["0 4 * * 6", "1800"],
        }
    ),
]
