"""Show that no file of any shape ends a check with anything but a report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ibutsu_server.settings.checks import check_environment
from ibutsu_server.settings.manifest.environment import environment_of_files
from ibutsu_server.settings.manifest.files import read_manifests

if TYPE_CHECKING:
    import pytest
    from hypothesis.strategies import SearchStrategy

WORDS: Final = (
    *("services", "worker", "environment", "env_file", "extends", "file", "service", "path", "format", "raw"),
    *("secrets", "volumes", "target", "source", "command", "entrypoint", "ibutsu_server:worker_app", "."),
    *("kind", "metadata", "name", "namespace", "spec", "template", "jobTemplate", "containers"),
    *("Pod", "Deployment", "List", "items", "ConfigMap", "Secret", "data", "stringData", "initContainers"),
    *("env", "envFrom", "value", "valueFrom", "configMapRef", "secretKeyRef", "key", "optional", "prefix"),
    *("volumeMounts", "mountPath", "/run/secrets", "CELERY_BROKER_URL", "CELERY_BROKER_URL_FILE"),
    *(
        "CELERY_TASK_TIME_LIMIT",
        "IBUTSU_ENV_FILE",
        "redis://redis",
        "$(A)",
        "${A:-5}",
        "$5",
        "A=b",
        "<<",
        "é",
    ),
)
SCALARS: Final[SearchStrategy[Any]] = st.one_of(
    st.sampled_from(WORDS), st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=4)
)


def values() -> SearchStrategy[Any]:
    """Return a strategy for values that have the words of manifests in any place."""
    return st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=5)
        ),
        max_leaves=25,
    )


def documents() -> SearchStrategy[Any]:
    """Return a strategy for documents of which many are nearly a manifest."""
    container = st.fixed_dictionaries(
        {"name": SCALARS}, optional={key: values() for key in ("env", "envFrom", "args", "volumeMounts")}
    )
    return st.one_of(
        values(),
        st.fixed_dictionaries({"services": st.dictionaries(st.sampled_from(WORDS), values(), max_size=3)}),
        st.fixed_dictionaries(
            {"kind": SCALARS, "spec": st.fixed_dictionaries({"containers": st.lists(container)})}
        ),
        st.fixed_dictionaries({"kind": st.sampled_from(["ConfigMap", "Secret"]), "data": values()}),
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(documents(), min_size=1, max_size=3))
def test_any_manifest_gives_a_report(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, found: list[Any]
) -> None:
    """Whatever has the keys of a manifest; JSON is YAML."""
    monkeypatch.chdir(tmp_path_factory.getbasetemp())
    read = read_manifests({"f.yaml": "\n---\n".join(map(json.dumps, found)).encode()})
    for environment in (*read.containers, *([read.stored] if read.stored else [])):
        report = check_environment(environment, environment.role or "worker")
        assert all(
            fault.file and fault.problem for fault in (*report.faults, *report.warnings, *report.notes)
        )


@given(st.one_of(st.binary(max_size=60), st.text("AB=_'\"\\$#{}\n ", max_size=60).map(str.encode)))
def test_any_env_file_gives_a_report(data: bytes) -> None:
    """Whatever its bytes are."""
    report = check_environment(environment_of_files({"f.env": data}), "worker")
    assert report.faults
