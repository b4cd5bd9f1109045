"""Regular expressions for the text of values, as a JSON Schema has them: without flags, and in ECMA 262."""

from __future__ import annotations

import re
from typing import Final

_FRACTION: Final = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"


def any_case(*words: str) -> str:
    """Return a pattern for one of ``words``, in any case."""
    return "|".join("".join(_any_case(letter) for letter in word) for word in words)


def _any_case(letter: str) -> str:
    return f"[{letter.upper()}{letter.lower()}]" if letter.isalpha() else re.escape(letter)


def whole_number(minimum: int, maximum: int | None) -> str:
    """Return a pattern for the whole numbers from ``minimum`` to ``maximum``, which is not negative."""
    digits = rf"\+?0*(?:{_between(max(minimum, 0), maximum)})"
    if minimum < 0:
        digits = f"(?:{digits}|-0*(?:{_between(0, -minimum)}))"
    return rf"^\s*{digits}\s*$"


def number(*, above_zero: bool) -> str:
    """Return a pattern for a number: one above zero, or else zero too."""
    some_digit = "(?=[0-9.]*[1-9])" if above_zero else ""
    return rf"^\s*\+?{some_digit}{_FRACTION}\s*$"


def _between(low: int, high: int | None) -> str:
    """Return a pattern for the numerals from ``low`` to ``high``, those of each length by themselves."""
    parts = []
    start = low
    while high is None or start <= high:
        length = len(str(start))
        largest = 10**length - 1
        if high is None and length > len(str(low)):
            parts.append(f"[1-9][0-9]{{{length - 1},}}")
            break
        end = largest if high is None else min(largest, high)
        parts.append(_same_length(str(start), str(end)))
        start = largest + 1
    return "|".join(parts)


def _same_length(low: str, high: str) -> str:
    """Return a pattern for the numerals from ``low`` to ``high``, which have as many digits."""
    rest = len(low) - 1
    if low == high:
        return low
    if rest == 0:
        return f"[{low}-{high}]"
    if low[0] == high[0]:
        return low[0] + _same_length(low[1:], high[1:])
    if low == "0" * (rest + 1) and high == "9" * (rest + 1):
        return _digits(rest + 1)
    parts = []
    first, last = int(low[0]), int(high[0])
    if low[1:] != "0" * rest:
        parts.append(low[0] + _same_length(low[1:], "9" * rest))
        first += 1
    if high[1:] != "9" * rest:
        parts.append(high[0] + _same_length("0" * rest, high[1:]))
        last -= 1
    if first <= last:
        parts.append(f"[{first}-{last}]{_digits(rest)}")
    return parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})"


def _digits(count: int) -> str:
    return "[0-9]" if count == 1 else f"[0-9]{{{count}}}"
