#!/bin/sh
# Runs an example against a gateway on this machine, in a virtual environment of its own under
# build/. Start the gateway first: make run
#
#   examples/run.sh                        the OpenInference example
#   examples/run.sh opentelemetry_sdk      the one with the plain SDK
set -eu
cd "$(dirname "$0")/.."
name="${1:-openinference_openai}"
[ -f "examples/python/$name.py" ] || { echo "run.sh: no examples/python/$name.py" >&2; exit 2; }

venv=build/examples-venv
stamp="$(sha256sum examples/python/requirements.txt | cut -d ' ' -f 1)"
if [ "$(cat "$venv/.stamp" 2>/dev/null)" != "$stamp" ]; then
    echo "run.sh: installing examples/python/requirements.txt into $venv" >&2
    tools/install-dependencies.sh example
    mkdir -p build
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install -q --disable-pip-version-check \
        -r examples/python/requirements.txt >&2
    echo "$stamp" >"$venv/.stamp"
fi

: "${OTEL_EXPORTER_OTLP_ENDPOINT:=http://127.0.0.1:4318}"
export OTEL_EXPORTER_OTLP_ENDPOINT
exec "$venv/bin/python" "examples/python/$name.py"
