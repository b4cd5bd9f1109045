"""Write ``settings.rst`` from the tree of settings; with ``--check`` only say whether it is stale."""

from __future__ import annotations

import argparse
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ibutsu_server.settings.describe import describe_group
from ibutsu_server.settings.server import ServerSettings
from ibutsu_server.settings.tree import groups_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibutsu_server.settings.base import SettingsGroup
    from ibutsu_server.settings.describe import Description

TARGET = Path(__file__).with_name("settings.rst")
HEAD = """\
..
   Written by docs/settings_reference.py from the models: change these, then run ``make settings``.

Settings
========

Each setting is an argument of its model and has a name in the environment. The name is looked up in the
Flask config, the environment, a ``.env`` file (another one: ``IBUTSU_ENV_FILE``) and in secret files: the
file that ``<NAME>_FILE`` names, or one called like the setting in ``/run/secrets`` (another directory:
``IBUTSU_SECRETS_DIR``). The first that has it wins; a value that is empty counts as not set.
``ibutsu config explain NAME`` prints what is here for one setting, with the value in force.

In a Flask config ``CELERY["broker_url"]`` comes before ``CELERY_BROKER_URL``. Every other Celery setting
passes through ``CELERY_<NAME>``, the ``CELERY`` dictionary, or the argument ``celery`` of
``FlaskCelerySettings``: its name and its type are those of the installed Celery.
"""


def main() -> None:
    """Write the page, or compare it with what would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit with 1 when the page is stale")
    page = "\n".join([HEAD, *(line for section in sections() for line in section)])
    if not parser.parse_args().check:
        TARGET.write_text(page, encoding="utf-8")
    elif not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != page:
        sys.exit(f"{TARGET.name} is stale: run make settings")


def sections() -> Iterator[Iterator[str]]:
    """Yield the lines on each model of the tree, a base before the models that have its settings too."""
    written: set[type[SettingsGroup]] = set()
    for group in groups_of(ServerSettings).values():
        settings = list(describe_group(group))
        for model in dict.fromkeys(setting.model for setting in settings):
            if model not in written:
                written.add(model)
                yield section(model, [setting for setting in settings if setting.model is model])


def section(model: type[SettingsGroup], settings: list[Description]) -> Iterator[str]:
    """Yield the lines on one model."""
    yield from (model.__name__, "-" * len(model.__name__), "", inspect.cleandoc(model.__doc__ or ""), "")
    bases = [base.__name__ for base in model.__bases__ if getattr(base, "model_fields", None)]
    if bases:
        yield from (f"It has all settings of {' and '.join(bases)} too.", "")
    for setting in settings:
        yield f"``{setting.name}``"
        yield from (f"   {line}" for line in setting.meaning.splitlines())
        default = setting.needed or f"default: {default_of(setting)}"
        older = [f"older name ``{name}``" for name in setting.older_names]
        facts = [f"Argument ``{setting.field}``", f"takes {setting.accepts}", default, *older]
        yield from ("", f"   {'; '.join(facts)}.", "")


def default_of(setting: Description) -> str:
    """Return the default, as a literal where it is a value and not a sentence."""
    return f"``{setting.default}``" if setting.default == setting.default_words else setting.default_words


if __name__ == "__main__":
    main()
