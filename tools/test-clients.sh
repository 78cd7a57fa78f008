#!/bin/sh
# Gets the clients that tests/e2e/test_clients.py drives into build/clients: the agent of Java by Maven, packages of Node by npm,
# telemetrygen by Go. Each only where its tool is; what can't be had is said, and its test is skipped.
#
#   tools/test-clients.sh          some minutes, mostly for telemetrygen
set -u
cd "$(dirname "$0")/.." || exit 1
out=$PWD/build/clients
mkdir -p "$out/node"

java_agent=2.20.1
telemetrygen=0.160.0
node_packages="ai@7.0.173 @ai-sdk/otel@1.0.173 @langchain/core@1.4.0 @arizeai/openinference-instrumentation-langchain@4.1.1
    @opentelemetry/api@1.9.1 @opentelemetry/sdk-trace-node@2.12.0 @opentelemetry/exporter-trace-otlp-proto@0.223.1
    @opentelemetry/resources@2.12.1 @opentelemetry/instrumentation@0.223.0"

# get NAME TOOL COMMAND...
get() {
    name=$1 tool=$2
    shift 2
    command -v "$tool" >/dev/null || { echo "test-clients: no $tool, so no $name" >&2; return; }
    "$@" >"$out/log" 2>&1 || { tail -3 "$out/log" >&2; echo "test-clients: $name can't be had" >&2; }
}

[ -s "$out/java/opentelemetry-javaagent-$java_agent.jar" ] ||
    get "agent of Java" mvn mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
        -Dartifact=io.opentelemetry.javaagent:opentelemetry-javaagent:$java_agent -DoutputDirectory="$out/java"
[ -e "$out/node/package.json" ] || echo '{"private":true}' >"$out/node/package.json"
# shellcheck disable=SC2086  # a list of words
get "packages of Node" npm npm --prefix "$out/node" install --no-audit --no-fund --silent $node_packages
PATH=$PATH:/usr/local/go/bin
[ -x "$out/telemetrygen" ] ||
    get telemetrygen go env GOBIN="$out" go install \
        github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v$telemetrygen
ls "$out"
