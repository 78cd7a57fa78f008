#!/bin/sh
# Makes a release of the last commit into build/dist: a source archive, the program installed, the same with all its libraries, the
# layer of AWS Lambda, the bill of materials (SPDX 2.3), the notes, their sums. Nothing is published and no tag is set: it says
# which commands do that.
#
#   tools/release.sh VERSION        as 0.2.0; it must be the one of CMakeLists.txt, the headers and CHANGELOG.md
#
# The archives of two runs are the same to the byte: owner, times and order come from the commit, and gzip notes no time. What is in
# them is the first of the two builds that were compared (tools/reproducible.sh), so nothing else of this machine gets in.
set -u
version=${1:?usage: tools/release.sh VERSION}
cd "$(dirname "$0")/.." || exit 1
name=noveum-gateway-$version
dist=$PWD/build/dist
stop() { echo "release: $*" >&2; exit 1; }

[ -z "$(git status --porcelain --untracked-files=no)" ] || stop "uncommitted changes"
grep -q "project(noveum-gateway VERSION $version " CMakeLists.txt || stop "CMakeLists.txt has another version"
grep -q "NOVEUM_TRACE_VERSION \"$version\"" include/noveum/trace.h || stop "include/noveum/trace.h has another version"
grep -Eq "^## $version \([0-9]{4}-[0-9]{2}-[0-9]{2}\)" CHANGELOG.md || stop "CHANGELOG.md has no dated section $version"
[ -s "tests/data/journal-versions/$version.json" ] || stop "no state directory of $version to be read by later ones: docs/upgrading.md, \"For a release\""
[ -s "tests/data/keys/$version.txt" ] || stop "no keys of $version in tests/data/keys: docs/upgrading.md, \"For a release\""
! git rev-parse -q --verify "refs/tags/v$version" >/dev/null || stop "v$version is there already"

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
# FOLDER/NAME to ARCHIVE
pack() {
    tar -C "$1" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -c "$2" | gzip -9 -n >"$3"
}

rm -rf "$dist" && mkdir -p "$dist" || stop "can't write $dist"
git archive --prefix="$name/" HEAD | gzip -9 -n >"$dist/$name.tar.gz" || stop "no source archive"
awk -v head="## $version " '/^## / { on = index($0, head) == 1 } on' CHANGELOG.md >"$dist/$name-notes.md"

echo "release: building, and building again elsewhere: both must be the same bytes" >&2
tools/reproducible.sh release "$work/tree" || stop "the build depends on where it is done"
build=$work/tree/build/release
program=$build/noveum-gateway
DESTDIR="$work/installed/$name" cmake --install "$build" --prefix /usr --strip >"$work/log" 2>&1 || { cat "$work/log" >&2; stop "no installation"; }
pack "$work/installed" "$name" "$dist/$name-linux-$(uname -m).tar.gz" || stop "no archive of the program"
tools/portable.sh "$program" "$work/portable/$name" || stop "no folder with its libraries"
pack "$work/portable" "$name" "$dist/$name-linux-$(uname -m)-portable.tar.gz" || stop "no archive with its libraries"
tools/lambda-layer.sh "$program" >/dev/null || stop "no layer"
deploy/rootfs.sh "$program" "$work/image" &&
    cp "$work/image/rootfs/usr/share/sbom/noveum-gateway.spdx.json" "$dist/$name.spdx.json" || stop "no bill of materials"
sums=$(cd "$dist" && sha256sum ./*) && echo "$sums" | tee "$dist/SHA256SUMS" || stop "no sums"

echo "release: now
  git tag -s v$version -F $dist/$name-notes.md && git push origin v$version
  and publish what is in $dist; the packages are made by \`make package\`" >&2
