#!/bin/sh
# Is what is built the same to the byte, wherever it is built? Copies the last commit into two directories of different
# length, builds each without a cache, and compares the program and the libraries.
#
#   tools/reproducible.sh [PRESET [FOLDER]]     release (default: what is shipped), run (quicker: the program alone);
#                                               FOLDER: an empty one, where the first of both is built and stays
#
# CMAKE_ARGUMENTS are given to both configurations, as -DNOVEUM_LTO=OFF for half of the time.
#
# What makes it so: sources know their place relative to the root only (-ffile-prefix-map), names that the compiler makes up
# come from the file (-frandom-seed), no date is compiled in, and lists of sources are sorted by CMake's glob.
set -u
preset=${1:-release}
top=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
export CCACHE_DISABLE=1

first=${2:-$work/a}
second=$work/another/directory/of/another/length
for place in "$first" "$second"; do
    mkdir -p "$place"
    git -C "$top" archive HEAD | tar -x -C "$place" || exit 1
    echo "reproducible: building $preset in $place" >&2
    # shellcheck disable=SC2086  # arguments
    (cd "$place" && cmake --preset "$preset" ${CMAKE_ARGUMENTS:-} && cmake --build --preset "$preset" -j "${JOBS:-$(nproc)}") \
        >"$work/log" 2>&1 || { tail -40 "$work/log"; exit 1; }
done

one=$first/build/$preset
other=$second/build/$preset
differ=0
compared=0
for file in noveum-gateway libnoveum.so.1.0.0 libnoveum-trace.so.1.0.0; do
    [ -e "$one/$file" ] || continue
    sha256sum "$one/$file" | sed "s|$one/||"
    cmp "$one/$file" "$other/$file" || differ=1
    compared=$((compared + 1))
done
[ "$compared" -gt 0 ] || { echo "reproducible: nothing was built that is compared" >&2; exit 1; }
[ "$differ" = 0 ] && echo "reproducible: the same bytes"
exit "$differ"
