"""The environments of the containers in Kubernetes manifests
(https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#environment-variables)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ibutsu_server.settings.foreign_names import is_service_link
from ibutsu_server.settings.manifest.environment import Budget, Draft, Environment, role_of
from ibutsu_server.settings.manifest.objects import text_problem
from ibutsu_server.settings.manifest.references import expand
from ibutsu_server.settings.origins import UNKNOWN
from ibutsu_server.settings.sources import SECRETS_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibutsu_server.settings.manifest.nodes import Node
    from ibutsu_server.settings.manifest.objects import Objects, Pod

_KINDS: Final = {"configMap": "ConfigMap", "secret": "Secret"}


def container_environments(objects: Objects, budget: Budget) -> Iterator[Environment]:
    """Yield the environment of each container, init containers included."""
    for pod in objects.pods:
        containers = pod.spec.at("containers").items
        for container in containers:
            name = container.at("name").text
            names = [name, pod.name] if len(containers) == 1 else [name]
            yield _environment(pod, container, role_of(_command(container), *names), objects, budget)
        for container in pod.spec.at("initContainers").items:
            # What ends before the others start runs no role, unless its command says so.
            yield _environment(pod, container, role_of(_command(container)), objects, budget)


def stored_environment(objects: Objects, budget: Budget) -> Environment | None:
    """Return the environment that all ConfigMaps and Secrets give together; None where there are none."""
    if not objects.stored:
        return None
    draft = Draft(budget)
    for stored in objects.stored:
        for key, (value, origin) in stored.values.items():
            draft.set(key, value, origin)
    kinds = {stored.node.at("kind").text for stored in objects.stored}
    first = objects.stored[0]
    for missing in {*_KINDS.values()} - kinds:
        draft.lacks(first.title, first.node, f"is checked without a {missing}", f"a {missing}")
    title = ", ".join(stored.title for stored in objects.stored)
    return draft.finish(title, None, first.node.file, first.node.line)


def _command(container: Node) -> list[str]:
    return [item.text for key in ("command", "args") for item in container.at(key).items]


def _environment(
    pod: Pod, container: Node, role: str | None, objects: Objects, budget: Budget
) -> Environment:
    reader = _Container(pod, objects, budget)
    reader.read(container)
    title = f"{pod.title}, container {container.at('name').text}"
    return reader.draft.finish(title, role, container.file, container.line)


class _Container:
    """The environment of a container, put together from its manifest and the objects it refers to."""

    def __init__(self, pod: Pod, objects: Objects, budget: Budget) -> None:
        self.draft = Draft(budget)
        self._pod = pod
        self._objects = objects

    def read(self, container: Node) -> None:
        """Read ``envFrom``, ``env``, which wins over it, and the mounts of secret files."""
        for key in ("envFrom", "env"):
            if container.at(key).kind not in ("list", "null"):
                problem = f"is not a list; write the items of {key} with dashes"
                self.draft.faults.append(container.at(key).fault(problem))
        for entry in container.at("envFrom").items:
            self._read_all_of(entry)
        for entry in container.at("env").items:
            self._read_variable(entry)
        for mount in container.at("volumeMounts").items:
            if mount.at("mountPath").text.startswith(SECRETS_DIRECTORY):
                self.draft.lacks(f"volume at {SECRETS_DIRECTORY}", mount, "is not read here")

    def _read_all_of(self, entry: Node) -> None:
        prefix = entry.at("prefix").text
        for key, kind in _KINDS.items():
            reference = entry.at(f"{key}Ref")
            if reference.kind == "null":
                continue
            name = reference.at("name").text
            stored = self._objects.find(kind, name, self._pod.namespace)
            if stored is None:
                self.draft.lacks(f"{kind} {name}", reference, "is not in the given files")
            else:
                for variable, (value, origin) in stored.values.items():
                    self.draft.set(f"{prefix}{variable}", value, origin)

    def _read_variable(self, entry: Node) -> None:
        name, value = entry.at("name").text, entry.at("value")
        if not name:
            self.draft.faults.append(entry.fault("is not a variable; write name: and value:"))
        elif entry.at("valueFrom").kind != "null":
            self._read_value_from(name, entry.at("valueFrom"))
        elif (problem := text_problem(value)) is not None:
            self.draft.set_faulty(name, value, problem)
        else:
            self._set_expanded(name, value)

    def _read_value_from(self, name: str, source: Node) -> None:
        for place, kind in _KINDS.items():
            reference = source.at(f"{place}KeyRef")
            if reference.kind != "null":
                self._read_key(name, kind, reference)
                return
        origin = next(iter(source.entries), "valueFrom")
        self.draft.set_unknown(
            name, source.origin(name), f"comes from {origin}, which only the cluster knows"
        )

    def _read_key(self, name: str, kind: str, reference: Node) -> None:
        title, key = f"{kind} {reference.at('name').text}", reference.at("key").text
        stored = self._objects.find(kind, reference.at("name").text, self._pod.namespace)
        if stored is None:
            reason = f"comes from the {title}, which is not in the given files"
            self.draft.set_unknown(name, reference.origin(name), reason)
        elif key in stored.values:
            self.draft.set(name, *stored.values[key])
        elif reference.at("optional").text.lower() != "true":
            problem = f"comes from the key {key}, which the {title} does not have; correct the key, or add it"
            self.draft.set_faulty(name, reference, problem)

    def _set_expanded(self, name: str, value: Node) -> None:
        variables, unknown = self.draft.variables, []

        def value_of(reference: str) -> str | None:
            found = variables.get(reference)
            if found is None and self.draft.is_complete and not is_service_link(reference):
                problem = (
                    f"refers to $({reference}), which no variable before it defines, so that the text stays "
                    "as it is; define it above"
                )
                self.draft.warnings.append(value.fault(problem, name))
                return None
            if found is None or found.value is UNKNOWN:
                unknown.append(reference)
                return ""
            self.draft.budget.spend(len(found.value))
            return str(found.value)

        text = expand(value.text, value_of)
        if unknown:
            reason = f"refers to {', '.join(unknown)}, whose value is not known here"
            self.draft.set_unknown(name, value.origin(name), reason)
        else:
            self.draft.set(name, text, value.origin(name))
