"""Configuration of the running program: sources, files in configs/, reload, sampling."""
import os
import signal
import time

import pytest
from conftest import ROOT, TIME
from otlp import Trace, post, post_ok


def environment_of(backend):
    return {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url}


@pytest.mark.parametrize("name", ["local.yaml", "gateway.yaml", "receive.yaml", "assemble.yaml", "telemetry.yaml"])
def test_the_shipped_configurations_are_accepted(run, name, directory):
    done = run("--check-config", "--config", str(ROOT / "configs" / name),
               f"--set=journal.directory={directory}", environment={"NOVEUM_API_KEY": "nv_x", "TELEMETRY_TOKEN": "t0ken-t0ken"})
    assert (done.returncode, done.stderr) == (0, "")


def test_the_sdks_file_is_read(make_gateway, backend, directory):
    (directory / "noveum-trace.yaml").write_text(
        f"api_key: {backend.key}\nproject: from-the-sdk-file\nendpoint: {backend.url}/v1/traces\n"
        "environment: staging\nservice_version: 9.9\n")
    gateway = make_gateway()
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("root")]))
    (whole,) = backend.wait_traces(1, TIME)
    assert whole["project"] == "from-the-sdk-file"
    assert whole["environment"] == "staging" and whole["service_version"] == "9.9"
    backend.assert_clean()


def test_a_key_from_a_file(make_gateway, backend, directory):
    (directory / "key").write_text(backend.key + "\n")
    gateway = make_gateway({"exporter.noveum.api_key": f"${{file:{directory}/key}}"},
                           {"NOVEUM_ENDPOINT": backend.url})
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("root")]))
    backend.wait_traces(1, TIME)


def test_sampling_by_trace_id_keeps_errors(make_gateway, backend):
    gateway = make_gateway({"sampling.rate": 0}, environment_of(backend))
    for error in (None, "broken", None):
        trace = Trace()
        post_ok(gateway.port, trace.request([trace.span("root", error=error)]))
    (whole,) = backend.wait_traces(1, TIME)
    assert whole["status"] == "error"
    gateway.wait_status(lambda s: (s["spans"]["dropped"], s["spans"]["delivered"]) == (2, 1))
    assert gateway.metrics()['noveum_spans_dropped_total{reason="sampled"}'] == 2
    gateway.assert_balanced()


def test_errors_are_sampled_out_when_they_need_not_be_kept(make_gateway, backend):
    gateway = make_gateway({"sampling.rate": 0, "sampling.keep_errors": "false"}, environment_of(backend))
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("root", error="broken")]))
    gateway.wait_balanced(dropped=1)
    assert gateway.metrics()['noveum_spans_dropped_total{reason="sampled"}'] == 1 and backend.traces == {}


def test_reload_takes_over_what_it_can(make_gateway, backend, directory):
    config = directory / "gateway.yaml"
    tokens = directory / "tokens"
    tokens.write_text("old-token\n")
    config.write_text("sampling: {rate: 1.0}\n")
    gateway = make_gateway({"receiver.auth.tokens_file": str(tokens)}, environment_of(backend),
                           arguments=["--config", str(config)])
    trace = Trace()
    body = trace.request([trace.span("root")])
    assert post(gateway.port, body, headers={"Authorization": "Bearer new-token"})[0] == 401
    tokens.write_text("new-token\n")
    config.write_text("sampling: {rate: 0.0}\njournal: {max_bytes: 1GiB}\n")
    gateway.process.send_signal(signal.SIGHUP)
    gateway.wait_log("configuration reloaded")
    gateway.wait_log("journal.max_bytes changed, restart")
    post_ok(gateway.port, body, headers={"Authorization": "Bearer new-token"})
    assert post(gateway.port, body, headers={"Authorization": "Bearer old-token"})[0] == 401
    gateway.wait_status(lambda s: s["spans"]["dropped"] == 1)


def test_a_bad_reload_changes_nothing(make_gateway, backend, directory):
    config = directory / "gateway.yaml"
    config.write_text("sampling: {rate: 1.0}\n")
    gateway = make_gateway(environment=environment_of(backend),
                           arguments=["--config", str(config)])
    config.write_text("sampling: {rat: 0.5}\n")
    gateway.process.send_signal(signal.SIGHUP)
    gateway.wait_log("reload refused")
    assert any("did you mean" in line and "sampling.rate" in line for line in gateway.log)
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("root")]))
    backend.wait_traces(1, TIME)


@pytest.mark.parametrize("masked", [True, False])
def test_secrets_are_masked_unless_switched_off(make_gateway, backend, masked):
    gateway = make_gateway({} if masked else {"redaction.secrets": "off"}, environment_of(backend))
    trace = Trace()
    secret = "sk-abcdefghij0123456789"
    span = trace.span("root", error=f"refused {secret}",
                      **{"my.api_key": "k", "note": f"uses {secret}", "gen_ai.prompt": "plain"})
    post_ok(gateway.port, trace.request([span]))
    (whole,) = backend.wait_traces(1, TIME)
    attributes = whole["spans"][0]["attributes"]
    assert attributes["my.api_key"] == ("***" if masked else "k")
    assert attributes["note"] == ("uses ***" if masked else f"uses {secret}")
    assert (secret in str(whole)) is not masked
    backend.assert_clean()


def test_the_start_tells_where_the_settings_came_from(make_gateway, backend, directory):
    (directory / "noveum-trace.yaml").write_text(f"project: p\nendpoint: {backend.url}\n")
    gateway = make_gateway(environment={"NOVEUM_API_KEY": backend.key})
    gateway.wait_log("started version")
    text = gateway.stderr()
    assert "setting exporter.noveum.endpoint=" in text and "noveum-trace.yaml:2:1" in text
    assert "setting exporter.noveum.project=" in text and "noveum-trace.yaml:1:1" in text
    assert "from=NOVEUM_API_KEY" in text and backend.key not in text
    assert "the key of NOVEUM_API_KEY goes to" in text


@pytest.mark.parametrize("mode,owner,remedy", [(0o666, None, "chmod o-w"), (0o644, 4711, "chown"),
                                               (0o664, None, None)])
@pytest.mark.parametrize("found", [True, False])
def test_a_file_that_others_control_is_refused(run, directory, mode, owner, remedy, found):
    name = directory / ("noveum-trace.yaml" if found else "gateway.yaml")
    name.write_text("log_level: INFO\n" if found else "log: {level: info}\n")
    name.chmod(mode)
    if owner is not None:
        if os.geteuid() != 0:
            pytest.skip("only root can give files away")
        os.chown(name, owner, owner)
    done = run("--check-config", f"--set=journal.directory={directory}/state",
               *([] if found else ["--config", str(name)]), cwd=directory)
    if remedy is None:
        assert done.returncode == 0 and "chmod g-w" in done.stderr
    elif owner is not None and not found:  # a container's volume keeps its owner on the host
        assert done.returncode == 0 and remedy in done.stderr and name.name in done.stderr
    else:
        assert done.returncode == 2 and remedy in done.stderr and name.name in done.stderr


def test_the_variables_of_a_kubernetes_service_do_not_stop_the_start(run, directory):
    environment = {"NOVEUM_GATEWAY_SERVICE_PORT_TRACES": "4318",
                   "NOVEUM_GATEWAY_PORT_4318_TCP_ADDR": "10.0.0.1",
                   "NOVEUM_GATEWAY_PORT_4318_TCP_PORT": "4318",
                   "NOVEUM_GATEWAY_PORT": "tcp://10.0.0.1:4318"}
    done = run("--check-config", f"--set=journal.directory={directory}", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
