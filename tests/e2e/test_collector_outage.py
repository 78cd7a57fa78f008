"""The Collector's own exporters with queue and retry as they come, before a gateway that goes away for some seconds and comes back.

A Collector of stock modules (collector_stock.yaml); skipped where there is none.
"""
import signal

import pytest
from collector_stock import OTLP, StockCollector, missing
from conftest import TIME
from otlp import Trace, post_ok

TRACES = 20


@pytest.fixture(params=["otlp_http", "otlp_grpc"], name="collector")
def collector_of(request, directory, gateway):
    reason = missing(request.param)
    if reason:
        pytest.skip(reason)
    port = gateway.ports["http" if request.param == "otlp_http" else "grpc"]
    endpoint = {"otlp_http": {"endpoint": f"http://127.0.0.1:{port}"}, "otlp_grpc": {"endpoint": f"127.0.0.1:{port}", "tls": {"insecure": True}}}
    collector = StockCollector(directory, OTLP, (request.param, endpoint[request.param]))
    yield collector
    collector.close()


def send(collector):
    """Some traces, one request each, which the Collector has said that it has: their ids."""
    traces = [Trace() for _ in range(TRACES)]
    for trace in traces:
        root = trace.span("root", question="why?")
        post_ok(collector.port, trace.request([trace.span("step", parent=root), root]))
    return {trace.uuid for trace in traces}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_what_the_collector_has_taken_meanwhile_arrives(collector, gateway, backend, how):
    """Also over a kill: what was acknowledged before it is in the journal, what comes after is in the Collector's queue."""
    ports = {f"receiver.{protocol}.listen": f"127.0.0.1:{gateway.ports[protocol]}" for protocol in ("http", "grpc")}
    sent = send(collector)
    gateway.wait_status(lambda status: status["spans"]["received"] == 2 * TRACES)
    gateway.stop(how)
    sent |= send(collector)
    collector.wait_log("Will retry the request after interval")
    gateway.settings |= ports
    gateway.start()
    backend.wait_traces(2 * TRACES, TIME + 60)  # the Collector asks again after 5 s, then after longer
    gateway.wait_status(lambda status: status["spans"]["held"] == status["spans"]["queued"] == 0)
    assert set(backend.traces) == sent
    assert how == signal.SIGKILL or not backend.duplicates  # one killed before it has read an answer sends the same again
    assert {len(trace["spans"]) for trace in backend.traces.values()} == {2}
    assert not backend.schema_errors
    assert [collector.stop(), gateway.stop()] == [0, 0]
