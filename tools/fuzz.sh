#!/bin/sh
# Runs every libFuzzer target of the fuzz preset for SECONDS each, starting from the kept corpus. New
# inputs go to build/fuzz/corpus/<target>; a crash is written there as well and fails the run.
#
#   tools/fuzz.sh [SECONDS] [TARGET...]
set -u
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
failed=""
targets=${*:-$(ls tests/fuzz/fuzz_*.c | xargs -n 1 basename | sed 's/\.c$//')}
for target in $targets; do
    corpus="build/fuzz/corpus/$target"
    mkdir -p "$corpus" "tests/fuzz/corpus/$target"
    dictionary=""
    [ ! -f "tests/fuzz/$target.dict" ] || dictionary="-dict=tests/fuzz/$target.dict"
    options=""
    [ ! -f "tests/fuzz/$target.options" ] || options=$(cat "tests/fuzz/$target.options")
    echo "fuzz: $target for $seconds s"
    timeout $((seconds + 120)) "build/fuzz/$target" -max_total_time="$seconds" -timeout=20 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$corpus/found-" $dictionary $options \
        "$corpus" "tests/fuzz/corpus/$target" >"$corpus.log" 2>&1 || failed="$failed $target"
    grep -E 'number_of_executed_units|SUMMARY' "$corpus.log"
done
[ -z "$failed" ] || { echo "fuzz: failed:$failed (see build/fuzz/corpus/*.log)"; exit 1; }
