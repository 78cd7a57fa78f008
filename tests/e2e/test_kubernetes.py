"""The Helm chart and the manifests made of it, offline: linted, rendered for six sets of values, checked against Kubernetes' own schemas;
what they set makes a configuration that the gateway takes; what would split traces is refused.

tools/kubernetes.sh gets helm, kubeconform and the schemas; without them the tests are skipped and say so.
"""
import os
import pathlib
import re
import subprocess

import pytest
from conftest import PROGRAM, ROOT, clean_environment
from ruamel.yaml import YAML

CHART = ROOT / "deploy/helm/noveum-gateway"
SETS = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))
TOOLS = pathlib.Path(os.environ.get("NOVEUM_KUBERNETES_TOOLS", ROOT / "build/kubernetes"))
SECRET = "0123456789abcdef" * 4


def run(tool, *arguments):
    if not (TOOLS / "bin" / tool).exists():
        pytest.skip(f"no {tool}: tools/kubernetes.sh gets it by Go's module proxy")
    if tool == "helm":  # one that was built by `go install` believes in Kubernetes 1.20
        arguments = [*arguments, "--kube-version", "1.30"]
    done = subprocess.run([TOOLS / "bin" / tool, *arguments], capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout, done.stderr


def rendered(name):
    code, out, told = run("helm", "template", "noveum-gateway", CHART, "--namespace", "noveum", "-f", CHART / f"ci/{name}-values.yaml")
    assert code == 0, told
    return out


def documents(text):
    return [one for one in YAML(typ="safe").load_all(text) if one]


def pods(items):
    return [one["spec"]["template"]["spec"] for one in items if one["kind"] in ("Deployment", "StatefulSet")]


def validate(directory, text, *skipped):
    path = directory / "all.yaml"
    path.write_text(text, "utf-8")
    where = str(TOOLS / "schemas") + "/{{.ResourceKind}}{{.KindSuffix}}.json"
    flags = ["-skip", ",".join(skipped)] if skipped else []
    code, out, told = run("kubeconform", "-strict", "-summary", "-schema-location", where, *flags, path)
    assert code == 0, out + told
    return out


def test_there_are_six_sets():
    assert len(SETS) == 6


@pytest.mark.parametrize("name", SETS)
def test_a_set_lints_renders_and_validates(name, directory):
    code, out, told = run("helm", "lint", "--strict", CHART, "-f", CHART / f"ci/{name}-values.yaml")
    assert code == 0, out + told
    assert re.search(r"Invalid: 0, Errors: 0, Skipped: 0", validate(directory, rendered(name)))


@pytest.mark.parametrize("name", SETS)
def test_the_gateway_takes_what_a_set_configures(name, directory):
    items = documents(rendered(name))
    configs = {one["metadata"]["name"]: one["data"] for one in items if one["kind"] == "ConfigMap"}
    seen = 0
    for pod in pods(items):
        for container in (one for one in pod["containers"] if one["name"] == "gateway"):
            environment = {one["name"]: one.get("value", SECRET) for one in container["env"]}
            # files of secrets, which are not here; tests/tools/check_deploy.py knows their names
            environment = {key: value for key, value in environment.items() if not value.startswith("/etc/")}
            arguments = []
            if "args" in container:
                (directory / "gateway.yaml").write_text(configs["noveum-gateway"]["gateway.yaml"], "utf-8")
                arguments = ["--config", directory / "gateway.yaml"]
            done = subprocess.run([PROGRAM, *arguments, "--check-config"], env=clean_environment(**environment), cwd=directory,
                                  capture_output=True, text=True, check=False, timeout=30)
            assert done.returncode == 0, done.stderr
            seen += 1
    assert seen == (2 if name == "kafka" else 1)


@pytest.mark.parametrize("name", SETS)
def test_a_pod_stops_in_time_and_may_do_nothing(name):
    for pod in pods(documents(rendered(name))):
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                                    "capabilities": {"drop": ["ALL"]}}
            if container["name"] == "gateway":
                deadline = next(int(one["value"]) for one in container["env"] if one["name"] == "NOVEUM_GATEWAY_STOP_DEADLINE_MS")
                before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
                assert pod["terminationGracePeriodSeconds"] > before + deadline / 1000


@pytest.mark.parametrize("flags, why", [
    (["--set", "replicas=2"], "replicas"),
    (["--set", "autoscaling.enabled=true"], "autoscaling"),
    (["--set", "replicas=3,workload=Deployment,collector.enabled=true"], "workload"),
    (["--set", "kafka.enabled=true"], "brokers"),
    (["--set", "collector.enabled=true,tokens.existingSecret=a"], "tokens"),
    (["--set", "kafka.enabled=true,collector.enabled=true,kafka.brokers={a:9092}"], "kafka"),
    (["--set", "workload=DaemonSet"], "workload"),
    (["--set", "stop.deadlineSeconds=0"], "deadlineSeconds"),
])
def test_what_would_split_or_lose_traces_is_refused(flags, why):
    code, _, told = run("helm", "template", "noveum-gateway", CHART, *flags)
    assert code != 0 and why in told, told


@pytest.mark.parametrize("flags", [["--set", "collector.enabled=true,replicas=3"],
                                   ["--set", "kafka.enabled=true,kafka.brokers={a:9092},kafka.receive.autoscaling.enabled=true"]])
def test_more_than_one_where_traces_stay_whole(flags):
    code, _, told = run("helm", "template", "noveum-gateway", CHART, *flags)
    assert code == 0, told


@pytest.mark.parametrize("name", ["one", "deployment", "collector", "kafka"])
def test_manifests_are_those_of_the_chart(name):
    text = (ROOT / f"deploy/kubernetes/{name}.yaml").read_text("utf-8")
    assert text.partition("\n")[2] == rendered(name), "tools/kubernetes.sh --render"


def test_examples_validate(directory):
    sidecar = (ROOT / "deploy/kubernetes/sidecar.yaml").read_text("utf-8")
    assert "Valid: 1" in validate(directory, sidecar)
    # the operator's own schema is not to be had as a module: kind, endpoint and variables are looked at
    (one,) = documents((ROOT / "deploy/kubernetes/instrumentation.yaml").read_text("utf-8"))
    assert (one["apiVersion"], one["kind"]) == ("opentelemetry.io/v1alpha1", "Instrumentation")
    assert one["spec"]["exporter"]["endpoint"].endswith(":4318")
