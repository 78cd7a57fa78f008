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
"$venv/bin/python" "examples/python/$name.py"
case "$OTEL_EXPORTER_OTLP_ENDPOINT" in
http://127.0.0.1:4318 | http://localhost:4318)
    echo "run.sh: the trace is on the page in about a second: http://127.0.0.1:13133/ (and a tree in the gateway's terminal)" >&2 ;;
*)  echo "run.sh: sent to $OTEL_EXPORTER_OTLP_ENDPOINT; the gateway's start printed the address of its page" >&2 ;;
esac
