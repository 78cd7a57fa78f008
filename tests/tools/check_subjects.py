#!/usr/bin/env python3
"""Subjects of commits are `area: imperative`, at most 72 columns, no full stop (CONTRIBUTING.md, "Commits").

Looked at is what came after the commit that brought this check: older subjects cannot be mended. Where there is no
history (an archive, another's checkout) nothing is looked at. A verb that is missing below is a line to add.

usage: check_subjects.py SOURCE_DIR [BUILD_DIR]        check_subjects.py --self-test
"""
import pathlib
import re
import subprocess
import sys
from proved import proved

COLUMNS = 72
AREA = re.compile(r"[a-z0-9_.-]+(?:[/,] ?[a-z0-9_.-]+)*: (?=\S)")
VERBS = set("""
abort accept account add adjust admit adopt align allocate allow amend announce answer append apply ask assert attach avoid
balance batch begin believe bind bound break bring build bump bury cache call cancel cap capture carry catch change charge
check choose clamp claim clarify clean clear close collapse collect combine commit compare compile complete compress compute
connect consume continue convert copy correct count cover create cross cut deal decide declare decode decompress default defer
define delay delete deliver deny derive describe detect disable disallow discard distinguish divide do document double drain
draw drive drop dump emit empty enable encode end enforce ensure escape evict exclude expand expect explain export expose
extend extract fail fall fetch fill filter find finish fix flag flatten flush fold follow forbid force forget format free
freeze gather generate get give grade grow guard guess halve handle hand hash help hide hold honour ignore import improve
include increase infer inflate inform init inject inline insert inspect install interrupt introduce invert isolate join judge
keep kill know label land lay learn leave let lift limit link list listen load lock log look lower make map mark mask match
measure meet mend merge mirror model mount move mute name narrow normalise note notice number obey observe offer omit open
order override own pace pack parse pass pause pin place plan point poll post prefer prepare price print probe profile prove
publish pull push put quote raise rank reach read rebuild recognise record recover redact reduce refuse regenerate register
reject relax release reload remember remove rename reopen reorder repair repeat replace replay reply report require reserve
reset reshape resolve restart restore restrict retry return reuse revert review revise rewrite rise roll round route run
sample say scan schedule search secure see seed select send separate serve set settle shape share shift shorten show shrink
shut sign simplify skip slice soften sort span spare speak specify spell spill split spread stamp start state stay step stop
store stream stretch strip submit support swap switch sync take tell terminate test throttle tidy tie time tolerate trace
track translate treat trim trust try turn type unescape unify unite untie update upgrade use validate verify wait wake walk
warn watch weigh widen wipe wire work wrap write yield
""".split())


def problems(subject):
    """What is wrong with a subject, one text each."""
    area = AREA.match(subject)
    if not area:
        yield "no `area: ` in front"
        return
    if len(subject) > COLUMNS:
        yield f"{len(subject)} columns, at most {COLUMNS}"
    if subject.endswith("."):
        yield "ends with a full stop"
    word = re.match(r"[\w'-]*", subject[area.end():]).group(0)
    if word not in VERBS:
        yield f"`{word}` is no imperative that tests/tools/check_subjects.py knows"


def git(root, *arguments):
    """Lines of what git says; none when it fails or is not there."""
    try:
        done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def subjects(root):
    """(commit, subject) of what came after the commit that brought this file."""
    name = pathlib.Path(__file__).resolve()
    brought = git(root, "log", "--diff-filter=A", "--format=%H", "--", str(name))
    if not brought or git(root, "rev-parse", "--show-toplevel") != [str(pathlib.Path(root).resolve())]:
        return []
    return [line.split(" ", 1) for line in git(root, "log", "--no-merges", "--format=%h %s", f"{brought[-1]}..HEAD")]


def self_test():
    good = ["net: answer 100-continue once", "base, net: say what is full", "otlp/http: refuse two lengths", ".ci: run twice"]
    bad = ["no area", "net answer", "Net: answer", "net: answers", "net: the answer", "net: answer.", "net: ", "net: Answer", "net: answer " + "y" * 61]
    return not any(list(problems(s)) for s in good) and all(list(problems(s)) for s in bad) and \
        list(problems("x: do " + "y" * 66)) == [] and list(problems("x: do " + "y" * 67)) != []


def main():
    found = 0
    for commit, subject in subjects(sys.argv[1]):
        for problem in problems(subject):
            print(f"{commit} {subject}: {problem}")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(proved(self_test, main))
