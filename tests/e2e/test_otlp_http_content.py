"""Checklist B (content types, response bodies) over OTLP/HTTP, one test a line."""

import email.utils
import gzip
import json
import time

import pytest
from otlp_http_kit import JSON, PROTOBUF, Gateway, json_traces, request, span_message, traces, traces_request


@pytest.fixture(scope="module")
def gateway():
    with Gateway() as running:
        yield running


def test_b01_protobuf_is_answered_in_protobuf(gateway):
    assert gateway.post().get("content-type") == PROTOBUF


def test_b02_json_is_answered_in_json(gateway):
    response = gateway.post(json_traces(), media=JSON)
    assert response.get("content-type") == JSON and isinstance(json.loads(response.body), dict)


@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "application/json;charset=UTF-8", "application/json ;x"])
def test_b03_json_with_parameters(gateway, media):
    response = gateway.post(json_traces(), media=media)
    assert response.status == 200 and response.get("content-type") == JSON


@pytest.mark.parametrize("media", ["Application/JSON", "APPLICATION/json"])
def test_b04_media_type_in_any_case(gateway, media):
    assert gateway.post(json_traces(), media=media).status == 200
    assert gateway.post(media="Application/X-Protobuf").status == 200


def test_b05_protobuf_with_parameters(gateway):
    assert gateway.post(media='application/x-protobuf; proto="a.b"').status == 200


def test_b06_missing_content_type_is_415(gateway):
    assert gateway.post(media=None).status == 415


@pytest.mark.parametrize("media", ["text/plain", "multipart/form-data; boundary=x", "application/xml", "json", "",
                                   "application/jsonx", "application/x-protobuf2", "application/"])
def test_b07_other_types_are_415(gateway, media):
    assert gateway.post(media=media).status == 415


@pytest.mark.parametrize("media", [None, "text/plain"])
def test_b08_415_has_a_status_body(gateway, media):
    gateway.post(media=media).assert_status_body(JSON)


def test_b09_alias_is_200_or_415(gateway):
    assert gateway.post(media="application/protobuf").status in (200, 415)


def test_b10_json_labelled_protobuf_is_400(gateway):
    assert gateway.post(json_traces(), media=PROTOBUF).status == 400


def test_b11_protobuf_labelled_json_is_400(gateway):
    assert gateway.post(media=JSON).status == 400


def test_b12_400_to_protobuf_is_a_binary_status(gateway):
    response = gateway.post(b"\xff\xff\xff", media=PROTOBUF)
    assert response.status == 400
    assert response.assert_status_body(PROTOBUF)[0] == 3


def test_b13_400_to_json_is_a_json_status(gateway):
    response = gateway.post(b"{", media=JSON)
    assert response.status == 400
    assert response.assert_status_body(JSON)[0] == 3


def test_b14_success_has_no_partial_success_in_protobuf(gateway):
    assert gateway.post().body == b""


def test_b15_success_has_no_partial_success_in_json(gateway):
    assert json.loads(gateway.post(json_traces(), media=JSON).body) == {}


@pytest.mark.parametrize("media", [JSON, PROTOBUF])
def test_b14b_partial_success_counts_and_names_the_fault(gateway, media):
    good = [span_message(bytes([i + 1]) * 16, b"12345678") for i in range(9)]
    body = traces_request(good[:7] + [span_message(bytes(16), b"12345678")] + good[7:])
    if media == JSON:
        spans = [{"traceId": f"{i + 1:032x}", "spanId": "0102030405060708", "name": "s"} for i in range(9)]
        spans.insert(7, {"traceId": "00" * 16, "spanId": "0102030405060708"})
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
    count, message = gateway.post(body, media=media).rejected(media)
    assert count == 1 and "resourceSpans[0].scopeSpans[0].spans[7].traceId" in message


def test_b16_400_has_no_retry_after(gateway):
    assert gateway.post(b"\xff", media=PROTOBUF).get("retry-after") is None


def test_b17_both_encodings_on_one_connection(gateway):
    with gateway.connect() as client:
        for i in range(20):
            media = JSON if i % 2 else PROTOBUF
            client.send(request(body=json_traces() if i % 2 else traces(), media=media))
            response = client.response()
            assert response.status == 200 and response.get("content-type") == media


def test_b18_two_content_types(gateway):
    response = gateway.post(headers=[("Content-Type", JSON)])
    assert response.status == 200 or 400 <= response.status < 500
    gateway.assert_alive()


def test_b19_date_is_there_and_right(gateway):
    date = email.utils.parsedate_to_datetime(gateway.post().get("date"))
    assert abs(date.timestamp() - time.time()) < 5


def test_b20_no_compression_unasked(gateway):
    assert gateway.post(json_traces(), media=JSON).get("content-encoding") is None


def test_b21_answer_is_readable_when_gzip_is_offered(gateway):
    response = gateway.post(json_traces(), media=JSON, headers=[("Accept-Encoding", "gzip")])
    body = gzip.decompress(response.body) if response.get("content-encoding") == "gzip" else response.body
    assert json.loads(body) == {}


def test_p12_tiny_bodies_are_never_compressed(gateway):
    response = gateway.post(b"{", media=JSON, headers=[("Accept-Encoding", "gzip, deflate, br")])
    assert response.status == 400 and response.get("content-encoding") is None
