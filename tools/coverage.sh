#!/bin/sh
# Line coverage of each stage by all tests that run in a minute or two (NOVEUM_COVERAGE_LABELS to
# change), from a build of its own. Fails when a stage is below its target.
set -eu
cd "$(dirname "$0")/.."
labels=${NOVEUM_COVERAGE_LABELS:-unit|fuzz-replay|golden|e2e}
cmake --preset coverage >/dev/null
cmake --build --preset coverage -j "$(nproc)" >/dev/null
find build/coverage -name '*.gcda' -delete
(cd build/coverage && ctest -L "$labels" -LE slow -j 2 --output-on-failure >ctest.log 2>&1) || {
    grep -vE ' Passed | Start ' build/coverage/ctest.log | tail -50
    echo "coverage: tests failed; the numbers below are without them"
}
gcovr --root . --object-directory build/coverage --filter '(base|net|model|journal|otlp|assembly|mapping|redaction|exporter|kafka|trace|gateway)/' \
    --exclude-directories '.*/CompilerIdC' --exclude-unreachable-branches --gcov-ignore-parse-errors --json-summary build/coverage/summary.json \
    --json-summary-pretty build/coverage >/dev/null
python3 tools/coverage_targets.py build/coverage/summary.json
