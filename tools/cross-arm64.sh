#!/bin/sh
# Builds the gateway for arm64 with Debian's cross compiler and runs unit tests by qemu-user.
#
#   tools/cross-arm64.sh [TARGET...]     noveum-gateway by default; `base_test_str` and the like are tests, `all` is all
#
# Needs gcc-aarch64-linux-gnu, libc6-dev-arm64-cross, qemu-user-static, mmdebstrap and what `make build` needs; as root, because
# mmdebstrap unpacks arm64's libraries (150 MB, nothing is installed on this machine) to build/arm64/root. Exit code 77: it can't be done here.
set -u
cd "$(dirname "$0")/.." || exit 1
root=$PWD/build/arm64/root
for tool in aarch64-linux-gnu-gcc qemu-aarch64-static mmdebstrap cmake ninja; do
    command -v "$tool" >/dev/null || { echo "cross-arm64: no $tool: tools/install-dependencies.sh cross" >&2; exit 77; }
done
# shellcheck disable=SC1091  # of the system
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mkdir -p build/arm64
[ -e "$root/usr/include/curl" ] || [ -e "$root/usr/include/aarch64-linux-gnu/curl" ] || {
    rm -rf "$root"
    mmdebstrap --quiet --variant=extract --architectures=arm64 --include=libc6-dev,libevent-dev,libcurl4-openssl-dev,libjansson-dev,libnghttp2-dev,libdeflate-dev,libisal-dev,libzstd-dev,libyaml-dev,libssl-dev,libxxhash-dev,libpcre2-dev,libutf8proc-dev,libsqlite3-dev,librdkafka-dev,libnanopb-dev,uthash-dev,check,libprotobuf-c-dev,zlib1g-dev \
        "$suite" "$root" || { echo "cross-arm64: no libraries of arm64: is the mirror of $suite to be had?" >&2; exit 77; }
}
cmake -S . -B build/arm64/dev -G Ninja --toolchain "$PWD/cmake/arm64.cmake" -DNOVEUM_ARM64_ROOT="$root" -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_C_FLAGS=-Og -DNOVEUM_WERROR=ON >build/arm64/configure.log || { tail -20 build/arm64/configure.log >&2; exit 1; }
[ $# -gt 0 ] || set -- noveum-gateway
ninja -C build/arm64/dev "$@" || exit 1
status=0
for target in "$@"; do
    case $target in
    noveum-gateway) qemu-aarch64-static -L "$root" build/arm64/dev/noveum-gateway --version || status=1 ;;
    *_test_*) CK_DEFAULT_TIMEOUT=120 qemu-aarch64-static -L "$root" "build/arm64/dev/$target" || status=1 ;;
    all) (cd build/arm64/dev && CK_DEFAULT_TIMEOUT=120 ctest -L unit --output-on-failure) || status=1 ;;
    esac
done
exit "$status"
