"""Write a commented starting point of every setting of a role."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from itertools import groupby
from typing import TYPE_CHECKING, Final, Literal

from ibutsu_server.settings.describe import describe_group
from ibutsu_server.settings.tree import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibutsu_server.settings.base import SettingsGroup
    from ibutsu_server.settings.describe import Description

Format = Literal["env", "configmap", "secret", "compose"]

_WIDTH: Final = 80
_SUBCOMMANDS: Final = {
    "worker": "worker --events --loglevel=info",
    "scheduler": "beat --loglevel=info",
    "flower": "flower --port=5555",
}
_HEADS: Final[dict[Format, str]] = {
    "env": "",
    "configmap": """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: ibutsu-{role}
data:
""",
    "secret": """\
apiVersion: v1
kind: Secret
metadata:
  name: ibutsu-{role}
type: Opaque
stringData:
""",
    "compose": """\
services:
  {role}:
    image: ibutsu-worker
    command: celery --app ibutsu_server:{role}_app {subcommand}
    environment:
""",
}
_INDENTS: Final[dict[Format, str]] = {"env": "", "configmap": "  ", "secret": "  ", "compose": "      "}


def template(root: type[SettingsGroup], role: str, format_: Format) -> str:
    """Return a file with every setting that ``role`` reads of ``root``, each with meaning, type and default.

    What must be set has an example; everything else is commented out. A Kubernetes Secret has the settings
    that are secrets, a ConfigMap the other ones.
    """
    head = _HEADS[format_].format(role=role, subcommand=_SUBCOMMANDS.get(role, role))
    return "\n".join([*_introduction(role), *head.splitlines(), *_settings(root, role, format_)]) + "\n"


def _introduction(role: str) -> Iterator[str]:
    text = (
        f"The settings of an ibutsu_server {role}, as 'ibutsu config template' writes them. Remove the # "
        "before a setting to give it another value than its default. Every other setting of Celery can be "
        "set as CELERY_<NAME>; 'ibutsu config schema' lists them."
    )
    yield from _comment(text, "")


def _settings(root: type[SettingsGroup], role: str, format_: Format) -> Iterator[str]:
    indent = _INDENTS[format_]
    settings = [each for part in parts_of(root, role).values() for each in describe_group(part)]
    if format_ in ("configmap", "secret"):
        settings = [each for each in settings if each.is_secret == (format_ == "secret")]
    for model, group in groupby(settings, lambda setting: setting.model):
        yield ""
        yield from _comment(f"{model.__name__}: {inspect.cleandoc(model.__doc__ or '')}", indent)
        for setting in group:
            yield ""
            yield from _comment(setting.sentences, indent)
            words = re.sub(r",(?=\S)", ", ", setting.default_words)  # so that a list can be wrapped
            default = f"It {setting.needed}" if setting.needed else f"Default: {words}"
            yield from _comment(f"Takes {setting.accepts}. {default}.", indent)
            yield f"{indent}{'' if setting.needed else '#'}{_assignment(setting, format_)}"


def _assignment(setting: Description, format_: Format) -> str:
    value = setting.example or setting.default
    return f"{setting.name}={value}" if format_ == "env" else f"{setting.name}: {json.dumps(value)}"


def _comment(text: str, indent: str) -> list[str]:
    start = f"{indent}# "
    return textwrap.wrap(
        text.replace("``", ""),
        _WIDTH,
        initial_indent=start,
        subsequent_indent=start,
        break_long_words=False,
        break_on_hyphens=False,
    )
