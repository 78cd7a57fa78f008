#!/usr/bin/env python3
"""Every cap that a header names is named by a test (CONTRIBUTING.md, "Code": "a test at the cap and one past it").

    mapping/content/documents.h: #define NV_DOCUMENTS_MAX 10000u ─▶ a test that brings NV_DOCUMENTS_MAX, and one more

A unit test's: a fuzz target that brings a cap as one of its settings would pass with any. By its name and not by its number: a test
of `1001` still passes when the cap has become 2000. Caps of base/limits.h are held by tests/unit/base/test_limits.c, which reads that
header. A cap that a source keeps to itself (*_MAX, or a unit or DEFAULT behind that) is defined in its own test a second time, in the
same words, so that who changes one is told of the other:

    mapping/content/tools.c: #define TOOLS_DEPTH_MAX 8u ─▶ tests/unit/mapping/content/test_tools.c: #define TOOLS_DEPTH_MAX 8u

but for those that bound nothing that grows (FIXED). What is shown of a text (*_SHOWN_MAX) is a cut and no cap.

usage: check_caps.py SOURCE_DIR [BUILD_DIR]        check_caps.py --self-test
"""
import pathlib
import re
import sys

from proved import proved
from rooms import STAGES

CAP = re.compile(r"^#define (\w*_MAX)\b|(?:^|[{,])\s*(\w*_MAX) = ", re.MULTILINE)
# name: why no test names it
ALLOWED = {}
# reason: caps of sources, as file:NAME, that need no test at the cap and one past it
FIXED = {
    "a format, a protocol or an arithmetic says it; what is longer is something else": """
        json_number.c:EXACT_INTEGER_MAX wire.c:VARINT_BYTES_MAX wire.c:NUMBER_MAX
        http1_chunks.c:DIGITS_MAX grpc_text.c:TIMEOUT_DIGITS_MAX transcode.c:ID_BYTES_MAX absent.c:DISGUISE_MAX checks.c:IBAN_MAX
        json_number.c:SURE_INTEGER_MAX json_number.c:FEW_DIGITS_MAX json_number.c:PLAIN_DECIMALS_MAX json_number.c:DECIMALS_MAX index.c:CAPACITY_MAX
        check_settings.c:WALL_MAX_NS phone_parse.c:NSN_MAX phone_parse.c:CODE_MAX transform_number.c:INTEGER_MAX cost.c:TOKENS_MAX tokens.c:COUNT_MAX
        stored_trace.c:DURATION_MS_MAX media_files.c:TEMPORARY_MAX rule_parse.c:PRECEDENCE_MAX price_name.c:REGION_MAX 
        memory_limit.c:PLACE_BYTES_MAX words.c:LABEL_MAX find.c:URI_HEAD_MAX
        content_cut.c:MARK_MAX phone_candidates.c:BETWEEN_MAX phone_candidates.c:LEADS_MAX phone_candidates.c:BEFORE_MAX
        phone_candidates.c:RUN_MAX phone_candidates.c:GROUPS_MAX hints.c:GAP_MAX pairs.c:GAP_MAX pairs.c:WHITE_MAX pairs.c:AUTHORITY_MAX""",
    "a text is cut there before it is kept or told": """
        backend_reply.c:KEPT_BYTES_MAX files.c:NAME_MAX_BYTES dead_letters.c:NAME_BYTES_MAX replay.c:PROJECT_MAX""",
    "how many threads a default makes": "receiver.c:THREADS_DEFAULT_MAX stages.c:SHARDS_MAX stages.c:PACKERS_MAX",
    "an assert, a static_assert or another cap keeps what is in it below": """
        provider.c:ROWS_MAX messages_plain.c:MEMBERS_MAX trace_list.c:BINDINGS_MAX grpc_answer.c:HEADERS_SENT_MAX tls.c:ALPN_BYTES_MAX
        loop.c:LOOPS_MAX mask.c:PATTERNS_MAX stages_kafka.c:OWN_MAX inflate.c:WINDOW_BYTES_MAX health.c:REPLY_BYTES_MAX
        services.c:OWNERS_MAX log.c:LINE_BYTES_MAX agents.c:ENTRY_JSON_MAX agents.c:ENTRY_GRAPH_MAX phone_plans.c:PATTERN_MAX""",
    "the work of one turn: what is past it is done in the next, or in another way": """
        json_read.c:ROOM_MAX json_write.c:PIECE_MAX json_write.c:SMALL_PIECE_MAX journal_append.c:FLUSH_MAX journal_bytes.c:PARTS_MAX
        replay.c:TURN_MAX committer.c:GROUP_MAX services.c:VICTIMS_MAX media_files.c:EXPIRE_MAX consumer.c:TURN_MAX
        notices.c:SERVICES_LOOK_MAX nested.c:KEPT_MAX personal.c:KEPT_MAX key_index.c:COMPARED_MAX decode.c:NOTED_MAX
        str.c:NUMBER_TEXT_MAX facts.c:STRAIGHT_MAX messages_build.c:ASKED_MAX repeats.c:NAME_MAX progress.c:LOOK_NS_MAX derived.c:WORD_MAX""",
    "a library is told it and keeps it": """
        grpc_session.c:SETTINGS_ENTRIES_MAX grpc_session.c:ACKS_QUEUED_MAX grpc_session.c:CONTINUATIONS_MAX producer.c:MESSAGES_MAX
        producer.c:KBYTES_MAX regex.c:STACK_MAX""",
    "how much of a value is written on a line, as the goldens of the terminal show it": """
        terminal.c:INDENT_DEPTH_MAX terminal.c:NAME_COLUMNS_MAX terminal.c:CALLS_BYTES_MAX line.c:VALUE_BYTES_MAX line.c:VALUE_TEXT_MAX
        line.c:VALUE_ITEMS_MAX conversation.c:TEXT_MAX""",
}


def caps(text):
    """Names of the caps that a header defines."""
    return {one or other for one, other in CAP.findall(text) if (one or other).startswith(("NV_", "NOVEUM_"))}


def problems(headers, tests, allowed):
    """What is wrong; `headers` are texts by name, `tests` all of them in one."""
    named = set(re.findall(r"\bN(?:V|OVEUM)_\w*_MAX\b", tests))
    for name, text in headers.items():
        for cap in sorted(caps(text) - named - set(allowed)):
            yield f"{name}: no test names {cap}"
    for cap in sorted(set(allowed) & named):
        yield f"ALLOWED names {cap}, which is tested"


def own_caps(text):
    """{name: value} of the caps that a source or a test defines for itself."""
    found = re.findall(r"^#define (\w+_MAX(?:_(?:LEN|BYTES|DEFAULT|S|MS|NS))?)\b((?:[^\n]*\\\n)*[^\n]*)$", text, re.MULTILINE)
    return {name: " ".join(re.sub(r"/\*.*?\*/|\\\n", " ", value, flags=re.DOTALL).split())
            for name, value in found if not name.startswith(("NV_", "NOVEUM_"))}


def owned(sources, tests, fixed):
    """What is wrong with the caps of sources; texts by name, tests by the name of what they test."""
    seen = set()
    for name, text in sources.items():
        tested = own_caps(tests.get(name, ""))
        for cap, value in own_caps(text).items():
            key = f"{pathlib.PurePosixPath(name).name}:{cap}"
            if "_SHOWN_" in cap or cap.startswith("SHOWN_") or cap == "SHOWN_MAX":
                continue
            if key in fixed:
                seen.add(key)
            elif cap not in tested:
                yield f"{name}: its test defines no {cap}"
            elif tested[cap] != value:
                yield f"{name}: {cap} is {value}, in its test {tested[cap]}"
    for key in sorted(set(fixed) - seen):
        yield f"FIXED names {key}, which is not there"


def self_test():
    source, test = {"a/x.c": "#define D_MAX 3u /* levels */\n#define Y_SHOWN_MAX 9\n"}, {"a/x.c": "#define D_MAX 3u\n"}
    if list(owned(source, test, [])) or [len(list(owned(source, other, fixed))) for other, fixed in
                                         (({}, []), ({"a/x.c": "#define D_MAX 4u\n"}, []), (test, ["x.c:Z_MAX"]), ({}, ["x.c:D_MAX"]))] != [1, 1, 1, 0]:
        return False
    if set(own_caps("#define W_MAX_LEN 1\n#define V_MAX_NS 2\n#define U_MAXIMAL 3\n#define NV_T_MAX_S 4\n")) != {"W_MAX_LEN", "V_MAX_NS"}:
        return False
    headers = {"a.h": "#define NV_A_MAX 3\nenum { NV_B_MAX = 2, NV_C = 1 };\n#define OTHER_MAX 1\n"}
    return list(problems(headers, "NV_A_MAX + 1; NV_B_MAX", {})) == [] and len(list(problems(headers, "NV_A_MAX_2", {}))) == 2 and \
        list(problems(headers, "NV_B_MAX", {"NV_A_MAX": "why"})) == [] and len(list(problems(headers, "NV_A_MAX NV_B_MAX", {"NV_A_MAX": "why"}))) == 1


def main():
    root = pathlib.Path(sys.argv[1])
    headers = {str(path.relative_to(root)): path.read_text(encoding="utf-8")
               for stage in (*STAGES, "include") for path in sorted((root / stage).rglob("*.h"))}
    tests = "\n".join(path.read_text(encoding="utf-8") for path in sorted((root / "tests/unit").rglob("*.c")))
    found = list(problems(headers, tests, ALLOWED))
    sources = {str(path.relative_to(root)): path for stage in STAGES for path in sorted((root / stage).rglob("*.c"))}
    mirrors = {name: root / "tests/unit" / pathlib.PurePosixPath(name).parent / f"test_{path.name}" for name, path in sources.items()}
    found += owned({name: path.read_text(encoding="utf-8") for name, path in sources.items()},
                   {name: path.read_text(encoding="utf-8") for name, path in mirrors.items() if path.exists()},
                   " ".join(FIXED.values()).split())
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(proved(self_test, main))
