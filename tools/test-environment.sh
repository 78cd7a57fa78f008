#!/bin/sh
# Makes what the end-to-end tests run in: build/venv (tests/requirements.txt, pinned) and, when Node
# is there, build/node (tests/package.json). Does nothing when both are up to date, which a stamp
# with the hash of those files tells.
set -eu
cd "$(dirname "$0")/.."

say() { echo "test-environment: $*" >&2; }
hash_of() { cat "$@" | sha256sum | cut -d ' ' -f 1; }

mkdir -p build
stamp="$(hash_of tests/requirements.txt) $(python3 -c 'import sys; print(sys.version)')"
if [ "$(cat build/venv/.stamp 2>/dev/null)" != "$stamp" ]; then
    say "installing tests/requirements.txt into build/venv"
    rm -rf build/venv
    python3 -m venv build/venv
    build/venv/bin/python -m pip install -q --disable-pip-version-check --no-input \
        -r tests/requirements.txt >&2
    echo "$stamp" >build/venv/.stamp
fi

[ -f tests/package.json ] || exit 0
if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    say "no node and npm: tests with the Node SDK will be skipped"
    exit 0
fi
files="tests/package.json"
[ ! -f tests/package-lock.json ] || files="$files tests/package-lock.json"
stamp="$(hash_of $files) $(node --version)"
if [ "$(cat build/node/.stamp 2>/dev/null)" != "$stamp" ]; then
    say "installing tests/package.json into build/node"
    rm -rf build/node
    mkdir -p build/node
    cp $files build/node/
    command=install
    [ ! -f build/node/package-lock.json ] || command=ci
    (cd build/node && npm "$command" --no-audit --no-fund --loglevel=error >&2)
    echo "$stamp" >build/node/.stamp
fi
