#!/usr/bin/env python3
"""Each lock is known: what it is of stands where it is declared, and who shares that in docs/architecture.md.

    pthread_mutex_t lock; /* of the pool */          said behind it, or in a comment right above
    | readers of personal data | `pii.c` | ... |     a row names its file, or its room (`gateway/lambda/`)

What is shared by threads is few things, each with a reason. A lock that comes without one is a decision that nobody
has looked at. The library behind noveum/trace.h is not the gateway: its locks need their words, and no row.

usage: check_locks.py SOURCE_DIR [BUILD_DIR]        check_locks.py --self-test
"""
import pathlib
import re
import sys
from proved import proved

FOLDERS = ("base", "net", "model", "journal", "otlp", "assembly", "mapping", "redaction", "exporter", "kafka", "gateway", "trace")
UNLISTED = ("trace",)
LOCK = re.compile(r"^\s*(?:static )?pthread_(?:mutex|rwlock)_t (\w+)[^;()]*;")
WORD = re.compile(r"`([\w./]+)`")
HEADING = "What they share besides the queues"


def is_said(lines, number):
    """Is there a comment behind the declaration, or right above it, one for two locks that stand together?"""
    while LOCK.match(lines[number]):
        if "/*" in lines[number]:
            return True
        number -= 1
        if lines[number].rstrip().endswith("*/"):
            return True
    return False


def locks(text):
    """(name, line, is it said what it is of) of each lock that is declared."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        found = LOCK.match(line)
        if found:
            yield found.group(1), number + 1, is_said(lines, number)


def rows(document):
    """Names of files and rooms in the table of what is shared, and in the sentence before it."""
    section = document.split(HEADING, 1)[1].split("\n## ", 1)[0]
    return set(WORD.findall(section))


def is_listed(path, names):
    """Does a row name the file, with some of its folders or none, or a room that it is in?"""
    return any(path == name or path.endswith("/" + name) or (name.endswith("/") and path.startswith(name)) for name in names)


def check_file(path, text, names):
    for name, line, said in locks(text):
        if not said:
            yield f"{path}:{line}: nothing says what {name} is of: a comment behind it, as /* of the pool */"
        if path.split("/")[0] not in UNLISTED and not is_listed(path, names):
            yield f"{path}:{line}: {name}: no row of docs/architecture.md (\"{HEADING}\") names `{path.split('/')[-1]}`"


def check_rows(names, known):
    """A row for a file that is gone; a header or source may be shared without a lock of its own."""
    for name in sorted(names):
        if "." in name.split("/")[-1] and name.endswith((".c", ".h")) and not is_listed_by(name, known):
            yield f"docs/architecture.md: `{name}` is in the table of what is shared and nowhere else"


def is_listed_by(name, known):
    return any(path == name or path.endswith("/" + name) for path in known)


def check(root):
    names = rows((root / "docs/architecture.md").read_text("utf-8"))
    known = [path.relative_to(root).as_posix() for folder in FOLDERS for path in sorted((root / folder).rglob("*.[ch]"))]
    for path in known:
        yield from check_file(path, (root / path).read_text("utf-8"), names)
    yield from check_rows(names, known)


def self_test():
    document = f"{HEADING} (`q.c`):\n\n| a | `b.c`, `room/` | c |\n\n## Other\n`d.c`\n"
    names = rows(document)
    good = "struct a {\n    pthread_mutex_t lock; /* of b */\n    /* two */\n    pthread_mutex_t one;\n    pthread_mutex_t two;\n};\n"
    bad = "static pthread_rwlock_t lock = X;\n\nvoid f(pthread_mutex_t *lock);\n"
    return (names == {"q.c", "b.c", "room/"}
            and list(check_file("x/b.c", good, names)) == [] and list(check_file("room/e.h", good, names)) == []
            and len(list(check_file("x/d.c", good, names))) == 3
            and len(list(check_file("x/d.c", "\n" + bad, names))) == 2 and len(list(check_file("trace/d.c", "\n" + bad, names))) == 1
            and list(check_rows(names, ["x/b.c", "y/q.c"])) == [] and len(list(check_rows(names, ["y/q.c"]))) == 1)


def main():
    problems = list(check(pathlib.Path(sys.argv[1])))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(proved(self_test, main))
