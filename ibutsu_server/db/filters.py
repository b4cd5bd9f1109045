"""Read filters such as ``metadata.jenkins.job_name=nightly``: the language of the Ibutsu API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

MAX_FILTER_LENGTH: Final = 100_000
"""Characters of one filter."""

_SHOWN: Final = 100
"""Characters of a filter that a message repeats."""

_FILTER: Final = re.compile(
    r"\s*(?P<field>[^\W\d][\w.-]*)\s*(?P<operator>>=|<=|[=!~]=|[=!<>)(~*%@])\s*(?P<value>.*?)\s*", re.S
)


class FilterError(ValueError):
    """Say why a filter cannot be used: the filter, the fault, the remedy."""


class Operator(StrEnum):
    """Name the operators by the one character that the API gives them."""

    EQUAL = "="
    NOT_EQUAL = "!"
    ABOVE = ">"
    BELOW = "<"
    AT_LEAST = ")"
    AT_MOST = "("
    MATCHES = "~"
    IN = "*"
    CONTAINS = "%"
    EXISTS = "@"


_LONG: Final = {">=": Operator.AT_LEAST, "<=": Operator.AT_MOST}


@dataclass(frozen=True)
class Filter:
    """Be one filter: what it asks of which field; spaces around its three parts do not count."""

    field: str
    operator: Operator
    value: str

    def __str__(self) -> str:
        return _quoted(f"{self.field}{self.operator}{self.value}")

    @classmethod
    def parse(cls, text: Any) -> Self:
        """Read ``field operator value``.

        Raises:
            FilterError: it is not text that a database can hold, or has no field or no known operator.
        """
        if not isinstance(text, str) or len(text) > MAX_FILTER_LENGTH or not _is_storable(text):
            message = f"{_quoted(text)} is no filter: write at most {MAX_FILTER_LENGTH:,} characters of text"
            raise FilterError(message)
        match = _FILTER.fullmatch(text)
        if match is None:
            remedy = "write a field, one of = ! > < >= <= ~ * % @, and a value, such as result=failed"
            message = f"{_quoted(text)} is no filter: {remedy}"
            raise FilterError(message)
        field, symbol, value = match.group("field", "operator", "value")
        if symbol not in _LONG and len(symbol) > 1:
            message = f"{_quoted(text)} is no filter: {symbol!r} is no operator; did you mean {symbol[0]!r}?"
            raise FilterError(message)
        return cls(field, _LONG.get(symbol) or Operator(symbol), value)


def _is_storable(text: str) -> bool:
    """Tell whether there are no lone surrogates and no NUL, which no database text can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _quoted(given: Any) -> str:
    text = given if isinstance(given, str) else str(given)
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
