#!/bin/sh
# Installs what the project needs from the system's package manager, and nothing else.
#
#   tools/install-dependencies.sh [SET...]     sets: build (default), test, example, lint,
#                                              image, package, reference, cross
#
# Says what it will install, does nothing when all is there, needs nothing but apt-get (Debian 12,
# Ubuntu 24.04 or later). Run as root or with sudo at hand. docs/dependencies.md has the reasons.
set -eu

build="gcc libc6-dev make cmake ninja-build pkg-config libevent-dev libcurl4-openssl-dev
 libjansson-dev libnghttp2-dev libdeflate-dev libisal-dev libzstd-dev libyaml-dev
 libssl-dev libxxhash-dev libpcre2-dev libutf8proc-dev libsqlite3-dev librdkafka-dev
 libnanopb-dev nanopb uthash-dev
 protobuf-compiler python3 python3-protobuf ca-certificates"
test="check libprotobuf-c-dev protobuf-c-compiler zlib1g-dev g++ luajit nginx-light haproxy"
reference="doxygen"
lint="clang clang-tidy clang-format cppcheck gcovr universal-ctags"
image="podman buildah runc"
cross="gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static mmdebstrap"
package="debhelper dpkg-dev fakeroot lintian mandoc mmdebstrap"

say() { echo "install-dependencies: $*" >&2; }

packages=""
for set in "${@:-build}"; do
    case "$set" in
    build) packages="$packages $build" ;;
    test | example)
        # A Python or Node that is there already, from wherever, is as good as Debian's.
        python3 -c 'import ensurepip, venv' 2>/dev/null || packages="$packages python3 python3-venv"
        [ "$set" = test ] || continue
        packages="$packages $test"
        command -v node >/dev/null && command -v npm >/dev/null || packages="$packages nodejs npm"
        ;;
    lint)
        packages="$packages $lint"
        # libFuzzer's runtime is a package named after clang's version
        version=$(clang --version 2>/dev/null | sed -n '1s/.*version \([0-9]*\).*/\1/p')
        [ -z "$version" ] || packages="$packages libclang-rt-$version-dev"
        ;;
    image) packages="$packages $image" ;;
    reference) packages="$packages $reference" ;;
    package) packages="$packages $package" ;;
    cross) packages="$packages $cross" ;;
    *)
        say "unknown set '$set'; sets are build, test, example, lint, image, reference, package, cross"
        exit 2
        ;;
    esac
done

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    say "this system has no apt-get. Install by its own means what these Debian packages hold:"
    echo $packages >&2
    # With the compiler and the libraries in place a build can still succeed.
    command -v cmake >/dev/null && command -v pkg-config >/dev/null && pkg-config --exists libevent_core && exit 0
    exit 1
fi

missing=""
for package in $packages; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

say "will install with apt-get:$missing"
sudo=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        say "not root and no sudo: run as root:  apt-get install -y --no-install-recommends$missing"
        exit 1
    fi
    sudo="sudo"
fi
apt="env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300"
$sudo $apt update >&2 || say "apt-get update failed; trying with the lists that are there"
$sudo $apt install -y --no-install-recommends $missing >&2
# What goes with a version of clang is known now that clang is there.
[ -n "${NOVEUM_INSTALL_AGAIN:-}" ] || NOVEUM_INSTALL_AGAIN=1 "$0" "$@"
say "done"
