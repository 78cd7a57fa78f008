#!/bin/sh
# Formatter and static analysers over the sources of the product: clang-format (check only),
# clang's warnings and those of the compiler of `make run`, clang-tidy with clang's static analyser, cppcheck. Each tool runs when it is
# there; any finding fails, but for those that tools/lint.reviewed explains. gcc -fanalyzer is
# tools/analyze.sh.
set -u
cd "$(dirname "$0")/.."
build=build/lint
failed=""
say() { echo "lint: $*" >&2; }

compiler=gcc
! command -v clang >/dev/null || compiler=clang
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER="$compiler" \
    -DNOVEUM_WERROR=ON >/dev/null || exit 1

# warnings BUILD TARGET...: what the compiler of a configured build warns of
warnings() {
    folder=$1
    shift
    cmake --build "$folder" -j "$(nproc)" --target "$@" -- -k 0 >"$folder/warnings.log" || {
        grep -E 'error:' "$folder/warnings.log" | sort -u
        failed="$failed warnings"
    }
}

say "warnings of $compiler"
warnings "$build" noveum_objects noveum_trace_objects noveum_commit
# With optimisation gcc sees more, and a newcomer sees what it says.
say "warnings of make run"
cmake --preset run -B build/lint-run -DNOVEUM_WERROR=ON >/dev/null || exit 1
warnings build/lint-run noveum-gateway

python3 tests/tools/check_format.py . "$build" || failed="$failed format"

sources=$(find base net model journal otlp assembly mapping redaction exporter kafka gateway trace -name '*.c' 2>/dev/null | sort)
if command -v clang-tidy >/dev/null; then
    say "clang-tidy"
    echo "$sources" | xargs -P "$(nproc)" -n 4 clang-tidy -p "$build" --quiet \
        >"$build/clang-tidy.log" 2>/dev/null
    python3 tools/lint_findings.py "$build/clang-tidy.log" tools/lint.reviewed . ||
        failed="$failed clang-tidy"
else
    say "no clang-tidy, skipped"
fi

if command -v cppcheck >/dev/null; then
    say "cppcheck"
    cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
        --suppressions-list=tools/cppcheck.suppressions --error-exitcode=1 -j "$(nproc)" \
        -I . -I include -I "$build/generated" -D_GNU_SOURCE -DNOVEUM_VERSION='"lint"' $sources ||
        failed="$failed cppcheck"
else
    say "no cppcheck, skipped"
fi

[ -z "$failed" ] || { say "failed:$failed"; exit 1; }
say "clean"
