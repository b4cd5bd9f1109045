"""Bring together what worker and scheduler are built from."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from ibutsu_server.exceptions import ConfigurationError, Fault
from ibutsu_server.settings.beat import BeatSettings
from ibutsu_server.settings.flask_celery import FlaskCelerySettings
from ibutsu_server.settings.imports import ImportSettings
from ibutsu_server.settings.pruning import PruneSettings
from ibutsu_server.settings.sources import Reading
from ibutsu_server.settings.spelling import misspelt_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask

    from ibutsu_server.settings.base import SettingsModel

logger = logging.getLogger(__name__)

OUR_PREFIXES: Final = ("IBUTSU_", "POSTGRES", "SQLALCHEMY_")
"""Beginnings of our names; those of Celery's, which have others beside them, are checked by the model."""

EXTENSION: Final = "ibutsu_server"
"""Key of the settings in ``Flask.extensions``."""

Model = TypeVar("Model", bound="SettingsModel")


@dataclass(frozen=True)
class ServerSettings:
    """Hold the validated settings of a worker or a scheduler."""

    celery: FlaskCelerySettings
    beat: BeatSettings
    imports: ImportSettings
    prune: PruneSettings
    misspelt: tuple[Fault, ...] = ()
    """Names in the sources that were probably meant for a setting."""

    @classmethod
    def of_app(
        cls, app: Flask, *, settings: FlaskCelerySettings | None = None, beat: BeatSettings | None = None
    ) -> Self:
        """Return the settings of ``app``, validated on first use and kept in ``app.extensions``.

        Objects that are given replace what is kept.

        Raises:
            ConfigurationError: with the faults of all models at once.
        """
        kept: Self | None = app.extensions.get(EXTENSION)
        if kept is None or settings is not None:
            kept = cls.resolve(app.config, settings=settings, beat=beat)
            for warning in kept.warnings:
                logger.warning("%s", warning)
        elif beat is not None:
            kept = replace(kept, beat=beat)
        app.extensions[EXTENSION] = kept
        return kept

    @classmethod
    def resolve(
        cls,
        flask_config: Mapping[str, Any],
        *,
        settings: FlaskCelerySettings | None = None,
        beat: BeatSettings | None = None,
    ) -> Self:
        """Take the objects that are given; with ``settings`` given no source is read at all.

        Raises:
            ConfigurationError: with the faults of all models at once.
        """

        def read() -> Reading:
            return Reading.of_process(flask_config) if settings is None else Reading()

        faults: list[Fault] = []
        celery = settings or _load(FlaskCelerySettings, read(), faults)
        plan = beat or _load(BeatSettings, read(), faults)
        imports = _load(ImportSettings, read(), faults)
        prune = _load(PruneSettings, read(), faults)
        if celery is None or plan is None or imports is None or prune is None:
            raise ConfigurationError(faults)
        return cls(celery, plan, imports, prune, tuple(misspelt_names(read(), *OUR_PREFIXES)))

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """Return what is odd but usable in all models."""
        models = (self.celery, self.beat, self.imports, self.prune)
        return (*(warning for model in models for warning in model.warnings), *self.misspelt)


def _load(model: type[Model], reading: Reading, faults: list[Fault]) -> Model | None:
    try:
        return model.load(reading)
    except ConfigurationError as error:
        faults.extend(error.faults)
        return None
