#!/usr/bin/env python3
"""What many gateways do to traces when members come and go: on paper and by simulation, for docs/scale.md.

    tools/simulate-scale.py            the tables of docs/scale.md, "On paper"
    tools/simulate-scale.py --check    exit 1 when docs/scale.md does not have them as they are made

Three questions, none of which needs a cluster to be answered roughly:

    keys over partitions ──▶ how uneven are members, and what is one hot trace?
    a member that leaves ──▶ what is read again, what is sent twice?
    the Collector's loadbalancing exporter, no Kafka ──▶ how many traces does a change of members split?

Every number below is a measurement (M, with where from) or an assumption (A).
"""
import pathlib
import random
import sys
import zlib

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs" / "scale.md"
BEGIN, END = "<!-- tools/simulate-scale.py -->\n", "<!-- end -->\n"
TRACES = 1_000_000  # A: traces a second of all of them
MESSAGES = 2  # A: messages of a trace, one for each request that has spans of it
OPEN_S = 10.0  # A: from a trace's first span to its delivery: two seconds of spans, then the waits
MEMBER_TRACES = 5_000  # A: what one member puts together in a second, on one core
IN_FLIGHT = 100 * 4  # the defaults of exporter.noveum.batch_traces and max_in_flight
NOTES_S = 0.03  # kafka/consumer.c: 20 ms between two notes of what was delivered, and 10 until it looks
GAP_STOPPED_S = 1.0  # M: 0.6 s in a trial (docs/design/0020-kafka.md), rounded up
GAP_KILLED_S = 7.0  # M: tests/e2e/test_kafka_long.py, when spans came again after a kill; session.timeout.ms 6000
RING, REPLICAS = 36_000, 100  # the Collector's loadbalancing exporter (consistent_hashing.go): places of its ring, points of an endpoint


def fnv(key):
    """The partitioner's hash: FNV-1a of 32 bits, as a signed number's magnitude."""
    value = 0x811C9DC5
    for byte in key:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value if value < 1 << 31 else (1 << 32) - value


def uneven(partitions, members, keys, source):
    """(busiest partition, busiest member) against the mean, of so many random trace ids."""
    count = [0] * partitions
    for _ in range(keys):
        count[fnv(b"%032x" % source.getrandbits(128)) % partitions] += 1
    shares = [sum(count[i::members]) for i in range(members)]
    return max(count) * partitions / keys, max(shares) * members / keys


def ring(endpoints):
    """Places of the ring, each with its endpoint: a point's own, else that of the next point."""
    points = {}
    for endpoint in endpoints:
        for i in range(REPLICAS):
            points.setdefault(zlib.crc32(endpoint.encode() + bytes([i])) % RING, endpoint)
    places, owner = [None] * RING, points[min(points)]
    for place in range(RING - 1, -1, -1):
        owner = points.get(place, owner)
        places[place] = owner
    return places


def moved(before, after):
    """Share of trace ids that have another endpoint after a change from `before` to `after` endpoints."""
    old, new = (ring([f"gateway-{i}:4317" for i in range(n)]) for n in (before, after))
    return sum(a != b for a, b in zip(old, new)) / RING


def tables():
    """The section's tables as Markdown."""
    source = random.Random(20)
    lines = ["| members of `assemble` | partitions | busiest partition, of 60,000 traces | busiest member | traces open in one member | read again when it leaves |", "|---|---|---|---|---|---|"]
    for members in (3, 20, TRACES // MEMBER_TRACES):
        partitions = 3 * members if members < 100 else 2 * members
        part, member = uneven(partitions, members, 60_000, source)
        open_traces = int(min(TRACES, members * MEMBER_TRACES) / members * OPEN_S)
        lines.append(f"| {members} | {partitions} | {part:.2f} times the mean | {member:.2f} times | {open_traces:,} | {open_traces * MESSAGES:,} messages |")
    lines += ["", "| a member of role `assemble` that puts 5,000 traces a second together | without an owner | sent twice | split |", "|---|---|---|---|"]
    for what, gap, twice in (("is stopped", GAP_STOPPED_S, 0), ("is killed", GAP_KILLED_S, IN_FLIGHT + int(MEMBER_TRACES * NOTES_S))):
        lines.append(f"| {what} | {gap:.0f} s | {f'at most {twice:,} traces' if twice else 'none'} | none |")
    lines += ["", "| without Kafka, gateways | trace ids that move | traces split, of 1,000 a second that are open 2 s |", "|---|---|---|"]
    for before, after in ((2, 3), (3, 2), (3, 4), (10, 11), (100, 101)):
        share = moved(before, after)
        lines.append(f"| {before} to {after} | {100 * share:.0f} % | {share * 1000 * 2:.0f} |")
    return "\n".join(lines) + "\n"


def main():
    """Command line."""
    text = tables()
    if sys.argv[1:] != ["--check"]:
        print(text, end="")
        return 0
    found = DOCS.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    if found != text:
        print("docs/scale.md: its tables are out of date: tools/simulate-scale.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
