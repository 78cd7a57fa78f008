#!/bin/sh
# Installs the packages of build/dist on bare roots of Debian, uses them there, removes them and looks at what is left.
#
#   tools/try-package.sh [SUITE...]     bookworm and trixie by default; as root, with mmdebstrap; some minutes
#
# A root is made once and kept as build/roots/SUITE.tar, what apt downloads beside it. In it stands nothing but what Debian calls essential and apt: no
# systemd, so units are read by the systemd of this machine. Exit code 0: all is well; 77: this machine can't.
set -u
cd "$(dirname "$0")/.." || exit 1
stop() { echo "try-package: $*" >&2; exit 1; }
skip() { echo "try-package: $*" >&2; exit 77; }
[ "$(id -u)" = 0 ] || skip "wants root, for chroot"
command -v mmdebstrap >/dev/null || skip "mmdebstrap is not there: tools/install-dependencies.sh package"
ls build/dist/noveum-gateway_*.deb >/dev/null 2>&1 || stop "no packages in build/dist: make package"
if [ "${NOVEUM_OWN_MOUNTS:-}" != yes ]; then
    NOVEUM_OWN_MOUNTS=yes exec unshare --mount --propagation private "$0" "$@"
fi
work=$(mktemp -d) || exit 1
gateway=
finish() {
    [ -z "$gateway" ] || kill "$gateway" 2>/dev/null
    for place in "$work"/*/root/proc "$work"/*/root/var/cache/apt/archives; do umount "$place" 2>/dev/null; done
    rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

# What a package may have changed: no caches, logs or lists of dpkg and apt.
files() { (cd "$root" && find . -xdev \( -path ./proc -o -path ./var/cache -o -path ./var/log -o -path ./var/lib/apt -o -path ./var/lib/dpkg \
    -o -path ./tmp \) -prune -o -print | sort); }
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
apt() { inside apt-get -q -y --no-install-recommends -o APT::Keep-Downloaded-Packages=true "$@" >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; stop "$suite: apt-get $1 failed"; }; }
# must WHAT COMMAND...
must() { what=$1; shift; "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; stop "$suite: $what"; }; }

make_root() {
    root=$work/$suite/root
    mkdir -p build/roots "$root"
    [ -s "build/roots/$suite.tar" ] || mmdebstrap --quiet --variant=minbase "$suite" "build/roots/$suite.tar" ||
        skip "no root of $suite: is its mirror to be had?"
    tar -C "$root" -xf "build/roots/$suite.tar"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    mount -t proc proc "$root/proc"
    mkdir -p "build/roots/$suite.debs"
    mount --bind "build/roots/$suite.debs" "$root/var/cache/apt/archives"
    apt update
    apt install systemd-standalone-sysusers # else all of systemd comes along, and leaves directories
}

# A gateway of the package takes a trace and keeps it, stops within its deadline.
use() {
    must "the example's configuration" inside env NOVEUM_API_KEY=nv_try noveum-gateway --config /etc/noveum-gateway/gateway.yaml --check-config
    must "no library is missing" inside noveum-gateway version --json
    chroot "$root" env -i PATH=/usr/bin noveum-gateway --set receiver.http.listen=127.0.0.1:0 --set receiver.grpc.listen=127.0.0.1:0 \
        --set admin.listen=127.0.0.1:0 --set journal.directory=/tmp/journal --set exporter.file.directory=/tmp/traces --set store.file=/tmp/store \
        --set log.format=json --set assembly.quiet_ms=200 >"$work/gateway.log" 2>&1 &
    gateway=$!
    timeout 20 sh -c 'until grep -q "\"protocol\":\"http\"\|protocol=http" "$1"; do sleep 0.1; done' - "$work/gateway.log" || { cat "$work/gateway.log" >&2; stop "$suite: it does not start"; }
    url=$(grep -o 'protocol=http address=[0-9.:]*' "$work/gateway.log" | sed 's/.*=//')
    must "it takes no trace" curl -sf -m 10 -H 'Content-Type: application/json' "http://$url/v1/traces" --data '{"resourceSpans":[{"scopeSpans":[{"spans":[{
        "traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"chat","kind":3,"startTimeUnixNano":"1790000000000000000",
        "endTimeUnixNano":"1790000001000000000","attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}}]}]}]}]}'
    timeout 20 sh -c 'until ls "$1"/*.json >/dev/null 2>&1; do sleep 0.1; done' - "$root/tmp/traces" || { cat "$work/gateway.log" >&2; stop "$suite: no trace was kept"; }
    kill -TERM "$gateway" && wait "$gateway" || stop "$suite: it does not stop cleanly"
    gateway=
}

# A program of C against libnoveum-dev as installed, run among the libraries that are there.
develop() {
    lib=$root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
    printf '#include <noveum/trace.h>\n#include <noveum/pipeline.h>\n#include <stdio.h>\nint main(void) { return puts(noveum_version()) < 0 || !noveum_pipeline_open; }\n' >"$work/a.c"
    mkdir -p "$work/include" && cp -r "$root/usr/include/noveum" "$work/include/" # without the libc of that root
    must "libnoveum-dev" gcc -I "$work/include" "$work/a.c" -L "$lib" -lnoveum-trace -lnoveum -Wl,--unresolved-symbols=ignore-in-shared-libs -o "$root/tmp/a"
    must "a program with the libraries does not run" inside /tmp/a
    must "noveum-trace.pc" pkg-config --exists --define-prefix "$lib/pkgconfig/noveum-trace.pc" "$lib/pkgconfig/noveum.pc"
}

for suite in "${@:-bookworm trixie}"; do for suite in $suite; do
    make_root
    files >"$work/before"
    mkdir "$root/tmp/packages" && for package in build/dist/*.deb; do case $package in *-dbgsym_*) ;; *) cp "$package" "$root/tmp/packages/" ;; esac; done
    # shellcheck disable=SC2016  # for the shell inside
    apt install $(cd "$root" && ls -d ./tmp/packages/*.deb | sed 's|^\./|/|')
    use
    develop
    mkdir -p "$work/units" && cp "$root"/lib/systemd/system/noveum-gateway.* "$work/units/"
    sed -i "s|/usr/bin/noveum-gateway|$root&|" "$work/units/noveum-gateway.service"
    must "the units" systemd-analyze verify --man=no "$work/units/noveum-gateway.service" "$work/units/noveum-gateway.socket"
    [ "$(stat -c %a "$root/etc/noveum-gateway/environment")" = 600 ] || stop "$suite: others can read the file of the key"
    echo '# changed here' >>"$root/etc/noveum-gateway/gateway.yaml"
    apt install --reinstall "/tmp/packages/$(basename build/dist/noveum-gateway_*.deb)"
    tail -1 "$root/etc/noveum-gateway/gateway.yaml" | grep -q changed || stop "$suite: an upgrade has changed the configuration"
    mkdir -p "$root/var/lib/private/noveum-gateway" && echo state >"$root/var/lib/private/noveum-gateway/journal-1"
    apt remove noveum-gateway
    [ -e "$root/etc/noveum-gateway/gateway.yaml" ] || stop "$suite: removal takes the configuration along"
    apt purge noveum-gateway libnoveum1 libnoveum-trace1 libnoveum-dev
    apt autoremove --purge
    files >"$work/after"
    diff "$work/before" "$work/after" | sed -n 's/^[<>] /&/p' | grep -v 'var/lib/private' >"$work/left"
    cat "$work/left"
    [ -s "$root/var/lib/private/noveum-gateway/journal-1" ] || stop "$suite: removal takes the state along"
    umount "$root/proc" "$root/var/cache/apt/archives"
    echo "try-package: $suite: installed, used, removed"
done; done
