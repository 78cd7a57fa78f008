"""Personal values planted as test_leak.py plants secrets, in both modes of redaction.pii.

Mail and web addresses carry a mark that all that is written is searched for; the others (cards, telephones,
accounts, ...) are searched for by their value, however their digits are grouped.
"""
import itertools
import json
import re

import pytest
from conftest import TIME
from otlp import post, post_ok
from test_fixtures import PATHS, load_cases
from test_leak import (MARK, SETTINGS, Planter, as_json, assert_bodies_none, assert_files_none, assert_none_after_a_kill,
                       assert_told_none, by_hand, environment, places)

SALT = "a salt of the leak test"
MODES = {"redact": {"redaction.pii": "redact"}, "pseudonymise": {"redaction.pii": "pseudonymise", "redaction.pii_salt": SALT}}
REPLACED = {"redact": r"\*{8,}", "pseudonymise": r"(?:EMAIL|URL)_[0-9a-f]{12}"}


def marked():
    """Values without end that carry the mark."""
    for number in itertools.count(1000):
        yield f"{MARK}.{number}@corp-leak.com" if number % 2 else f"https://{MARK.lower()}{MARK}{number}.example/x"


def personal():
    """Values without end, of all labels, all different."""
    mails = marked()
    for number in itertools.count(100000):
        yield (next(mails), f"4111 7777 {number // 100} {number % 100:02}77", f"+971 50 7{number}", f"{number % 900 + 100}-77-7{number % 1000:03}",
               f"77{number}77777777"[:15], f"784-1977-7{number}-7", f"7{number % 90 + 10}.77.{number % 256}.177",
               f"7777 {number // 100} 77{number % 100:02}")[number % 8]


def assert_planted_nowhere(planted, text, where):
    """Neither as it was planted nor with its digits together."""
    solid = re.sub(r"(?<=\d)[ .-](?=\d)", "", text)
    for place, value in planted.items():
        assert value not in text and re.sub(r"[ .-]", "", value) not in solid, f"{where}: {place}"


def set_words(mode):
    return [f"--set={key}={value}" for key, value in MODES[mode].items()]


@pytest.mark.parametrize("mode", MODES)
def test_every_convention(make_gateway, backend, directory, mode):
    gateway = make_gateway({**SETTINGS, **MODES[mode], "terminal.traces": "on"}, environment(backend))
    planter, sent = Planter(marked()), 0
    for _, requests in load_cases():
        for request, raw in requests:
            if request["signal"] == "metrics":
                continue
            status, _, reply = post(gateway.port, planter.body(request, raw), path=PATHS[request["signal"]],
                                    content_type=request["content_type"])
            assert status == 200, (request["file"], status, reply[:300])
            sent += request["signal"] == "traces"
    assert planter.count >= 3000 and sent > 250, (planter.count, sent)
    gateway.wait_status(lambda s: s["spans"]["held"] == 0 and s["spans"]["queued"] == 0, TIME * 4)
    assert_bodies_none(backend)
    assert_told_none(gateway)
    assert_files_none(directory)
    replaced = sum(len(re.findall(REPLACED[mode], json.dumps(body))) for body in backend.bodies)
    assert replaced >= planter.count / 2, (replaced, planter.count)  # content came, and was replaced
    assert not backend.schema_errors, backend.schema_errors[:3]


@pytest.mark.parametrize("media", ["protobuf", "json"])
@pytest.mark.parametrize("mode", MODES)
def test_every_place(make_gateway, backend, directory, mode, media):
    """Three times, so that each place has a value of several labels."""
    gateway = make_gateway({**SETTINGS, **MODES[mode], "exporter.file.directory": str(directory / "files")}, environment(backend))
    values, all_planted = personal(), {}
    for turn in range(3):
        next(values)
        request, logs, planted = by_hand(Planter(values))
        assert places() <= planted.keys()
        all_planted.update({f"{place} ({turn})": value for place, value in planted.items()})
        post_ok(gateway.port, logs, path="/v1/logs")
        body, kind = (as_json(request), "application/json") if media == "json" else (request.SerializeToString(), "application/x-protobuf")
        status, _, reply = post(gateway.port, body, content_type=kind)
        assert status == 200, reply
    backend.wait_traces(3, TIME)
    assert_planted_nowhere(all_planted, json.dumps(backend.bodies), "a body")
    for route in ("/status", "/metrics", "/agents", "/agents?format=dot"):
        assert_planted_nowhere(all_planted, str(gateway.get(route)[2]), route)
    assert_planted_nowhere(all_planted, "\n".join([*gateway.log, *gateway.out]), "log")
    assert SALT not in "\n".join([*gateway.log, *gateway.out, json.dumps(backend.bodies)])
    masks = re.findall(r'noveum_redacted_total\{rule="pii-[^"]+"\} ([1-9]\d*)', gateway.get("/metrics")[2])
    assert sum(map(int, masks)) >= len(all_planted), masks
    assert gateway.stop() == 0
    assert_files_none(directory)
    backend.assert_clean()


def test_after_a_kill_and_as_dead_letters(make_gateway, backend, directory, run):
    assert_none_after_a_kill(make_gateway, backend, directory, run, {**SETTINGS, **MODES["pseudonymise"]}, Planter(marked()))


@pytest.mark.parametrize("mode", MODES)
def test_explain_and_dry_run(run, directory, mode):
    request, _, planted = by_hand(Planter(personal()))
    path = directory / "body.pb"
    path.write_bytes(request.SerializeToString())
    for words in (("explain",), ("redact", "--dry-run")):
        done = run(*words, str(path), *set_words(mode))
        assert done.returncode == 0, done.stderr
        assert_planted_nowhere(planted, done.stdout + done.stderr, words)
    for place in places() & planted.keys():
        assert place in done.stdout, f"{place} is not told:\n{done.stdout}"
