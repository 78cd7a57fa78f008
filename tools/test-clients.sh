#!/bin/sh
# Gets the clients that tests/e2e/test_clients.py and test_client_frameworks.py drive into build/clients: the agent of Java and Spring AI by Maven,
# packages of Node by npm, telemetrygen and Genkit by Go, the SDK of Rust and rig by Cargo, Debian 13's opentelemetry-cpp in a root of its own
# (as root, with mmdebstrap). Each only where its tool is; what can't be had is said, and its test is skipped.
#
#   tools/test-clients.sh          some minutes, mostly for telemetrygen, rig and the root
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
sources=$PWD/tests/e2e/clients
get "Spring AI" mvn mvn -q -B -f "$sources/spring/pom.xml" package -DbuildFolder="$out/spring"
get Genkit go go -C "$sources/genkit" build -o "$out/genkit-agent" .
get "the SDK of Rust and rig" cargo cargo build --quiet --manifest-path "$sources/rust/Cargo.toml" --target-dir "$out/rust"

# A program of Debian 13 with all the libraries it needs, its loader among them, so that it runs on this machine as well.
cpp() {
    [ "$(id -u)" = 0 ] || { echo "wants root, for chroot"; return 1; }
    root=$out/trixie
    mkdir -p build/roots "$root" "$out/cpp"
    [ -s build/roots/trixie.tar ] || mmdebstrap --quiet --variant=minbase trixie build/roots/trixie.tar || return 1
    tar -C "$root" --exclude=./dev -xf build/roots/trixie.tar && cp -L /etc/resolv.conf "$root/etc/" && cp "$sources/sdk.cpp" "$root/tmp/" || return 1
    inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
    inside apt-get -q update && inside apt-get -q -y --no-install-recommends install g++ opentelemetry-cpp-dev &&
        inside g++ -std=c++17 /tmp/sdk.cpp -o /tmp/sdk -lopentelemetry_exporter_otlp_http -lopentelemetry_trace -lopentelemetry_resources || return 1
    cp "$root/tmp/sdk" "$out/cpp/" || return 1
    for library in $(inside ldd /tmp/sdk | grep -o '/[^ ]*'); do cp -L "$root$library" "$out/cpp/" || return 1; done
    rm -rf --one-file-system "$root"
}
[ -x "$out/cpp/sdk" ] || get "the SDK of C++" mmdebstrap cpp
ls "$out"
