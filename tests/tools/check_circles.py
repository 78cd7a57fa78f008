#!/usr/bin/env python3
"""Which files of one folder call each other in a circle, by what the linker sees.

Every object of the build is asked for the symbols that it defines and that it needs (nm), so calls, data and function pointers count, and
includes do not. A circle is a set of files each of which reaches every other one; a file's own recursion is none. Files of different folders
can't form one: check_layers.py.

More than CIRCLES_MAX fail.

usage: check_circles.py SOURCE_DIR BUILD_DIR        check_circles.py --self-test
"""
import collections
import pathlib
import shutil
import subprocess
import sys

from proved import proved
from rooms import STAGES

CIRCLES_MAX = 0
TARGETS = ("noveum_objects", "noveum_trace_objects")


def symbols(objects):
    """{source: (defined, needed)} of objects given as {source: path}."""
    out = {}
    for source, path in objects.items():
        text = subprocess.run(["nm", "-P", "-g", str(path)], capture_output=True, text=True, check=True).stdout
        rows = [line.split() for line in text.splitlines() if line.strip()]
        out[source] = ({r[0] for r in rows if r[1] not in "Uuwv"}, {r[0] for r in rows if r[1] == "U"})
    return out


def edges(symbols_of):
    """{(user, provider): names} within a folder."""
    where = {name: source for source, (defined, _) in symbols_of.items() for name in defined}
    found = collections.defaultdict(set)
    for source, (_, needed) in symbols_of.items():
        for name in needed:
            provider = where.get(name)
            if provider and provider != source and pathlib.PurePosixPath(provider).parent == pathlib.PurePosixPath(source).parent:
                found[source, provider].add(name)
    return found


def circles(graph):
    """Strongly connected sets of two files or more (Tarjan, without recursion)."""
    reach = collections.defaultdict(list)
    for user, provider in sorted(graph):
        reach[user].append(provider)
    index, low, stack, on, out = {}, {}, [], set(), []
    for start in sorted({f for edge in graph for f in edge}):
        if start in index:
            continue
        work = [(start, iter(reach[start]))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on.add(start)
        while work:
            node, following = work[-1]
            for other in following:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on.add(other)
                    work.append((other, iter(reach[other])))
                    break
                if other in on:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    members = []
                    while True:
                        members.append(stack.pop())
                        on.discard(members[-1])
                        if members[-1] == node:
                            break
                    if len(members) > 1:
                        out.append(sorted(members))
    return sorted(out)


def report(graph):
    """The circles, each with the calls that make it."""
    found = circles(graph)
    for number, members in enumerate(found, 1):
        names = ", ".join(pathlib.PurePosixPath(m).name for m in members)
        print(f"circle {number} in {pathlib.PurePosixPath(members[0]).parent}/: {names}")
        for (user, provider), used in sorted(graph.items()):
            if user in members and provider in members:
                print(f"    {pathlib.PurePosixPath(user).name} -> {pathlib.PurePosixPath(provider).name}: {', '.join(sorted(used))}")
    return found


def self_test():
    """A circle of two and one of three are found, a chain and a folder's neighbour are not."""
    made = {"a/x.c": ({"x"}, {"y"}), "a/y.c": ({"y"}, {"x"}), "a/z.c": ({"z"}, {"x"}), "b/p.c": ({"p"}, {"q", "x"}), "b/q.c": ({"q"}, {"r"}),
            "b/r.c": ({"r"}, {"p"}), "c/s.c": ({"s"}, {"s", "t", "x"}), "c/t.c": ({"t"}, set()), "a/w.c": ({"w"}, {"s"})}
    return circles(edges(made)) == [["a/x.c", "a/y.c"], ["b/p.c", "b/q.c", "b/r.c"]]


def main():
    """Command line."""
    root, build = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    if shutil.which("nm") is None:
        print("skipped: no nm (apt-get install binutils)")
        return 0
    objects = {}
    for path in [p for target in TARGETS for p in build.glob(f"CMakeFiles/{target}.dir/**/*.o")]:
        source = str(path.relative_to(build / "CMakeFiles")).partition(".dir/")[2].removesuffix(".o")
        if source.split("/")[0] in STAGES and (root / source).exists():  # objects of sources that moved stay behind
            objects[source] = path
    if not objects:
        print("skipped: nothing was built")
        return 0
    found = report(edges(symbols(objects)))
    print(f"{len(found)} circles, {sum(map(len, found))} files in them, of {len(objects)}")
    return 1 if len(found) > CIRCLES_MAX else 0


if __name__ == "__main__":
    sys.exit(proved(self_test, main))
