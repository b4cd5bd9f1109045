"""Show which environment a container in a Kubernetes manifest has."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from ibutsu_server.settings.origins import UNKNOWN
from tests.settings.manifest.reading import lines, manifests, only, values

if TYPE_CHECKING:
    from ibutsu_server.settings.manifest.environment import Environment

POD = """\
kind: Pod
metadata: {name: worker}
spec:
  containers:
  - name: main
"""


def container(text: str, **files: str) -> Environment:
    """Return the environment of a container that ``text`` describes, beside objects in other files."""
    return only(manifests(pod=POD + text, **files))


def config_map(text: str, name: str = "settings", metadata: str = "") -> str:
    """Return a ConfigMap with the data ``text``."""
    return f"kind: ConfigMap\nmetadata: {{name: {name}{metadata}}}\ndata: {text}\n"


def secret(text: str, name: str = "settings") -> str:
    """Return a Secret with the data ``text``, as it is."""
    return f"kind: Secret\nmetadata: {{name: {name}}}\nstringData: {text}\n"


def reference(kind: str, more: str = "") -> str:
    """Return a variable ``A`` that has its value from the key ``a`` of an object."""
    return f"    env: [{{name: A, valueFrom: {{{kind}: {{name: settings, key: a{more}}}}}}}]\n"


def test_a_variable_has_its_value_and_its_line() -> None:
    """A value that is missing or null is empty text."""
    environment = container(
        """\
    env:
    - name: A
      value: "5"
    - name: B
    - {name: C, value: null}
"""
    )
    assert values(environment) == {"A": "5", "B": "", "C": ""}
    assert lines(environment)["A"] == "pod.yaml:8"
    assert (environment.name, environment.line) == ("Pod worker, container main", 5)
    assert environment.is_complete


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("5", "number"),
        ("1e3", "number"),
        ("true", "boolean"),
        ("yes", "boolean"),
        ("Off", "boolean"),
        ("n", "boolean"),
        ("[a]", "list"),
        ("{a: b}", "mapping"),
    ],
)
def test_a_value_that_is_no_text_is_a_fault(value: str, kind: str) -> None:
    """The API server refuses the object; the sentence does not show the value, which may be a password."""
    problem = f"is a {kind}, which Kubernetes refuses; write it in quotes"
    environment = container(f"    env:\n    - name: A\n      value: {value}\n")
    assert [str(fault) for fault in environment.faults] == [f"A in pod.yaml:8 {problem}"]
    assert values(environment) == {"A": UNKNOWN}
    assert [str(fault) for fault in manifests(c=config_map(f"{{A: {value}}}")).faults] == [
        f"A in c.yaml:3 {problem}"
    ]


@pytest.mark.parametrize("value", ['"5"', "'yes'", "yes sir", "oN", "2026-01-01", "12:30"])
def test_other_values_are_text(value: str) -> None:
    """What is quoted, and what looks like a number to nobody."""
    assert container(f"    env: [{{name: A, value: {value}}}]\n").faults == ()


@pytest.mark.parametrize(
    ("lines_", "fault"),
    [
        ("    env: {A: b}\n", "pod.yaml:6 is not a list; write the items of env with dashes"),
        ("    envFrom: x\n", "pod.yaml:6 is not a list; write the items of envFrom with dashes"),
        ("    env: [{A: b}]\n", "pod.yaml:6 is not a variable; write name: and value:"),
        ("    env: [A=b]\n", "pod.yaml:6 is not a variable; write name: and value:"),
    ],
)
def test_an_environment_in_another_form_is_a_fault(lines_: str, fault: str) -> None:
    """A form that Compose takes is none of Kubernetes."""
    assert [str(each) for each in container(lines_).faults] == [fault]


class TestValueFrom:
    """A variable may have its value from a key of an object."""

    def test_an_object_in_the_given_files_is_looked_up(self) -> None:
        """The place of the value is where it is written."""
        environment = container(reference("configMapKeyRef"), c=config_map("\n  a: b"))
        assert values(environment) == {"A": "b"}
        assert lines(environment) == {"A": "c.yaml:4"}
        assert environment.variables["A"].origin.name == "A"

    def test_the_data_of_a_secret_is_base64(self) -> None:
        """``stringData`` is as it is, and wins."""
        encoded = base64.b64encode(b"redis://redis\n").decode()
        text = f"kind: Secret\nmetadata: {{name: settings}}\ndata:\n  a: {encoded}\n"
        assert values(container(reference("secretKeyRef"), s=text)) == {"A": "redis://redis\n"}
        assert values(container(reference("secretKeyRef"), s=f"{text}stringData: {{a: plain}}\n")) == {
            "A": "plain"
        }

    def test_base64_may_be_on_several_lines(self) -> None:
        """The base64 command folds its output."""
        folded = base64.b64encode(b"x" * 60).decode()
        data = f"data:\n  a: |\n    {folded[:40]}\n    {folded[40:]}\n"
        text = f"kind: Secret\nmetadata: {{name: settings}}\n{data}"
        assert values(container(reference("secretKeyRef"), s=text)) == {"A": "x" * 60}

    def test_data_that_is_no_base64_is_a_fault(self) -> None:
        """It has its place, and the container gets no second fault for it."""
        read = manifests(
            pod=POD + reference("secretKeyRef"), s=secret("{a: b!}").replace("stringData", "data")
        )
        assert [str(fault) for fault in read.faults] == [
            "a in s.yaml:3 is not base64; encode it, or write it under stringData as it is"
        ]
        [environment] = read.containers
        assert (values(environment), environment.faults) == ({"A": UNKNOWN}, ())

    def test_bytes_that_are_not_utf_8_are_a_value(self) -> None:
        """They are the fault of the setting that has them, if one has."""
        encoded = base64.b64encode(b"\xff").decode()
        text = f"kind: Secret\nmetadata: {{name: settings}}\ndata: {{a: {encoded}}}\n"
        assert values(container(reference("secretKeyRef"), s=text)) == {"A": "\udcff"}

    def test_an_object_that_is_not_given_is_noted(self) -> None:
        """The value counts as valid; only a setting is worth the note."""
        environment = container(
            "    env:\n"
            "    - {name: CELERY_BROKER_URL, valueFrom: {secretKeyRef: {name: redis, key: url}}}\n"
            "    - {name: HOME, valueFrom: {configMapKeyRef: {name: x, key: y}}}\n"
        )
        assert values(environment) == {"CELERY_BROKER_URL": UNKNOWN, "HOME": UNKNOWN}
        assert [str(note) for note in environment.notes] == [
            "CELERY_BROKER_URL in pod.yaml:7 comes from the Secret redis, which is not in the given files"
        ]

    def test_a_key_that_the_object_lacks_is_a_fault_unless_it_is_optional(self) -> None:
        """The container would not start."""
        environment = container(reference("configMapKeyRef"), c=config_map("{b: c}"))
        assert [str(fault) for fault in environment.faults] == [
            "A in pod.yaml:6 comes from the key a, which the ConfigMap settings does not have; "
            "correct the key, or add it"
        ]
        optional = container(reference("configMapKeyRef", ", optional: true"), c=config_map("{b: c}"))
        assert (values(optional), optional.faults) == ({}, ())

    def test_what_only_the_cluster_knows_is_noted(self) -> None:
        """Such as a field of the pod."""
        environment = container(
            "    env: [{name: CELERY_TIMEZONE, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]\n"
        )
        assert [str(note) for note in environment.notes] == [
            "CELERY_TIMEZONE in pod.yaml:6 comes from fieldRef, which only the cluster knows"
        ]

    @pytest.mark.parametrize(
        ("pod", "stored", "value"),
        [("", "", "b"), ("", "x", "b"), ("x", "", "b"), ("x", "x", "b"), ("x", "y", UNKNOWN)],
    )
    def test_an_object_of_another_namespace_is_another_object(
        self, pod: str, stored: str, value: object
    ) -> None:
        """One without a namespace fits any: it may be given on applying."""
        in_namespace = POD.replace("worker}", f"worker, namespace: '{pod}'}}")
        stored_text = config_map("{a: b}", metadata=f", namespace: '{stored}'")
        read = manifests(pod=in_namespace + reference("configMapKeyRef"), c=stored_text)
        assert values(only(read)) == {"A": value}


class TestEnvFrom:
    """A container may have all that an object holds."""

    def test_later_objects_win_and_variables_over_all(self) -> None:
        """As in Kubernetes."""
        environment = container(
            "    envFrom:\n"
            "    - configMapRef: {name: settings}\n"
            "    - secretRef: {name: settings}\n"
            "    env: [{name: C, value: c}]\n",
            c=config_map("{A: a, B: a, C: a}"),
            s=secret("{B: b, C: b}"),
        )
        assert values(environment) == {"A": "a", "B": "b", "C": "c"}

    def test_a_prefix_stands_before_each_name(self) -> None:
        """The variable is known by its whole name."""
        environment = container(
            "    envFrom: [{prefix: CELERY_, configMapRef: {name: settings}}]\n",
            c=config_map("{BROKER_URL: x}"),
        )
        assert values(environment) == {"CELERY_BROKER_URL": "x"}
        assert environment.variables["CELERY_BROKER_URL"].origin.name == "CELERY_BROKER_URL"

    def test_an_object_that_is_not_given_leaves_the_environment_open(self) -> None:
        """What is missing may be in it, which is noted."""
        environment = container("    envFrom:\n    - secretRef: {name: settings}\n")
        assert not environment.is_complete
        assert [str(note) for note in environment.notes] == [
            "Secret settings in pod.yaml:7 is not in the given files: settings that are missing may be in it"
        ]


class TestDependentVariables:
    """A value may refer to variables that are defined before it."""

    def test_a_reference_is_replaced(self) -> None:
        """By a variable above it, or by one of ``envFrom``."""
        environment = container(
            "    envFrom: [{configMapRef: {name: settings}}]\n"
            "    env: [{name: B, value: b}, {name: C, value: $(A)$(B)$$(A)}]\n",
            c=config_map("{A: a}"),
        )
        assert values(environment)["C"] == "ab$(A)"

    def test_a_reference_to_what_is_not_known_is_not_known(self) -> None:
        """Which is noted."""
        environment = container(
            "    env:\n"
            "    - {name: PASSWORD, valueFrom: {secretKeyRef: {name: redis, key: password}}}\n"
            "    - {name: CELERY_BROKER_URL, value: 'redis://:$(PASSWORD)@redis'}\n"
        )
        assert values(environment)["CELERY_BROKER_URL"] is UNKNOWN
        assert [str(note) for note in environment.notes] == [
            "CELERY_BROKER_URL in pod.yaml:8 refers to PASSWORD, whose value is not known here"
        ]

    def test_a_reference_to_a_service_is_not_known(self) -> None:
        """Kubernetes injects the variable."""
        environment = container("    env: [{name: A, value: $(REDIS_SERVICE_HOST)}]\n")
        assert (values(environment), environment.warnings) == ({"A": UNKNOWN}, ())

    def test_a_reference_in_an_open_environment_is_not_known(self) -> None:
        """It may be defined in what is not given."""
        environment = container("    envFrom: [{secretRef: {name: x}}]\n    env: [{name: A, value: $(B)}]\n")
        assert (values(environment), environment.warnings) == ({"A": UNKNOWN}, ())

    def test_a_reference_to_what_nothing_above_defines_is_a_warning(self) -> None:
        """Kubernetes leaves the text as it is, which nobody means."""
        environment = container("    env: [{name: A, value: $(B)}, {name: B, value: b}]\n")
        assert values(environment) == {"A": "$(B)", "B": "b"}
        assert [str(warning) for warning in environment.warnings] == [
            "A in pod.yaml:6 refers to $(B), which no variable before it defines, so that the text stays as "
            "it is; define it above"
        ]

    def test_references_to_references_do_not_multiply(self) -> None:
        """Nine lines that stand for ten billion characters are a fault."""
        values_ = ["x" * 10, *(f"$(A{number})" * 10 for number in range(9))]
        lines_ = [f"    - {{name: A{number}, value: {value}}}" for number, value in enumerate(values_)]
        text = "\n".join([f"{POD}    env:", *lines_])
        assert [str(fault) for fault in manifests(pod=text).faults] == [
            "The given files refer to each other so often that they stand for too many variables; "
            "check fewer at once"
        ]


def test_objects_that_many_containers_share_do_not_multiply() -> None:
    """A thousand containers with the thousand variables of one object stand for a million."""
    data = ", ".join(f"A{number}: x" for number in range(1000))
    containers = "  - {name: a, envFrom: [{configMapRef: {name: settings}}]}\n" * 1000
    read = manifests(c=config_map(f"{{{data}}}"), pod=f"kind: Pod\nspec:\n  containers:\n{containers}")
    assert [fault.name for fault in read.faults] == ["The given files"]


@pytest.mark.parametrize(
    ("mount", "is_complete"), [("/run/secrets", False), ("/run/secrets/redis", False), ("/data", True)]
)
def test_a_mount_of_secrets_leaves_the_environment_open(mount: str, is_complete: bool) -> None:
    """Any setting may be a file in it."""
    environment = container(f"    volumeMounts: [{{name: x, mountPath: {mount}}}]\n")
    assert environment.is_complete is is_complete


WORKLOADS = {
    "Deployment": "spec: {{template: {{spec: {spec}}}}}",
    "StatefulSet": "spec: {{template: {{spec: {spec}}}}}",
    "DaemonSet": "spec: {{template: {{spec: {spec}}}}}",
    "Job": "spec: {{template: {{spec: {spec}}}}}",
    "CronJob": "spec: {{jobTemplate: {{spec: {{template: {{spec: {spec}}}}}}}}}",
    "Pod": "spec: {spec}",
}


@pytest.mark.parametrize("kind", WORKLOADS)
def test_every_kind_of_workload_has_containers(kind: str) -> None:
    """The name is that of the workload and the container."""
    spec = WORKLOADS[kind].format(spec="{containers: [{name: main, env: [{name: A, value: b}]}]}")
    environment = only(manifests(w=f"kind: {kind}\nmetadata: {{name: x}}\n{spec}\n"))
    assert (environment.name, values(environment)) == (f"{kind} x, container main", {"A": "b"})


def test_a_list_has_its_objects() -> None:
    """``kubectl get -o yaml`` prints one."""
    items = f"kind: List\nitems:\n- {{{', '.join(config_map('{A: a}').splitlines())}}}\n"
    assert values(only(manifests(items=items))) == {"A": "a"}


class TestRoles:
    """The role of a container is that of the entry point in its command, else that of a name."""

    @pytest.mark.parametrize(
        ("workload", "name", "command", "role"),
        [
            ("x", "main", "args: [celery, --app, 'ibutsu_server:flower_app', flower]", "flower"),
            (
                "x",
                "main",
                "command: [sh, -c, 'exec celery --app ibutsu_server:scheduler_app beat']",
                "scheduler",
            ),
            ("worker", "scheduler", "", "scheduler"),
            ("ibutsu-worker", "main", "", "worker"),
            ("x", "main", "", None),
        ],
    )
    def test_it_is_read(self, workload: str, name: str, command: str, role: str | None) -> None:
        """The name of the container comes before that of the workload."""
        spec = f"spec: {{containers: [{{name: {name}, {command}}}]}}"
        pod = f"kind: Pod\nmetadata: {{name: {workload}}}\n{spec}\n"
        assert only(manifests(pod=pod)).role == role

    def test_a_sidecar_has_not_the_role_of_its_workload(self) -> None:
        """With two containers only the name of each counts."""
        pod = "kind: Pod\nmetadata: {name: x-worker}\nspec: {containers: [{name: worker}, {name: proxy}]}\n"
        assert [each.role for each in manifests(pod=pod).containers] == ["worker", None]

    def test_an_init_container_has_a_role_only_by_its_command(self) -> None:
        """It ends before the others start."""
        init = "{name: worker-init}, {name: x, command: ['ibutsu_server:worker_app']}"
        pod = f"kind: Pod\nmetadata: {{name: worker}}\nspec: {{containers: [], initContainers: [{init}]}}\n"
        assert [each.role for each in manifests(pod=pod).containers] == [None, "worker"]


class TestWithoutContainers:
    """ConfigMaps and Secrets alone are one environment."""

    def test_all_that_they_hold_is_in_it(self) -> None:
        """They are halves of one deployment."""
        environment = only(manifests(c=config_map("{A: a}"), s=secret("{B: b}", name="other")))
        assert values(environment) == {"A": "a", "B": "b"}
        assert (environment.name, environment.role) == ("ConfigMap settings, Secret other", None)
        assert environment.is_complete

    @pytest.mark.parametrize(("kind", "other"), [("ConfigMap", "Secret"), ("Secret", "ConfigMap")])
    def test_one_kind_alone_is_open(self, kind: str, other: str) -> None:
        """The other kind has what is missing."""
        environment = only(manifests(c=config_map("{A: YQ==}").replace("ConfigMap", kind)))
        assert not environment.is_complete
        assert [str(note) for note in environment.notes] == [
            f"{kind} settings in c.yaml:1 is checked without a {other}: "
            f"settings that are missing may be in a {other}"
        ]

    def test_beside_a_container_they_count_where_it_refers_to_them(self) -> None:
        """They may be those of another program."""
        read = manifests(pod=POD, c=config_map("{A: a}"))
        assert read.stored is None
        assert values(read.containers[0]) == {}

    def test_other_objects_hold_nothing(self) -> None:
        """A Service is neither a fault nor an environment."""
        assert manifests(s="kind: Service\nspec: {ports: []}\n") == ((), None, ())


def test_a_file_of_another_kind_is_a_fault() -> None:
    """Whoever gives it means another one."""
    problem = (
        "begins neither a compose file (services:) nor an object of Kubernetes (kind:); "
        "give a file that is one of them"
    )
    for text in ("on: push\n", "- a\n", "text\n"):
        assert [str(fault) for fault in manifests(f=f"# comment\n{text}").faults] == [f"f.yaml:2 {problem}"]


def test_a_file_that_cannot_be_read_hides_no_other() -> None:
    """Its fault stands beside what the other files hold."""
    read = manifests(bad="a: [", good=POD)
    assert len(read.faults) == 1
    assert [each.name for each in read.containers] == ["Pod worker, container main"]
