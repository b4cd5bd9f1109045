"""The references to variables in the values of compose files and of Kubernetes manifests.

Compose: https://docs.docker.com/reference/compose-file/interpolation/. Kubernetes:
https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_DEEPEST: Final = 20
"""Levels of references within the defaults of references."""

_STOP: Final = re.compile(r"[$}]")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+")
_OPERATOR: Final = re.compile(r":?[-+?]")

_DEPENDENT: Final = re.compile(r"\$\$|\$\((?P<name>[A-Za-z_][-.A-Za-z0-9_]*+)\)")
"""Linear: a name has no ``$``, so that no character is looked at again from a later ``$(``."""


class Interpolation:
    """The text of a compose file, with the default of each reference in the reference's place.

    ``unknown`` has the names of the variables without a default, on which the text depends.

    Raises:
        ValueError: a ``$`` begins no reference; the message says what to write.
    """

    def __init__(self, text: str) -> None:
        self._raw = text
        self._position = 0
        self.unknown: list[str] = []
        self.text = self._read(0)

    def _read(self, depth: int) -> str:
        """Read up to the end of the text, within a reference up to its brace; each character once."""
        if depth > _DEEPEST:
            message = f"has references nested more than {_DEEPEST} levels deep; write fewer"
            raise ValueError(message)
        pieces: list[str] = []
        while stop := _STOP.search(self._raw, self._position):
            pieces.append(self._raw[self._position : stop.start()])
            self._position = stop.end()
            if stop[0] == "$":
                pieces.append(self._reference(depth))
            elif depth:
                return "".join(pieces)
            else:
                pieces.append("}")
        if depth:
            message = "has a '${' without a '}'; close it, or write '$$' for a dollar sign"
            raise ValueError(message)
        return "".join((*pieces, self._raw[self._position :]))

    def _reference(self, depth: int) -> str:
        if self._take("$"):
            return "$"
        is_braced = self._take("{")
        name = self._match(_NAME)
        operator = self._match(_OPERATOR) if is_braced else ""
        word = self._read(depth + 1) if is_braced else ""
        if not name or (word and not operator):
            message = "has a '$' that begins no reference; write '$$' for a dollar sign"
            raise ValueError(message)
        if operator.endswith("-"):
            return word
        self.unknown.append(name)
        return ""

    def _take(self, character: str) -> bool:
        is_next = self._raw.startswith(character, self._position)
        self._position += is_next
        return is_next

    def _match(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._raw, self._position)
        if match is None:
            return ""
        self._position = match.end()
        return match[0]


def expand(text: str, value_of: Callable[[str], str | None]) -> str:
    """Return the text of a Kubernetes variable with ``$(NAME)`` replaced by ``value_of("NAME")``.

    A reference stays as it is where that is None. ``$$`` is a dollar sign.
    """

    def replace(match: re.Match[str]) -> str:
        value = value_of(match["name"]) if match["name"] else "$"
        return match[0] if value is None else value

    return _DEPENDENT.sub(replace, text)
