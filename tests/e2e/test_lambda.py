"""The gateway as an external extension of AWS Lambda, against a scripted runtime API that freezes it.

What was acknowledged leaves before the environment is frozen, within the budget; what a backend does not take by then goes
on after the thaw, or after the restart that follows a time-out. On orderly ends nothing is lost.
"""
import random
import shutil
import signal
import subprocess
import time
import zipfile

import pytest
from backend import Fault
from conftest import PROGRAM, ROOT, SLOW, Gateway
from lambda_runtime import Environment
from otlp import Trace, post_ok

INVOCATIONS = 200


@pytest.fixture
def environment():
    made = Environment()
    yield made
    made.close()
    assert made.errors == []


def variables(environment, backend, directory, **more):
    """What Lambda and the function's configuration set."""
    return {"AWS_LAMBDA_RUNTIME_API": environment.address, "AWS_SAM_LOCAL": "true", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url, "NOVEUM_PROJECT": "lambda",
            "NOVEUM_GATEWAY_RECEIVER_HTTP_LISTEN": "127.0.0.1:0", "NOVEUM_GATEWAY_RECEIVER_GRPC_LISTEN": "127.0.0.1:0",
            "NOVEUM_GATEWAY_JOURNAL_DIRECTORY": str(directory / "journal"), **more}


class Extension(Gateway):
    """The program with what Lambda gives it, and nothing of what other tests set."""

    def command(self):
        return [PROGRAM, *self.arguments]


@pytest.fixture
def start(directory, environment, backend):
    made = []

    def begin(**more):
        extension = Extension(directory, environment=variables(environment, backend, directory, **more), arguments=["lambda"])
        made.append(extension)
        extension.start()
        assert environment.wait_idle(), extension.stderr()
        return extension

    yield begin
    for extension in made:
        if extension.process.poll() is None:
            extension.process.send_signal(signal.SIGCONT)
        extension.stop()
        assert "Sanitizer" not in "\n".join(extension.log)


def sends(extension, count=1, missing_parent=False):
    """A function that is traced: `count` spans are acknowledged before it returns; their root does not come when it is elsewhere."""
    def function():
        trace = Trace()
        root = trace.span("lambda_handler")
        spans = [trace.span(f"call {i}", parent=root) for i in range(count - 1 + missing_parent)]
        post_ok(extension.port, trace.request(spans if missing_parent else [root, *spans]))
    return function


def ended(extension, environment, reason="spindown"):
    """Orderly: SHUTDOWN, then it is gone within two seconds."""
    extension.process.send_signal(signal.SIGCONT)
    begun = time.monotonic()
    environment.shut_down(reason)
    assert extension.wait_exit() == 0
    assert time.monotonic() - begun < 2.0 * SLOW, extension.stderr()


def test_it_registers_by_its_file_and_delivers_before_each_freeze(start, environment, backend):
    extension = start()
    assert environment.name == "noveum-gateway"
    for number in range(1, 4):
        assert environment.invoke(sends(extension, 3), extension.process)
        # frozen: what is not at the backend now would not come
        assert backend.span_total() == 3 * number
    assert environment.invoke(sends(extension, 3, missing_parent=True), extension.process)
    assert backend.span_total() == 12
    ended(extension, environment)
    backend.assert_clean()


def test_nothing_is_waited_for_when_nothing_came(start, environment):
    extension = start()
    begun = time.monotonic()
    assert environment.invoke(lambda: None, extension.process)
    assert time.monotonic() - begun < 1.0 * SLOW
    ended(extension, environment)


def test_a_backend_that_is_away_costs_the_budget_and_less_each_time(start, environment, backend):
    extension = start(NOVEUM_GATEWAY_LAMBDA_BUDGET_MS="800", NOVEUM_GATEWAY_EXPORTER_NOVEUM_RETRY_INITIAL_MS="100",
                      NOVEUM_GATEWAY_EXPORTER_NOVEUM_RETRY_MAX_MS="200")
    backend.plan(*[Fault(status=503)] * 1000)
    took = []
    for _ in range(3):
        begun = time.monotonic()
        assert environment.invoke(sends(extension), extension.process)
        took.append(time.monotonic() - begun)
    assert 0.8 <= took[0] < 0.8 + 0.7 * SLOW and took[2] < took[0], took
    extension.wait_log("not all has left before the freeze")
    backend.faults.clear()
    assert environment.invoke(sends(extension), extension.process)
    extension.process.send_signal(signal.SIGCONT)
    backend.wait_spans(4)
    ended(extension, environment)
    backend.assert_clean()


def test_the_deadline_of_an_invocation_comes_before_the_budget(start, environment, backend):
    extension = start(NOVEUM_GATEWAY_LAMBDA_BUDGET_MS="60000")
    backend.plan(Fault(delay_s=4.0 * SLOW))
    assert environment.invoke(sends(extension), extension.process, timeout_s=1.5 * SLOW)
    extension.process.send_signal(signal.SIGCONT)
    backend.wait_spans(1)
    ended(extension, environment)


def test_after_a_time_out_the_next_environment_delivers_the_rest(start, environment, backend):
    extension = start(NOVEUM_GATEWAY_LAMBDA_BUDGET_MS="100")
    backend.plan(*[Fault(status=503)] * 1000)
    assert environment.invoke(sends(extension, 5), extension.process, status="timeout")
    ended(extension, environment, "timeout")
    backend.faults.clear()
    again = start()  # /tmp is still there
    assert environment.invoke(sends(again), again.process)
    again.process.send_signal(signal.SIGCONT)
    backend.wait_spans(6)
    ended(again, environment)
    backend.assert_clean()


def test_without_telemetry_what_has_come_is_delivered(directory, backend):
    environment = Environment(telemetry_status=500, chunked=True)
    extension = Extension(directory, environment=variables(environment, backend, directory), arguments=["lambda"])
    try:
        extension.start()
        assert environment.wait_idle()
        extension.wait_log("no telemetry")
        environment.uri = None
        assert environment.invoke(sends(extension, 2), extension.process)
        assert backend.span_total() == 2
        ended(extension, environment)
    finally:
        extension.process.send_signal(signal.SIGCONT)
        extension.stop()
        environment.close()


def test_a_gateway_that_cannot_start_leaves_the_function_alone(directory, environment, backend):
    extension = Extension(directory, arguments=["lambda"],
                          environment=variables(environment, backend, directory, NOVEUM_GATEWAY_JOURNAL_DURABILITY="often"))
    extension.start(wait=False)
    assert environment.wait_idle()
    for _ in range(2):
        assert environment.invoke(lambda: None)
    environment.shut_down("spindown")
    assert extension.wait_exit() == 2
    assert "the gateway did not start" in "\n".join(extension.log)
    assert "often" in "\n".join(extension.log)


def test_below_opt_extensions_it_needs_no_command(directory, environment, backend):
    program = directory / "extensions" / "traces"
    program.parent.mkdir()
    shutil.copy2(PROGRAM, program)
    extension = Extension(directory, environment=variables(environment, backend, directory))
    extension.command = lambda: [str(program)]
    extension.start()
    assert environment.wait_idle()
    assert environment.name == "traces"
    environment.shut_down("spindown")
    assert extension.wait_exit() == 0


def test_outside_of_lambda_it_says_so(run):
    done = run("lambda")
    assert done.returncode == 2 and "AWS_LAMBDA_RUNTIME_API" in done.stderr


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer's runtime wants its own loader")
def test_the_layer_holds_all_that_it_needs(directory):
    made = subprocess.run([ROOT / "tools/lambda-layer.sh", PROGRAM, directory / "layer.zip"], capture_output=True, text=True, timeout=120, check=False)
    assert made.returncode == 0, made.stderr
    with zipfile.ZipFile(directory / "layer.zip") as layer:
        for info in layer.infolist():
            layer.extract(info, directory)
            (directory / info.filename).chmod(info.external_attr >> 16 & 0o777)
    assert (directory / "extensions/noveum-gateway").stat().st_mode & 0o111
    done = subprocess.run(["/bin/sh", directory / "noveum-gateway/bin/noveum-gateway", "version"], capture_output=True, text=True, timeout=60,
                          check=False, env={"PATH": "/bin:/usr/bin"})
    assert done.returncode == 0 and done.stdout.startswith("noveum-gateway "), done.stderr


def misbehave(dice, backend):
    """Now and then the backend is slow, away or cuts the connection."""
    fault = dice.choice([None] * 6 + [Fault(delay_s=0.02), Fault(status=503), Fault(reset=True), Fault(reset=True, store=True)])
    if fault is not None:
        backend.plan(fault)


def test_two_hundred_invocations_with_freezes_and_time_outs_lose_nothing(start, environment, backend):
    dice = random.Random(20)
    settings = {"NOVEUM_GATEWAY_LAMBDA_BUDGET_MS": "500", "NOVEUM_GATEWAY_EXPORTER_NOVEUM_RETRY_INITIAL_MS": "20"}
    extension, sent = start(**settings), 0
    for number in range(INVOCATIONS):
        misbehave(dice, backend)
        count = dice.randint(1, 6)
        timed_out = number % 50 == 49
        assert environment.invoke(sends(extension, count, dice.random() < 0.2), extension.process,
                                  status="timeout" if timed_out else "success")
        sent += count
        if timed_out:  # the environment is reset, /tmp stays
            ended(extension, environment, "timeout")
            extension = start(**settings)
    backend.faults.clear()
    ended(extension, environment)
    assert environment.late == []
    print(f"invocations={INVOCATIONS} sent={sent} delivered={backend.span_total()}")
    assert backend.span_total() == sent
    assert backend.schema_errors == []
