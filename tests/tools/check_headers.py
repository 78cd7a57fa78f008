#!/usr/bin/env python3
"""The public headers compile as C11 and as C++17 without a warning, each by itself and used.

With every compiler that is there (gcc, clang, g++, clang++), with the warnings that careful users switch on. noveum.h, the one
header, includes every other one, so that every function of both libraries' maps can be had by it.

usage: check_headers.py SOURCE_DIR [BUILD_DIR]
"""
import pathlib
import re
import shutil
import subprocess
import sys
from proved import proved

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-pedantic-errors", "-Wshadow", "-Wconversion", "-Wsign-conversion", "-Wundef", "-Werror", "-fsyntax-only"]
C = [("gcc", "-std=c11"), ("clang", "-std=c11")]
CXX = [("g++", "-std=c++17"), ("clang++", "-std=c++17")]
ALL = "noveum.h"
EXPORTED = re.compile(r"^\s+(noveum_\w+);", re.MULTILINE)
# What a user writes: every inline function and macro once.
USES = {
    "direct.h": """
int main(void)
{
    noveum_options options = noveum_default_options();
    options.stages = noveum_direct();
    return (int)noveum_start(&options);
}
""",
    "agents.h": """
int main(void)
{
    char id[NOVEUM_ID_SIZE], text[256];
    noveum_agent_identity who = noveum_agent_named("writer", "writes");
    (void)noveum_agent_register(&who, id);
    {
        NOVEUM_SCOPE(run, noveum_agent_begin(id, "write"));
        noveum_agent_message(id, id, "hello", NOVEUM_NUL);
        (void)noveum_thread_message(run, "t", NOVEUM_INPUT, "user", "hello", NOVEUM_NUL);
    }
    return (int)noveum_agent_graph(NOVEUM_GRAPH_DOT, text, sizeof(text));
}
""",
    "pipeline.h": """
static void *allocate(void *ctx, size_t size)
{
    (void)ctx;
    (void)size;
    return NULL;
}
static void *resize(void *ctx, void *block, size_t size)
{
    (void)block;
    return allocate(ctx, size);
}
static void release(void *ctx, void *block)
{
    (void)ctx;
    (void)block;
}
int main(void)
{
    const noveum_allocator allocator = {NULL, allocate, resize, release};
    noveum_pipeline_options options = {sizeof(noveum_pipeline_options), NULL, NULL, NULL, NULL, NULL, NULL};
    noveum_pipeline *pipeline = NULL;
    noveum_pipeline_payload payload;
    noveum_pipeline_receipt receipt;
    noveum_pipeline_status status;
    char why[NOVEUM_PIPELINE_WHY_SIZE];
    options.allocator = &allocator;
    receipt.size = sizeof(receipt);
    status.size = sizeof(status);
    if (noveum_pipeline_open(&options, &pipeline, why, sizeof(why)) != NOVEUM_PIPELINE_OK)
        return noveum_pipeline_result_text(NOVEUM_PIPELINE_INVALID)[0];
    (void)noveum_pipeline_accept(pipeline, NOVEUM_PIPELINE_TRACES, "", 0, &receipt);
    while (noveum_pipeline_pull(pipeline, &payload) == NOVEUM_PIPELINE_OK)
        (void)noveum_pipeline_settle(pipeline, &payload, NOVEUM_PIPELINE_DELIVERED);
    (void)noveum_pipeline_read_status(pipeline, &status);
    (void)noveum_pipeline_tick(pipeline);
    (void)noveum_pipeline_finish(pipeline);
    noveum_pipeline_close(pipeline);
    return noveum_pipeline_version()[0];
}
""",
    "trace.h": """
static void use(void)
{
    noveum_options options = noveum_default_options();
    noveum_attribute attributes[] = {noveum_str("a", "b"), noveum_int("c", 1), noveum_double("d", 0.5), noveum_bool("e", 1)};
    noveum_counters counters;
    counters.size = sizeof(counters);
    options.endpoint = "http://localhost:4318";
    (void)noveum_start(&options);
    {
        NOVEUM_SCOPE(span, noveum_begin(NOVEUM_LLM, NOVEUM_TRACE_VERSION));
        noveum_set(span, attributes, sizeof(attributes) / sizeof(attributes[0]));
        noveum_message(span, NOVEUM_INPUT, "user", "hello", NOVEUM_NUL);
        noveum_set_double(span, NOVEUM_TEMPERATURE, 0.5);
    }
    noveum_end(noveum_null());
    noveum_get_counters(&counters);
}
int main(void)
{
    use();
    return 0;
}
""",
}


def check(root, compiler, standard, language, name, text):
    command = [compiler, standard, *WARNINGS, "-I", root / "include", "-x", language, "-"]
    out = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if out.returncode != 0:
        yield f"include/noveum/{name}: {compiler} {standard}: {out.stderr.strip()[:1000]}"


def every_function(root):
    """A program that takes the address of each function that a library shows, and uses direct.h, which has none."""
    names = sorted(name for path in (root / "cmake").glob("*.map") for name in EXPORTED.findall(path.read_text("utf-8")))
    return USES["direct.h"] + "void (*take(int i))(void);\nvoid (*take(int i))(void)\n{\n    switch (i) {\n" + "".join(
        f"    case {i}: return (void (*)(void)){name};\n" for i, name in enumerate(names)) + "    default: return (void (*)(void))0;\n    }\n}\n"


def included(text, folder):
    """A header of the folder that the one header leaves out."""
    said = set(re.findall(r"^#include <noveum/([\w.]+)>", text, re.MULTILINE))
    yield from (f"include/noveum/{ALL}: does not include {name}" for name in sorted(folder - said - {ALL}))


def self_test():
    return (list(included("#include <noveum/a.h>\n", {"a.h", ALL})) == [] and EXPORTED.findall("X_1 {\n  global:\n    noveum_a;\n") == ["noveum_a"]
            and list(included("#include <noveum/a.h>\n", {"a.h", "b.h"})) == [f"include/noveum/{ALL}: does not include b.h"])


def main():
    root = pathlib.Path(sys.argv[1])
    headers = sorted((root / "include/noveum").glob("*.h"))
    problems, used = list(included((root / "include/noveum" / ALL).read_text("utf-8"), {path.name for path in headers})), 0
    uses = {**USES, ALL: every_function(root)}
    for path in headers:
        include = f'#include "noveum/{path.name}"\n'
        for language, compilers in (("c", C), ("c++", CXX)):
            for compiler, standard in compilers:
                if shutil.which(compiler) is None:
                    continue
                used += 1
                problems += check(root, compiler, standard, language, path.name, include + include + uses[path.name])
    if used == 0:
        print("skipped: no compiler")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(proved(self_test, main))
