"""Files by which others start the gateway are what their readers' schemas allow."""
import json
import re
import subprocess
import sys
import tomllib

from conftest import ROOT
from ruamel.yaml import YAML


def check(schema, *files):
    done = subprocess.run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files],
                          capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_compose_is_what_its_specification_allows(directory):
    code, told = check("vendor.compose-spec", ROOT / "deploy/compose.yaml", ROOT / "deploy/compose.kafka.yaml")
    assert code == 0, told
    wrong = directory / "compose.yaml"
    wrong.write_text((ROOT / "deploy/compose.yaml").read_text("utf-8").replace("cap_drop:", "drop_cap:"))
    assert check("vendor.compose-spec", wrong)[0] == 1


def test_other_hosts_files_are_read_and_stop_in_time():
    """Their schemas are not to be had; what can be read is, and the notice of a stop is above the gateway's own deadline (20 s unless set)."""
    cloud = ROOT / "deploy/cloud"
    (task,) = [one for one in json.loads((cloud / "ecs-task.json").read_text("utf-8"))["containerDefinitions"] if one["name"] == "gateway"]
    assert task["stopTimeout"] > 20 and task["healthCheck"]["command"][1:] == ["/usr/bin/noveum-gateway", "health"]
    fly = tomllib.loads((cloud / "fly.toml").read_text("utf-8"))
    assert int(fly["kill_timeout"].rstrip("s")) > 20
    apps = YAML(typ="safe").load((cloud / "container-apps.yaml").read_text("utf-8"))
    assert apps["properties"]["template"]["terminationGracePeriodSeconds"] > 20
    run = YAML(typ="safe").load((cloud / "cloud-run.yaml").read_text("utf-8"))
    (gateway,) = [one for one in run["spec"]["template"]["spec"]["containers"] if one["name"] == "gateway"]
    assert {"name": "NOVEUM_GATEWAY_STOP_DEADLINE_MS", "value": "8000"} in gateway["env"]  # Cloud Run gives ten seconds
    assert 'kill_timeout = "30s"' in (cloud / "nomad.hcl").read_text("utf-8")


def test_compose_stops_in_time():
    compose = YAML(typ="safe").load((ROOT / "deploy/compose.yaml").read_text("utf-8"))
    assert int(compose["services"]["gateway"]["stop_grace_period"].rstrip("s")) > 20
    kafka = YAML(typ="safe").load((ROOT / "deploy/compose.kafka.yaml").read_text("utf-8"))
    assert all(int(kafka["services"][role]["stop_grace_period"].rstrip("s")) > 20 for role in ("receive", "assemble"))


def test_compose_with_a_broker_makes_the_topics_of_the_manual_and_starts_its_roles(run):
    kafka = YAML(typ="safe").load((ROOT / "deploy/compose.kafka.yaml").read_text("utf-8"))
    def topics(text, before):
        """{topic: (partitions, settings but that of replicas)} of the lines that make one."""
        return {topic: (partitions, set(re.findall(r"--config (\S+)", rest)) - {"min.insync.replicas=2"})
                for topic, partitions, rest in re.findall(before + r" (\S+) +--partitions (\d+)(.*)", text)}
    made = topics(kafka["services"]["topics"]["command"][0], "make")
    assert len(made) == 4 and made == topics((ROOT / "docs/scale.md").read_text("utf-8"), "--topic")
    for role in ("receive", "assemble"):
        environment = {name: str(value) for name, value in kafka["services"][role]["environment"].items() if not str(value).startswith("${")}
        shown = run("--print-config", environment=environment)
        assert shown.returncode == 0 and f"role: {role}" in shown.stdout, shown.stdout + shown.stderr
