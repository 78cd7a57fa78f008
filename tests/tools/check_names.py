#!/usr/bin/env python3
"""Functions are called nv_<object>_<verb>, and verbs of life cycles mean what CONTRIBUTING.md says ("Code", names).

    object   the first word is one of the function's folder, header or source, of a type in its signature, or of OBJECTS
    prefix   headers of the product declare nv_*, public ones noveum_*; what is static has no prefix
    init     takes the caller's storage first, gives nothing or an error     release, clear, free   give nothing
    new      gives a pointer or fills one, and something frees it            ref, unref             come in pairs
    get      borrows: its contract does not say "new"                        dup                    says "new"
    others   words for the same things (create, destroy, ...) are not used
    takes    on success and on failure alike: no contract but those of TAKES_LATER says "still", "stays" or "remains the caller's", "not taken" or
             "takes ... with NV_OK"

usage: check_names.py SOURCE_DIR [BUILD_DIR]        check_names.py --self-test
"""
import collections
import pathlib
import re
import sys

from proved import proved
from rooms import STAGES

# objects whose functions lie in a file of another name
OBJECTS = {
    "base64": "a code", "hex": "a code", "number": "any integer", "time": "nanoseconds", "count": "one of counters.h", "glob": "a pattern",
    "map": "a value that has members", "address": "host and port", "host": "of an address", "proxy": "of a configuration", "role": "of Kafka's gateway",
    "answers": "of conditions", "candidates": "of a field", "kind": "of a span", "scope": "of spans", "scratch": "memory of a translation",
    "event": "of a span", "spans": "of a trace", "work": "of a shard's trace", "held": "a trace that waits", "shard": "a part of the table", "span": "of OTLP",
    "body": "what is packed", "json": "a text", "key": "of an encrypted journal", "record": "of the journal", "segment": "of the journal",
    "room": "on the journal's disk", "payload": "of a record", "seal": "of a journal", "path": "of a failure", "id": "of a span", "mark": "of a record",
    "credentials": "a kind of secret", "private": "a kind of secret", "digit": "a character", "canonical": "form of a character", "exit": "code of the program",
    "entropy": "of a word", "gzip": "a code",
}
# function: why its name stands
ALLOWED = {
    "nv_put32": "bytes of the journal's format", "nv_put64": "the same", "nv_get32": "the same", "nv_get64": "the same",
}
SYNONYMS = {"create": "new or make", "destroy": "free", "delete": "free or remove", "dispose": "release", "cleanup": "release", "deinit": "release"}
# what frees or lets go of what these make
FREED_BY = {"nv_encoded_new": "free, one block", "nv_kafka_conf_new": "rd_kafka_new, which takes it", "nv_kafka_client_new": "rd_kafka_destroy",
            "nv_ready_new": "nv_ready_give_claim"}

# header: what takes on success alone, and why
TAKES_LATER = {"base/tables/queue.h": "a full queue takes nothing, so that the item can wait or be refused",
               "kafka/consumer_internal.h": "a message that is not seen to now waits with its caller, and one that is written again is needed until it is there",
               "trace/worker.h": "the same: a refused span goes back to its pool with those that were never queued"}
TAKES_ALONE = re.compile(r"\b(?:still|stays|remains?)\s+(?:the\s+caller's|yours)|\b(?:[Ff]alse|NULL|NV_ERR_\w+):\s+not\s+taken\b|[Tt]akes?(?:n)?\b[^.;:]{0,40}\b(?:with\s+NV_OK|on\s+success)\b(?!\s+and)")

COMMENT = re.compile(r"/\*(?:(?!\*/).)*\*/", re.DOTALL)
PROTOTYPE = re.compile(r"^([A-Za-z_][\w \t\n*]*?[ \t\n*])(\w+)\(((?:[^()]|\([^()]*\))*)\)(?:\s*(?:NV_\w+|__attribute__\(\(.*?\)\)\)?))*\s*;\Z", re.DOTALL)
DEFINITION = re.compile(r"^(static\s)?[A-Za-z_][\w \t*]*?[ \t\n*](\w+)\([^;{}()]*(?:\([^()]*\)[^;{}()]*)*\)\s*\n\{", re.MULTILINE)

Function = collections.namedtuple("Function", "file gives takes contract")


def outside_braces(text):
    """The text without what stands in braces, and without lines of the preprocessor."""
    depth, out = 0, []
    for char in re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*$", "", text, flags=re.MULTILINE):
        depth += char == "{"
        if depth == 0 or char == "\n":
            out.append(char)
        depth -= char == "}"
    return "".join(out)


def prototypes(name, text):
    """(function, Function) of a header; comments are kept apart as contracts."""
    contract = ""
    bare = outside_braces(COMMENT.sub(lambda found: "\x01" + found.group().replace("{", "(").replace("}", ")").replace("#", " ").replace(";", ",") + "\x02", text))
    for piece in re.split(r"(?<=;)", bare):
        comments = re.findall("\x01(.*?)\x02", piece, re.DOTALL)
        contract = comments[-1] if comments else contract
        found = PROTOTYPE.match(re.sub("\x01.*?\x02", "", piece, flags=re.DOTALL).strip())
        if found and not found.group(1).startswith(("static", "typedef", "return")):
            yield found.group(2), Function(name, found.group(1).strip(), " ".join(found.group(3).split()), contract)


def forms(word):
    """Singular and plural."""
    return {word, word.rstrip("s"), word + "s", re.sub("ies$", "y", word), re.sub("y$", "ies", word)}


def words_of(*texts):
    out = set()
    for text in texts:
        for word in re.split(r"[^a-z0-9]+", text):
            out |= forms(word)
    return out


def named(functions, sources):
    """Names without an object."""
    for function, known in functions.items():
        first = function.split("_")[1]
        places = [re.sub(r"\.[ch]$", "", place) for place in (known.file, sources.get(function, known.file))]
        # ip_address: by its words and as one
        types = re.findall(r"(?:struct|enum) nv_(\w+)", known.takes + " " + known.gives)
        if first not in words_of(*places, *types) | {part for place in places for part in place.split("/")} | set(OBJECTS) and function not in ALLOWED:
            yield f"{known.file}: {function}: {first} is no object: nv_<object>_<verb>"


def lives(functions):
    """Verbs of life cycles with another meaning."""
    for function, known in functions.items():
        stem, verb = function.rsplit("_", 1)
        for word in SYNONYMS.keys() & set(function.split("_")):
            yield f"{known.file}: {function}: {word} is called {SYNONYMS[word]} here"
        if verb == "init" and ("*" not in known.takes.split(",")[0] or known.gives not in ("void", "bool", "enum nv_err")):
            yield f"{known.file}: {function}: init readies the caller's storage, its first parameter"
        if verb in ("release", "clear", "free") and known.gives != "void":
            yield f"{known.file}: {function}: {verb} gives nothing"
        if verb == "new" and "*" not in known.gives and "**" not in known.takes:
            yield f"{known.file}: {function}: new gives a pointer"
        if verb == "new" and function not in FREED_BY and not functions.keys() & {stem + "_free", stem + "_unref"}:
            yield f"{known.file}: {function}: nothing frees it ({stem}_free)"
        if verb in ("ref", "unref") and not {stem + "_ref", stem + "_unref"} <= functions.keys():
            yield f"{known.file}: {function}: ref and unref come in pairs"
        if verb == "get" and re.search(r"\b[Nn]ew\b", known.contract):
            yield f"{known.file}: {function}: get borrows, its contract says new"
        if verb == "dup" and not re.search(r"\b[Nn]ew\b|\bcop(?:y|ies)\b", known.contract, re.IGNORECASE):
            yield f"{known.file}: {function}: dup gives something new, its contract does not say so"


def problems(headers, sources):
    """What is wrong; both are texts by name."""
    functions, defined = {}, {}
    for name, text in headers.items():
        for comment in COMMENT.findall(text):
            if name not in TAKES_LATER and TAKES_ALONE.search(re.sub(r"\n\s*\*", "\n", comment)):
                yield f"{name}: a contract takes on success alone: {' '.join(comment.split())[:80]}"
        for function, known in prototypes(name, text):
            if not function.startswith("nv_"):
                yield f"{name}: {function} has no prefix nv_"
            else:
                functions[function] = known
    for name, text in sources.items():
        for static, function in DEFINITION.findall(text):
            if static and function.startswith(("nv_", "noveum_")):
                yield f"{name}: {function} is static and has a prefix"
            elif not static:
                defined[function] = name
    yield from named(functions, defined)
    yield from lives(functions)


def self_test():
    good = {"a/box.h": "/* New. */\nstruct nv_box *nv_box_new(int n) NV_MUST_USE;\nvoid nv_box_free(struct nv_box *box);\n/* { */\n"
                       "enum nv_err nv_box_init(struct nv_box *box);\n#define X(y) \\\n  {y}\nstatic inline int nv_odd(void)\n{\n    return f(1);\n}\n"}
    bad = {"int go(void);": "prefix", "void nv_open_box(int lid);": "object", "int nv_box_free(struct nv_box *b);": "nothing", "void nv_box_init(int n);": "storage",
           "struct nv_box *nv_box_new(int n);": "frees", "void nv_box_ref(struct nv_box *b);": "pairs", "void nv_box_destroy(struct nv_box *b);": "called",
           "/* Takes `lid` with NV_OK. */\nvoid nv_box_shut(struct nv_box *b);": "success", "/* It is still\n * the caller's then. */\nvoid nv_box_a(struct nv_box *b);": "success",
           "/* The lid stays the\n * caller's. */\nvoid nv_box_b(struct nv_box *b);": "success", "/* False: not taken. */\nbool nv_box_c(struct nv_box *b);": "success",
           "/* It remains yours. */\nvoid nv_box_d(struct nv_box *b);": "success",
           "/* New. */\nchar *nv_box_get(struct nv_box *b);": "borrows", "/* Some. */\nchar *nv_box_dup(struct nv_box *b);": "something"}
    source = {"a/box.c": "static int nv_x(int a)\n{\n}\nint main(void)\n{\n}\n"}
    return list(problems(good, {})) == [] and len(list(problems({}, source))) == 1 and \
        all([word in problem for problem in problems({"a/box.h": text}, {})] == [True] for text, word in bad.items())


def main():
    root = pathlib.Path(sys.argv[1])
    texts = {str(path.relative_to(root)): path.read_text(encoding="utf-8") for stage in STAGES for path in sorted((root / stage).rglob("*.[ch]"))}
    found = list(problems({name: text for name, text in texts.items() if name.endswith(".h")},
                          {name: text for name, text in texts.items() if name.endswith(".c")}))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(proved(self_test, main))
