#!/bin/sh
# The README's first trace on bare roots of Debian: clone, `make run`, examples/run.sh, the trace in a browser; says what each took.
#
#   tools/try-first-trace.sh [SUITE...]     bookworm and trixie by default; as root, with mmdebstrap; some minutes
#
# Of what is committed here. A root is made once and kept as build/roots/SUITE.tar; in it stands nothing but what Debian calls essential, and apt. Packages
# come from the network; ports are the README's, so nothing else may have them. With Chromium and playwright-core (tools/test-environment.sh) the
# page is looked at, and kept as build/first-trace-SUITE.png. Exit code 0: all is well; 77: this machine can't.
set -u
cd "$(dirname "$0")/.." || exit 1
stop() { echo "try-first-trace: $*" >&2; exit 1; }
skip() { echo "try-first-trace: $*" >&2; exit 77; }
[ "$(id -u)" = 0 ] || skip "wants root, for chroot"
command -v mmdebstrap >/dev/null || skip "mmdebstrap is not there: tools/install-dependencies.sh package"
for port in 4317 4318 13133; do
    ! ss -ltnH "sport = :$port" | grep -q . || skip "port $port is in use"
done
if [ "${NOVEUM_OWN_MOUNTS:-}" != yes ]; then
    NOVEUM_OWN_MOUNTS=yes exec unshare --mount --propagation private "$0" "$@"
fi
work=$(mktemp -d) || exit 1
run=
finish() { [ -z "$run" ] || { kill -s TERM -- "-$run" && wait "$run"; } 2>/dev/null; for place in "$work"/*/root/proc "$work"/*/root/dev; do umount -R -l "$place" 2>/dev/null; done; rm -rf --one-file-system "$work"; }
trap finish EXIT
trap 'exit 1' INT TERM

page=http://127.0.0.1:13133/
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb "$@"; }
took() { echo "try-first-trace: $suite: $(($(date +%s) - began)) s after the clone began: $*"; }

make_root() {
    root=$work/$suite/root
    mkdir -p build/roots "$root"
    [ -s "build/roots/$suite.tar" ] || mmdebstrap --quiet --variant=minbase "$suite" "build/roots/$suite.tar" ||
        skip "no root of $suite: is its mirror to be had?"
    tar -C "$root" -xf "build/roots/$suite.tar"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" || skip "can't mount"
    inside sh -c 'apt-get -q update && apt-get -q -y install make git' >"$work/log" 2>&1 || { tail -5 "$work/log" >&2; stop "$suite: no make and git"; }
    git clone -q --bare . "$root/repo.git" # stands for where people clone from
    [ ! -s /etc/ssl/certs/ca-certificates.crt ] || cp -L /etc/ssl/certs/ca-certificates.crt "$root/root/authorities" # a proxy's of this machine
}

# The trace of the example as people see it.
look() {
    NODE_PATH=$PWD/build/node/node_modules node --input-type=commonjs - "$1" "$page" <<'JS'
const {chromium} = require("playwright-core");
const [picture, page] = process.argv.slice(2);
(async () => {
  const browser = await chromium.launch({executablePath: ["/usr/bin/chromium", "/usr/bin/google-chrome"].find(require("fs").existsSync), args: ["--no-sandbox"]});
  const tab = await browser.newPage({viewport: {width: 1280, height: 800}});
  await tab.goto(page);
  await tab.locator(".trace-row", {hasText: "Where is order 1001?"}).first().click({timeout: 20000});
  await tab.waitForSelector(".panel h2");
  await tab.screenshot({path: picture});
  await browser.close();
})().catch(error => { console.error(error.message); process.exit(1); });
JS
}

for suite in "${@:-bookworm trixie}"; do for suite in $suite; do
    make_root
    began=$(date +%s)
    inside git clone -q /repo.git /root/gateway || stop "$suite: no clone"
    setsid chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb sh -c 'cd /root/gateway && exec make run' >"$work/run" 2>&1 &
    run=$! # and a group of its own, as of a terminal
    timeout 1800 sh -c 'until grep -q "$1" "$2" || ! kill -0 "$3"; do sleep 0.2; done' - "$page" "$work/run" "$run" 2>/dev/null
    grep -q "$page" "$work/run" || { tail -20 "$work/run" >&2; stop "$suite: make run names no page"; }
    took "make run names its page"
    inside env PIP_CERT=/root/authorities sh -c 'cd /root/gateway && exec examples/run.sh' >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; stop "$suite: examples/run.sh"; }
    timeout 60 sh -c 'until curl -s "$1api/traces" | grep -q "Where is order 1001?"; do sleep 0.2; done' - "$page" || stop "$suite: no trace came"
    took "the trace is there"
    if command -v node >/dev/null && [ -d build/node/node_modules/playwright-core ]; then
        look "build/first-trace-$suite.png" || stop "$suite: the page does not show it"
        took "it is seen: build/first-trace-$suite.png"
    fi
    pkill -TERM -g "$run" -x noveum-gateway # it alone: make hands on what it gets, and a second signal ends the gateway at once
    wait "$run" || stop "$suite: make run ended with $?"
    grep -q '"stopped"\|: stopped' "$work/run" || { tail -5 "$work/run" >&2; stop "$suite: it does not stop"; }
    run=
    umount -R -l "$root/proc" "$root/dev"
done; done
