#!/bin/sh
# Builds Debian packages of the last commit into build/dist: the gateway, both libraries, their headers.
#
#   tools/package.sh          needs what `tools/install-dependencies.sh build package` installs
#
# What dpkg-buildpackage wants at the top of a tree stands in deploy/debian/; the changelog is made of CHANGELOG.md's
# newest section, so that no version is written twice. Sources come from the commit and the time is the commit's.
set -u
cd "$(dirname "$0")/.." || exit 1
stop() { echo "package: $*" >&2; exit 1; }
for tool in dpkg-buildpackage dh; do
    command -v "$tool" >/dev/null || stop "$tool is not there: tools/install-dependencies.sh build package"
done
version=$(sed -n 's/^project(.*VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
dist=$PWD/build/dist
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
tree=$work/noveum-gateway-$version

mkdir -p "$tree" "$dist" && git archive HEAD | tar -x -C "$tree" && cp -r "$tree/deploy/debian" "$tree/debian" ||
    stop "no copy of the last commit in $work"
{
    echo "noveum-gateway ($version) unstable; urgency=medium"
    echo
    echo "  * Version $version; what changed is in CHANGELOG.md of package noveum-gateway."
    echo
    git log -1 --format=" -- Noveum Team <engineering@noveum.ai>  %cD"
} >"$tree/debian/changelog"

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
(cd "$tree" && dpkg-buildpackage -b -us -uc -j"${JOBS:-$(nproc)}") >"$work/log" 2>&1 ||
    { tail -60 "$work/log" >&2; stop "dpkg-buildpackage failed"; }
rm -f "$dist"/*.deb
mv "$work"/*.deb "$dist/" || stop "can't write $dist"
ls -l "$dist"/*.deb
if command -v lintian >/dev/null; then
    lintian --allow-root --fail-on error,warning --suppress-tags bad-distribution-in-changes-file "$dist"/*.deb ||
        stop "lintian is not content with what is in $dist"
fi
