"""Read filters such as ``metadata.jenkins.job_name=nightly``: the language of the Ibutsu API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from ibutsu_server.db.types import is_storable_text

MAX_FILTER_LENGTH: Final = 100_000
"""Characters of one filter."""

_SHOWN: Final = 100
"""Characters of a filter that a message repeats."""

# Linear: it is tried at the start of the text only, and what a possessive group took is never given back.
_FIELD_AND_OPERATOR: Final = re.compile(
    r"\s*+(?P<field>[^\W\d][\w.-]*+)\s*+(?P<operator>>=|<=|[=!~]=|[=!<>)(~*%@])"
)


class FilterError(ValueError):
    """The reason why a filter cannot be used: the filter, the problem, the remedy."""


class Operator(StrEnum):
    """The operators, each by the one character that the API gives it."""

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
_WRITTEN: Final = {operator: symbol for symbol, operator in _LONG.items()}


@dataclass(frozen=True)
class Filter:
    """A question about one field, without the spaces around its parts and the quotes around its value."""

    field: str
    operator: Operator
    value: str

    def __str__(self) -> str:
        return _quoted(f"{self.field}{_WRITTEN.get(self.operator, self.operator)}{self.value}")

    @classmethod
    def parse(cls, text: Any) -> Self:
        """Read ``field operator value``.

        Raises:
            FilterError: it is not text that a database can store, or has no field or no known operator.
        """
        if not isinstance(text, str):
            message = f"a value of the type {type(text).__name__} is not a filter: write text"
            raise FilterError(message)
        if len(text) > MAX_FILTER_LENGTH or not is_storable_text(text):
            message = (
                f"{_quoted(text)} is not a filter: write at most {MAX_FILTER_LENGTH:,} characters, "
                "none of them NUL or a lone surrogate"
            )
            raise FilterError(message)
        match = _FIELD_AND_OPERATOR.match(text)
        if match is None:
            remedy = "write a field, one of = ! > < >= <= ~ * % @, and a value, such as result=failed"
            message = f"{_quoted(text)} is not a filter: {remedy}"
            raise FilterError(message)
        symbol, value = match["operator"], text[match.end() :].strip()
        if symbol not in _LONG and len(symbol) > 1:
            message = (
                f"{_quoted(text)} is not a filter: {symbol!r} is not an operator; did you mean {symbol[0]!r}?"
            )
            raise FilterError(message)
        return cls(match["field"], _LONG.get(symbol) or Operator(symbol), unquoted(value))


def unquoted(value: str) -> str:
    """Return ``value`` without a pair of quotes around it that holds no other such quote.

    The list ``"a";"b"`` is left as it is, because its first quote belongs to its second one.
    """
    quote, inner = value[:1], value[1:-1]
    is_quoted = len(value) > 1 and quote in "\"'" and value.endswith(quote) and quote not in inner
    return inner if is_quoted else value


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
