"""What options do to the content of traces, to the local store, the terminal and the log, where no other test is about them."""
import json
import time

import pytest
from conftest import TIME
from otlp import Trace, post_ok


def to(backend, **more):
    return {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url, "NOVEUM_PROJECT": "e2e", **more}


def chat(trace, model="gpt-4o", **attributes):
    return trace.span(f"chat {model}", **{"gen_ai.operation.name": "chat", "gen_ai.request.model": model, "gen_ai.provider.name": "openai",
                                          "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 10, **attributes})


def delivered(gateway, backend, trace, *spans):
    post_ok(gateway.port, trace.request(spans))
    backend.wait(lambda b: trace.uuid in b.traces, TIME)
    backend.assert_clean()
    return backend.traces[trace.uuid]


# ---- mapping ---------------------------------------------------------------------------------


@pytest.mark.parametrize("value,kept", [("unmapped", False), ("all", True)])
def test_attributes_as_they_came(make_gateway, backend, value, kept):
    gateway = make_gateway({"mapping.keep_source": value}, to(backend))
    trace = Trace()
    attributes = delivered(gateway, backend, trace, chat(trace, my_own="stays"))["spans"][0]["attributes"]
    assert attributes["llm.model"] == "gpt-4o" and attributes["my_own"] == "stays"
    assert ("gen_ai.request.model" in attributes) is kept


def test_prices_of_ones_own(make_gateway, backend, directory):
    (directory / "prices.csv").write_text("provider,model,from,input,cached,cache_write,output\nopenai,house-model,2020-01-01,1000,,,2000\n")
    gateway = make_gateway({"mapping.prices_file": str(directory / "prices.csv")}, to(backend))
    trace = Trace()
    attributes = delivered(gateway, backend, trace, chat(trace, "house-model"))["spans"][0]["attributes"]
    assert attributes["llm.cost.total"] == pytest.approx(1000 * 1000 / 1e6 + 10 * 2000 / 1e6)


# ---- personal data ---------------------------------------------------------------------------


@pytest.mark.parametrize("regions,found", [("GB", True), ("none", False)])
def test_whose_data_is_found_by_patterns_keys_regions_and_what_passes(make_gateway, backend, regions, found):
    gateway = make_gateway({"redaction.pii": "redact", "redaction.patterns": "TICKET=T-[0-9]{4}", "redaction.pii_keys": "gone=drop,left=keep",
                            "redaction.pii_allow": "*@help.example", "redaction.phone_regions": regions}, to(backend))
    trace = Trace()
    attributes = delivered(gateway, backend, trace, trace.span("s", ticket="see T-1234", gone="anything", left="me@home.example",
                                                               mail="you@help.example and me@home.example",
                                                               british="call 020 7946 0958"))["spans"][0]["attributes"]
    assert attributes["ticket"] == "see ******" and attributes["gone"] is None and attributes["left"] == "me@home.example"
    assert attributes["mail"] == "you@help.example and ***************"
    assert attributes["british"] == ("call *************" if found else "call 020 7946 0958")


# ---- the local store -------------------------------------------------------------------------


@pytest.mark.parametrize("key,value", [("store.max_bytes", 6000), ("store.max_age_ms", "1h")])
def test_the_store_keeps_what_its_bounds_let(make_gateway, key, value):
    """By age a trace of two hours ago goes, by bytes all but the newest."""
    gateway = make_gateway({key: value})
    traces = [Trace() for _ in range(4)]
    for trace in traces:
        if key == "store.max_age_ms" and trace is not traces[-1]:
            trace.clock -= 2 * 3600 * 10**9
        post_ok(gateway.port, trace.request([trace.span("s", text="x" * 2500)]))
        gateway.wait_status(lambda s, count=traces.index(trace) + 1: s["spans"]["delivered"] == count)
    deadline, ids = time.monotonic() + TIME, []
    while time.monotonic() < deadline and not 0 < len(ids) < 4:
        ids = [row["trace_id"] for row in json.loads(gateway.get("/api/traces")[2])["traces"]]
        time.sleep(0.05)
    assert 0 < len(ids) < 4 and traces[0].uuid not in ids and traces[-1].uuid in ids


# ---- the terminal ----------------------------------------------------------------------------


@pytest.mark.parametrize("value,coloured", [("always", True), ("never", False)])
def test_colours_of_the_terminal(make_gateway, value, coloured):
    gateway = make_gateway({"terminal.color": value, "terminal.traces": "on"})
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("painted", error="broken")]))
    deadline = time.monotonic() + TIME
    while time.monotonic() < deadline and not any("painted" in line for line in list(gateway.out)):
        time.sleep(0.05)
    gateway.stop()
    text = "\n".join(gateway.out)
    assert "painted" in text and ("\x1b[" in text) is coloured


# ---- the log ---------------------------------------------------------------------------------


def test_the_log_has_the_form_and_the_level_that_are_asked_for(make_gateway):
    for form in ("json", "text"):
        gateway = make_gateway({"log.format": form})
        gateway.stop()
        assert gateway.log and all(line.startswith("{") == (form == "json") for line in list(gateway.log))
    silent = make_gateway({"log.level": "error"}, start=False).start(wait=False)
    deadline = time.monotonic() + TIME  # the control socket is there when it has started, of which it says nothing
    while time.monotonic() < deadline and not (silent.directory / "journal/control").exists():
        time.sleep(0.02)
    silent.stop()
    assert silent.log == []
