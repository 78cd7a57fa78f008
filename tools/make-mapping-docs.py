#!/usr/bin/env python3
"""Write docs/mapping.md from the convention tables (mapping/conventions/*.rules, and the lists of its headers).

    tools/make-mapping-docs.py            writes the file
    tools/make-mapping-docs.py --check    exit 1 when the file is not what the tables say
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "mapping.md"
HEAD = """# What becomes of each attribute

Generated from `mapping/conventions/` by `tools/make-mapping-docs.py`; not to be edited by hand. The form of the
tables, and how to write one, is in [`mapping/conventions/README.md`](../mapping/conventions/README.md).
`noveum-gateway explain FILE...` shows for captured OTLP bodies (traces and logs, protobuf or JSON, also in gzip or zstd; the files of one
trace are put together) which key won for each field and which lost.

## How a span is translated
1. Its attributes are looked up once each, numbers folded (`gen_ai.prompt.12.role` is found as `gen_ai.prompt.{i}.role`).
   What its events and the log records that name it carry joins them, one step behind an attribute of the same rank.
2. Its **kind** is decided by the row of the smallest rank that holds (section "Kinds of spans").
3. Each **field** is decided by itself: of the keys that say something for it, the one with the smallest precedence wins.
   Absent values (`""`, `{}`, `[]`, `null`, `N/A`, `<REDACTED>`, `NOT_GIVEN` and their like) say nothing; `0`, `"0"` and
   `false` are values. Units are converted at the row.
4. **Nothing is lost, nothing is said twice.** A source attribute is left out only when fields say all of it. It stays under its own key when it
   lost to a different value, when its unit was converted, when its target belongs to the trace, or when its row says `keep`.
   Where another value has its name it goes out as `<key>.source`; where its name would say something false of the span's
   kind, as `llm.source.<key>`. Secrets (`drop`) go out as `***`.
5. Over the whole trace: a model call directly around one other call is the same call seen twice, and the richer of the two
   stays the call; around several it is their container; agents, chains and servers that repeat usage carry
   `llm.aggregated_usage.*`. Input tokens are made inclusive of cached ones and output tokens of reasoning, as a told total,
   impossible counts or the table say. Usage that only an agent tells is counted there. Vectors of embeddings are left out. Costs are kept when told, else
   computed from `mapping/prices.csv`, never invented.

## Messages
All shapes of chat messages become one: `[{role, content, name?, tool_call_id?, tool_calls?, reasoning?, finish_reason?}]`,
content a text when there is only text, else parts `{type, ...}`. Read are: OpenTelemetry parts (current and drafts), OpenAI
chat and responses, Anthropic, Gemini, Bedrock Converse, Vercel, LangChain, LiveKit chat contexts, OpenInference and
Traceloop indexed keys, event lists, bare text; told apart message by message. Unknown parts and members are kept.

What a mapper gets wrong, and how this one is kept from it, is [traps.md](traps.md).

"""


def cells(line):
    """Cells of a row, the note joined."""
    parts = [c.strip() for c in line.split("|")]
    return parts[:6] + ["|".join(parts[6:]).strip()]


def code(text):
    """Markdown code of a cell; empty stays empty."""
    text = text.replace("|", "\\|")
    return f"`{text}`" if text else ""


def table(path):
    """(name, title, rows, gates) of one file."""
    name, title, rows, gates = path.stem, path.stem, [], []
    for line in path.read_text("utf-8").splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("convention "):
            name, title = line.split(" ", 2)[1], line.split(" ", 2)[2].strip('"')
        elif line.startswith("field "):
            gates.append(line.split(" ", 2)[1:])
        else:
            rows.append(cells(line))
    return name, title, rows, gates


def lists(path):
    """The lists of a header that are made for an X macro: (what its comment says, rows), a row its texts."""
    text = path.read_text("utf-8").replace("\\\n", " ")
    for comment, body in re.findall(r"/\*((?:(?!\*/)[\s\S])*)\*/\n#define NV_\w+\(X\)(.*)", text):
        rows = [re.findall(r'"((?:[^"\\]|\\.)*)"', row) for row in re.findall(r"\bX\(([^)]*)\)", body)]
        yield re.sub(r"\s*\n \*\s*", " ", comment).strip(), rows


def words():
    """The section of the words that are known by name."""
    out = ["\n## Words\nWhat is known by a word and not by a key (`mapping/conventions/words.h`, `deltas.h`).\n"]
    for name in ("words.h", "deltas.h"):
        for comment, rows in lists(ROOT / "mapping" / "conventions" / name):
            pairs = name == "words.h" and len(rows[0]) == 2
            said = [" is ".join(code(text) for text in row) if pairs else ", ".join(code(text) for text in row) for row in rows]
            out.append(f"- {comment.rstrip('.')}: {', '.join(said)}.\n")
    return "".join(out)


def render():
    """The whole page."""
    files = [p for p in sorted((ROOT / "mapping" / "conventions").glob("*.rules")) if p.name != "events.rules"]
    tables = {p.stem: table(p) for p in files}
    out = [HEAD, "## Fields and the kinds that may have them\n| field | kinds |\n|---|---|\n"]
    out += [f"| {code(f)} | {k} |\n" for f, k in tables["fields"][3]]
    out.append("\n## Kinds of spans\nThe smallest rank that holds decides.\n\n| rank | key | condition | kind | note |\n|---|---|---|---|---|\n")
    kinds = [(int(r[5]), r, t[1]) for t in tables.values() for r in t[2] if r[3] == "kind"]
    out += [f"| {rank} | {code(r[0])} | {code(r[2])} | {r[4][5:-1] or 'go on'} | {r[6]} |\n" for rank, r, _ in sorted(kinds, key=lambda k: k[0])]
    out.append(words())
    for stem, (name, title, rows, _) in tables.items():
        rows = [r for r in rows if r[3] != "kind"]
        if not rows or stem == "fields":
            continue
        out.append(f"\n## {title}\n`{stem}.rules`, {len(rows)} rows\n\n| key | where | condition | field | transform | prec. | note |\n|---|---|---|---|---|---|---|\n")
        out += [f"| {code(r[0])} | {r[1]} | {code(r[2])} | {code(r[3])} | {r[4].replace('|', '/')} | {r[5]} | {r[6].replace('|', '/')} |\n" for r in rows]
    return "".join(out)


def main():
    """Command line."""
    text = render()
    if "--check" in sys.argv[1:]:
        if not TARGET.exists() or TARGET.read_text("utf-8") != text:
            print("docs/mapping.md is not what mapping/conventions says: run tools/make-mapping-docs.py")
            return 1
        return 0
    TARGET.write_text(text, "utf-8")
    return 0


sys.exit(main())
