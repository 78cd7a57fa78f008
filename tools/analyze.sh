#!/bin/sh
# gcc -fanalyzer over the sources of the product: it follows ownership and values through calls,
# where clang-tidy's analyser (tools/lint.sh) sees other things. Any finding fails, but for those
# that tools/analyzer.reviewed explains. A build of its own, from the beginning: a file that is
# not compiled again tells nothing.
set -u
cd "$(dirname "$0")/.." || exit 1
build=build/lint-analyzer
say() { echo "analyze: $*" >&2; }

mkdir -p "$build"
cmake -S . -B "$build" -G Ninja -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug \
    -DNOVEUM_TESTS=OFF -DCMAKE_C_FLAGS=-fanalyzer >"$build/configure.log" 2>&1 || {
    cat "$build/configure.log"
    exit 1
}
cmake --build "$build" -j "$(nproc)" --clean-first --target noveum_objects noveum_trace_objects \
    >"$build/analyzer.log" 2>&1 || {
    tail -n 50 "$build/analyzer.log"
    say "does not build"
    exit 1
}
python3 tools/lint_findings.py "$build/analyzer.log" tools/analyzer.reviewed . || {
    say "failed"
    exit 1
}
say "clean"
