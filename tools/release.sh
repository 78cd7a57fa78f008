#!/bin/sh
# Makes a release of the last commit into build/dist: a source archive, the program's archive, their sums. Nothing is
# published and no tag is set: it says which commands do that.
#
#   tools/release.sh VERSION        as 0.2.0; it must be the one of CMakeLists.txt, the headers and CHANGELOG.md
#
# The archives of two runs are the same to the byte: owner, times and order come from the commit, and gzip notes no time.
set -u
version=${1:?usage: tools/release.sh VERSION}
cd "$(dirname "$0")/.." || exit 1
name=noveum-gateway-$version
dist=build/dist
stop() { echo "release: $*" >&2; exit 1; }

[ -z "$(git status --porcelain --untracked-files=no)" ] || stop "uncommitted changes"
grep -q "project(noveum-gateway VERSION $version " CMakeLists.txt || stop "CMakeLists.txt has another version"
grep -q "NOVEUM_TRACE_VERSION \"$version\"" include/noveum/trace.h || stop "include/noveum/trace.h has another version"
grep -Eq "^## $version \([0-9]{4}-[0-9]{2}-[0-9]{2}\)" CHANGELOG.md || stop "CHANGELOG.md has no dated section $version"
! git rev-parse -q --verify "refs/tags/v$version" >/dev/null || stop "v$version is there already"

rm -rf "$dist" && mkdir -p "$dist" || stop "can't write $dist"
git archive --prefix="$name/" HEAD | gzip -9 -n >"$dist/$name.tar.gz" || stop "no source archive"

echo "release: building, and building again elsewhere: both must be the same bytes" >&2
tools/reproducible.sh release || stop "the build depends on where it is done"
make -s build || stop "no build"
stage=$(mktemp -d) || exit 1
trap 'rm -rf "$stage"' EXIT INT TERM
DESTDIR="$stage/$name" cmake --install build/release --prefix /usr --strip >/dev/null || stop "no installation"
when=$(git log -1 --format=%ct)
tar -C "$stage" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$when" -c "$name" |
    gzip -9 -n >"$dist/$name-linux-$(uname -m).tar.gz" || stop "no archive of the program"
(cd "$dist" && sha256sum ./*.tar.gz >SHA256SUMS && cat SHA256SUMS)

echo "release: now
  git tag -s v$version -m 'noveum-gateway $version' && git push origin v$version
  and publish what is in $dist" >&2
