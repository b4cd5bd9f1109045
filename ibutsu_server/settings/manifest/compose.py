"""The environments of the services in compose files (https://docs.docker.com/reference/compose-file/)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ibutsu_server.constants import LARGEST_SETTINGS_FILE
from ibutsu_server.settings.manifest.environment import Budget, Draft, Environment, role_of
from ibutsu_server.settings.manifest.references import Interpolation
from ibutsu_server.settings.sources import SECRETS_DIRECTORY, read_env_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ibutsu_server.settings.manifest.nodes import Node
    from ibutsu_server.settings.origins import Origin


def is_compose_file(document: Node) -> bool:
    """Tell whether ``document`` has services, and is not an object of Kubernetes."""
    return "services" in document.entries and "kind" not in document.entries


def compose_environments(documents: Sequence[Node], budget: Budget) -> Iterator[Environment]:
    """Yield the environment of each service; as in ``docker compose -f``, later files add to earlier ones."""
    services: dict[str, list[Node]] = {}
    for document in documents:
        for name, service in document.at("services").entries.items():
            services.setdefault(name, []).append(service)
    for name, definitions in services.items():
        reader = _Service(budget)
        extended = _with_bases(definitions, services, budget)
        for service in extended:
            reader.read_env_files(service)
        for service in extended:
            reader.read_environment(service.at("environment"))
            reader.read_mounts(service)
        role = role_of([*_last(extended, "entrypoint"), *_last(extended, "command")], name)
        first = definitions[0]
        yield reader.draft.finish(f"service {name}", role, first.file, first.line)


def _with_bases(definitions: list[Node], services: dict[str, list[Node]], budget: Budget) -> list[Node]:
    """Return ``definitions``, and before them what they extend in the same file, and what that extends."""
    layers = [definitions]
    seen: set[str] = set()
    while (base := _base_of(layers[-1][0])) in services and base not in seen:
        seen.add(base)
        layers.append(services[base])
        budget.spend(1000 * len(services[base]))
    return [service for layer in reversed(layers) for service in layer]


def _base_of(service: Node) -> str:
    extends = service.at("extends")
    return extends.text or ("" if "file" in extends.entries else extends.at("service").text)


def _last(definitions: list[Node], key: str) -> list[str]:
    """Return the words of the last definition that has ``key``, which replaces those before it."""
    given = [service.at(key) for service in definitions if key in service.entries]
    return [item.text for item in given[-1].items or given[-1:]] if given else []


class _Service:
    """The environment of a service, put together from its definitions."""

    def __init__(self, budget: Budget) -> None:
        self.draft = Draft(budget)

    def read_env_files(self, service: Node) -> None:
        """Read the files that ``env_file`` names; where one cannot be read, note it."""
        given = service.at("env_file")
        for entry in given.items or (given,):
            path = entry.at("path") if entry.entries else entry
            if path.kind != "null":
                self._read_env_file(path, is_raw=entry.at("format").text == "raw")
        base = service.at("extends", "file")
        if base.text:
            self.draft.lacks(f"service of {base.text}", base, "is extended and not read here")

    def _read_env_file(self, path: Node, *, is_raw: bool) -> None:
        file = Path(path.file).parent / path.text
        text = None if "$" in path.text else _text_of(file)
        if text is None:
            self.draft.lacks(f"env_file {path.text}", path, "cannot be read here")
            return
        self.draft.budget.spend(len(text))
        variables, faults = read_env_file(text, str(file))
        self.draft.faults.extend(faults)
        lines = text.split("\n")
        for name, (value, origin) in variables.items():
            assignment = lines[(origin.line or 1) - 1]
            self.draft.set(name, value, origin)
            if not (is_raw or assignment.partition("=")[2].lstrip().startswith("'")):
                with suppress(ValueError):  # Compose leaves a dollar sign that begins no reference alone
                    self._set_interpolated(name, value, origin)

    def read_environment(self, environment: Node) -> None:
        """Read ``environment``, a mapping or a list of ``NAME=value``."""
        for name, node in environment.entries.items():
            self._set(name, node)
        for item in environment.items:
            name, equals, value = item.text.partition("=")
            if item.kind != "text":
                self.draft.faults.append(item.fault("is not text; write NAME=value, without a colon"))
            elif equals:
                self._set_text(name, value, item)
            else:
                self._set_from_shell(name, item)
        if environment.kind not in ("mapping", "list", "null"):
            self.draft.faults.append(environment.fault("is not an environment; write NAME: value"))

    def _set(self, name: str, value: Node) -> None:
        if value.kind in ("boolean", "list", "mapping"):
            self.draft.set_faulty(
                name, value, f"is a {value.kind}, which Compose refuses; write it in quotes"
            )
        elif value.kind == "null":
            self._set_from_shell(name, value)
        else:
            self._set_text(name, value.text, value)

    def _set_from_shell(self, name: str, place: Node) -> None:
        self.draft.set_unknown(name, place.origin(name), "has its value from the shell that runs Compose")

    def _set_text(self, name: str, text: str, place: Node) -> None:
        try:
            self._set_interpolated(name, text, place.origin(name))
        except ValueError as error:
            self.draft.set_faulty(name, place, str(error))

    def _set_interpolated(self, name: str, text: str, origin: Origin) -> None:
        read = Interpolation(text)
        if read.unknown:
            reason = f"refers to {', '.join(read.unknown)}, whose value is not known here"
            self.draft.set_unknown(name, origin, reason)
        else:
            self.draft.set(name, read.text, origin)

    def read_mounts(self, service: Node) -> None:
        """Read the names of the secrets, each of which is a file in ``/run/secrets``."""
        for secret in service.at("secrets").items:
            file = secret.text or secret.at("target").text or secret.at("source").text
            name = Path(file).name.upper()
            if name and not (name in self.draft.variables and self.draft.variables[name].value):
                self.draft.set_unknown(
                    name, secret.origin(name), "is a secret, whose value is not known here"
                )
        for volume in service.at("volumes").items:
            target = volume.at("target").text or volume.text.partition(":")[2]
            if target.startswith(SECRETS_DIRECTORY):
                self.draft.lacks(f"volume at {SECRETS_DIRECTORY}", volume, "is not read here")


def _text_of(file: Path) -> str | None:
    try:
        if not file.is_file() or file.stat().st_size > LARGEST_SETTINGS_FILE:
            return None
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
