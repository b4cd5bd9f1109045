"""The kinds of sources that settings are read from, as pydantic-settings takes them.

The sources of pydantic-settings do not remember which name a value came from, do not read the file that
``<NAME>_FILE`` names, and raise on the first value that they cannot read. The sources here do, and note what
they meet in one :class:`Notes` per object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from errno import EFBIG
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic_settings import PydanticBaseSettingsSource

from ibutsu_server.exceptions import Fault
from ibutsu_server.settings.celery_table import newer_name
from ibutsu_server.settings.origins import UNKNOWN, Found, Notes, Origin
from ibutsu_server.settings.redaction import HIDDEN, is_secret_name, redact_text

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from ibutsu_server.settings.base import SettingsGroup

CELERY_PREFIX: Final = "CELERY_"
FILE_SUFFIX: Final = "_FILE"
"""End of a name that gives the path of a file in which the value is written."""

PORT_SUFFIX: Final = "_PORT"
SERVICE_LINKS: Final = ("tcp://", "udp://", "sctp://")
"""How the values begin that Kubernetes injects as ``<SERVICE>_PORT``; a port has no such value."""

LARGEST_FILE: Final = 1_000_000
"""Bytes of a ``.env`` or secret file; a larger one, or a device without an end, is something else."""


class TracedSource(PydanticBaseSettingsSource):
    """One place that has raw values under upper-case names such as ``CELERY_BROKER_URL``."""

    settings_cls: type[SettingsGroup]

    def __init__(self, settings_cls: type[SettingsGroup], notes: Notes) -> None:
        super().__init__(settings_cls)
        self.notes = notes

    def find(self, name: str) -> Found | None:
        """Return the value under ``name``, or None where there is none."""
        raise NotImplementedError

    def names(self) -> Iterator[str]:
        """Return the names that this place has."""
        raise NotImplementedError

    def origins_of(self, name: str) -> Iterator[Origin]:
        """Yield where this place has a value under ``name``; more than one where the place has parts."""
        found = self.find(name)
        if found is not None:
            yield found.origin

    def others(self, claimed: Set[str], is_option: Callable[[str], bool]) -> Iterator[tuple[str, Found]]:
        """Yield the options of Celery that it has beyond the ``claimed`` names, by their lower-case names."""
        for name in self.readable_names():
            option = name.removeprefix(CELERY_PREFIX).lower()
            if name.startswith(CELERY_PREFIX) and name not in claimed and is_option(option):
                found = self.find(name)
                if found is not None:
                    yield option, found

    def readable_names(self) -> Iterator[str]:
        """Return the names under which :meth:`find` finds a value."""
        return self.names()

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the raw value of a field, its key, and False: the model reads text itself."""
        del field
        found = self.find_field(field_name)
        return (found.value if found else None), field_name, False

    def find_field(self, field_name: str) -> Found | None:
        """Return the raw value of a field under its name or, failing that, an older one."""
        name, *older_names = self.settings_cls.names_of(field_name)
        found = self.find(name)
        for older in older_names:
            old = self.find(older)
            if old is not None and found is not None:
                self.notes.old_name(older, name, ignored=True)
            found = found or old
        return found

    def __call__(self) -> dict[str, Any]:
        """Return the values of the fields that no earlier source has."""
        values: dict[str, Any] = {}
        done = {*self.current_state, *self.notes.skipped, *self.notes.unknown, *self.settings_cls.open_fields}
        for field_name in self.settings_cls.model_fields:
            found = self.find_field(field_name) if field_name not in done else None
            if found is None:
                continue
            self.notes.origins[field_name] = found.origin
            if found.value is UNKNOWN:
                self.notes.unknown.add(field_name)
            else:
                values[field_name] = found.value
        return self.settings_cls.collect_others(values, self)


class FlaskConfigSource(TracedSource):
    """A Flask config: its ``CELERY`` dictionary, then its flat keys."""

    def __init__(self, settings_cls: type[SettingsGroup], notes: Notes, config: Mapping[Any, Any]) -> None:
        super().__init__(settings_cls, notes)
        self._config = config
        celery = config.get("CELERY", {})
        if not isinstance(celery, Mapping):
            problem = (
                'is not a dictionary; write CELERY = {"broker_url": ...} with Celery\'s lower-case names'
            )
            notes.faults.append(Fault("CELERY", problem))
            celery = {}
        self._celery: dict[str, Found] = {}
        for typed, value in sorted(celery.items(), key=lambda item: str(item[0]).isupper()):
            self._add(str(typed), value)

    def _add(self, typed: str, value: Any) -> None:
        name = newer_name(typed) or typed
        if name != typed:
            self.notes.old_name(f'CELERY["{typed}"]', f'CELERY["{name}"]', ignored=name in self._celery)
        self._celery.setdefault(name, Found(value, Origin("Flask config", f'CELERY["{typed}"]')))

    def find(self, name: str) -> Found | None:
        """Return ``CELERY["broker_url"]``, else ``CELERY_BROKER_URL`` of the config."""
        return next(self._find_all(name), None)

    def origins_of(self, name: str) -> Iterator[Origin]:
        """Yield the dictionary's key, then the flat key, where they have a value."""
        yield from (found.origin for found in self._find_all(name))

    def _find_all(self, name: str) -> Iterator[Found]:
        if name.startswith(CELERY_PREFIX):
            in_dictionary = self._celery.get(name.removeprefix(CELERY_PREFIX).lower())
            if in_dictionary is not None and not _is_unset(in_dictionary.value):
                yield in_dictionary
        value = self._config.get(name)
        if not _is_unset(value):
            yield Found(value, Origin("Flask config", name))

    def names(self) -> Iterator[str]:
        """Return the flat keys."""
        return (name for name in self._config if isinstance(name, str))

    def others(self, claimed: Set[str], is_option: Callable[[str], bool]) -> Iterator[tuple[str, Found]]:
        """Yield what the ``CELERY`` dictionary has beyond the ``claimed`` names, then the flat keys."""
        for name, found in self._celery.items():
            if name != name.lower() or f"{CELERY_PREFIX}{name.upper()}" not in claimed:
                yield name, found
        yield from super().others(claimed, is_option)


class VariablesSource(TracedSource):
    """Variables of text: the environment, a ``.env`` file, or the ``environment`` of a manifest."""

    def __init__(
        self, settings_cls: type[SettingsGroup], notes: Notes, variables: Mapping[str, Found]
    ) -> None:
        super().__init__(settings_cls, notes)
        self._variables = variables

    def find(self, name: str) -> Found | None:
        """Return the variable called ``name``; a link that Kubernetes injects is none of ours."""
        found = self._variables.get(name)
        if found is None or found.value is UNKNOWN:
            return found
        is_link = name.endswith(PORT_SUFFIX) and found.value.startswith(SERVICE_LINKS)
        if _is_unset(found.value) or is_link:
            return None
        if not is_unicode(found.value):
            self.notes.fault(found.origin, "holds bytes that are not UTF-8; write the value in UTF-8")
            return Found(UNKNOWN, found.origin)
        return found

    def names(self) -> Iterator[str]:
        """Return the names of the variables that are not links to a service."""
        return (name for name in self._variables if is_unicode(name) and self.find(name) is not None)


class SecretFilesSource(TracedSource):
    """One file per secret: the path in ``<NAME>_FILE``, else a file in the secrets directory."""

    def __init__(
        self,
        settings_cls: type[SettingsGroup],
        notes: Notes,
        paths: Mapping[str, Found],
        mounted: Mapping[str, str],
    ) -> None:
        super().__init__(settings_cls, notes)
        self._paths = paths
        self._mounted = mounted

    def find(self, name: str) -> Found | None:
        """Return the content of the file for ``name``, without the white space around it."""
        named = self._paths.get(f"{name}{FILE_SUFFIX}")
        if named is not None and named.value is UNKNOWN:
            return named
        path = named.value if named and named.value else self._mounted.get(name)
        if path is None:
            return None
        origin = Origin("file", name, _shown_path(name, path))
        try:
            value = read_text(Path(path)).strip()
        except (OSError, ValueError) as error:
            typed = named.origin if named else Origin("file", name)
            self.notes.fault(typed, unreadable(_shown_path(name, path), error))
            return Found(UNKNOWN, origin)
        return Found(value, origin) if value else None

    def names(self) -> Iterator[str]:
        """Return the names of the mounted files."""
        return iter(self._mounted)

    def readable_names(self) -> Iterator[str]:
        """Return those that have a variable with the path of a file, then the mounted files."""
        named = (name.removesuffix(FILE_SUFFIX) for name in self._paths if name.endswith(FILE_SUFFIX))
        yield from dict.fromkeys((*named, *self._mounted))


class UnseenSource(TracedSource):
    """Variables that a file refers to and that cannot be read here: they may set what nothing else sets."""

    def find(self, name: str) -> Found | None:
        """Return nothing: which names there are is not known either."""
        del name
        return None

    def names(self) -> Iterator[str]:
        """Return no names, for the same reason."""
        return iter(())

    def __call__(self) -> dict[str, Any]:
        """Note that every field without a value may have one."""
        self.notes.unknown.update(self.settings_cls.model_fields.keys() - self.current_state.keys())
        return {}


def read_text(path: Path) -> str:
    """Return the content of a file in UTF-8, with or without a byte order mark.

    Raises:
        OSError: the file cannot be read, or is too large.
        ValueError: it is not UTF-8, or ``path`` is not a path.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        message = f"more than {LARGEST_FILE:,} bytes"
        raise OSError(EFBIG, message)
    return content.decode("utf-8-sig")


def unreadable(path: object, error: OSError | ValueError) -> str:
    """Return the problem of a setting that names a file which cannot be read, with the remedy."""
    if isinstance(error, OSError):
        reason = error.strerror or "unreadable"
    else:
        reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else "not a path"
    return f"names a file that cannot be read: {path} ({reason}); correct the path or the permissions"


def _shown_path(name: str, path: str) -> str:
    """Return the path of a secret's file, without what may be the secret itself, written in its place."""
    return HIDDEN if is_secret_name(name) and not path.startswith(("/", ".")) else redact_text(path)


def _is_unset(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value)


def is_unicode(text: str) -> bool:
    """Tell whether ``text`` can be written as UTF-8, so that it holds no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
