"""Read the environments of compose files and Kubernetes manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ibutsu_server.exceptions import ConfigurationError, Fault
from ibutsu_server.settings.manifest.compose import compose_environments, is_compose_file
from ibutsu_server.settings.manifest.environment import Budget, Environment
from ibutsu_server.settings.manifest.kubernetes import container_environments, stored_environment
from ibutsu_server.settings.manifest.nodes import Node, read_documents
from ibutsu_server.settings.manifest.objects import Objects, is_object

if TYPE_CHECKING:
    from collections.abc import Mapping


class Manifests(NamedTuple):
    """What several manifests hold together."""

    containers: tuple[Environment, ...]
    """The environment of each container, with the role of its process."""

    stored: Environment | None
    """What the ConfigMaps and Secrets give together, where no file has a container."""

    faults: tuple[Fault, ...]
    """What is wrong with the files themselves."""


def read_manifests(files: Mapping[str, bytes]) -> Manifests:
    """Return what ``files`` hold, given as their contents by path: compose files and Kubernetes manifests.

    Every file counts for every other: an object may refer to one in another file, and the services of a
    compose file add to those of the ones before it.
    """
    documents: list[Node] = []
    faults: list[Fault] = []
    for path, data in files.items():
        try:
            documents += read_documents(path, data)
        except ConfigurationError as error:
            faults += error.faults
    for document in documents:
        if not is_object(document) and not is_compose_file(document):
            problem = (
                "begins neither a compose file (services:) nor an object of Kubernetes (kind:); "
                "give a file that is one of them"
            )
            faults.append(document.fault(problem))
    try:
        return _environments(documents, faults)
    except ConfigurationError as error:
        return Manifests((), None, (*faults, *error.faults))


def _environments(documents: list[Node], faults: list[Fault]) -> Manifests:
    budget = Budget()
    objects = Objects([document for document in documents if is_object(document)])
    services = compose_environments([each for each in documents if is_compose_file(each)], budget)
    containers = (*services, *container_environments(objects, budget))
    stored = None if containers else stored_environment(objects, budget)
    return Manifests(containers, stored, (*faults, *objects.faults))
