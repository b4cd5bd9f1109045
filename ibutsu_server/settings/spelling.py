"""Find names that are probably meant for a setting and are none."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Final

from ibutsu_server.exceptions import Fault
from ibutsu_server.settings.beat import BeatSettings
from ibutsu_server.settings.celery_table import option_types
from ibutsu_server.settings.flask_celery import FlaskCelerySettings
from ibutsu_server.settings.imports import ImportSettings
from ibutsu_server.settings.pruning import PruneSettings
from ibutsu_server.settings.sources import CELERY_PREFIX, FILE_SUFFIX, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIKENESS: Final = 0.85
"""Ratio of ``difflib`` from which on one name is taken for another: other programs have such prefixes too."""


def misspelt_names(reading: Reading, *prefixes: str) -> Iterator[Fault]:
    """Yield the names that begin with one of ``prefixes`` and are nearly one of ours.

    A name is left alone where the setting it resembles has a value.
    """
    known = _known_names()
    for layer in reading.layers():
        for name in layer.names():
            if not name.startswith(prefixes) or name.removesuffix(FILE_SUFFIX) in known:
                continue
            near = get_close_matches(name, known, n=1, cutoff=_LIKENESS)
            if near and not reading.holds(near[0]):
                yield Fault(name, f"is no setting and is ignored; did you mean '{near[0]}'?")


@cache
def _known_names() -> frozenset[str]:
    models = (FlaskCelerySettings, BeatSettings, ImportSettings, PruneSettings)
    return frozenset(
        {
            Reading.ENV_FILE_VARIABLE,
            Reading.SECRETS_DIRECTORY_VARIABLE,
            *(name for model in models for field in model.model_fields for name in model.names_of(field)),
            *(f"{CELERY_PREFIX}{name.upper()}" for name in option_types()),
        }
    )
