#!/usr/bin/env python3
"""What is installed is whole, complete for its shells and readers, and is removed again
(arguments: source folder, build folder)."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT, BUILD = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
WANTED = ["bin/noveum-gateway", "share/man/man1/noveum-gateway.1", "share/man/man5/noveum-gateway.5", "share/doc/noveum-gateway/gateway.yaml",
          "share/bash-completion/completions/noveum-gateway", "share/zsh/site-functions/_noveum-gateway",
          "share/fish/vendor_completions.d/noveum-gateway.fish", "lib/systemd/system/noveum-gateway.socket",
          "lib/sysusers.d/noveum-gateway.conf", "lib/systemd/system/noveum-gateway.service"]
COMPLETIONS = [("noveum-gateway ''", "doctor"), ("noveum-gateway --pr", "--print-config"), ("noveum-gateway dead re", "retry"),
               ("noveum-gateway --set journal.dur", "journal.durability=")]


def run(*command, **options):
    """Text and status of a command."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)
    return done.stdout + done.stderr, done.returncode


def manuals():
    """Are they what the program says, and do man and mandoc read them without a warning?"""
    out, code = run(sys.executable, str(ROOT / "tools" / "make-manuals.py"), str(BUILD / "noveum-gateway"), "--check")
    if code != 0:
        yield out
    for page in sorted((ROOT / "docs" / "man").iterdir()):
        if shutil.which("groff"):
            out, _ = run("groff", "-man", "-Tutf8", "-ww", "-z", str(page))
            if out.strip():
                yield f"{page}: {out}"
        if shutil.which("mandoc"):
            out, _ = run("mandoc", "-Tlint", "-Wwarning", str(page))
            if out.strip():
                yield out


def completed(line):
    """What bash offers for a line."""
    words = line.replace("''", "").split(" ")
    script = (f"source '{ROOT}/deploy/completions/noveum-gateway.bash'; COMP_WORDS=({' '.join(w or chr(39) * 2 for w in words)}); "
              f"COMP_CWORD={len(words) - 1}; compopt() {{ :; }}; _noveum_gateway; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    return run("bash", "-c", script)[0].split()


def installed(directory):
    """Everything is where it belongs, and gone after `uninstall`."""
    environment = {**os.environ, "DESTDIR": directory}
    out, code = run("cmake", "--install", str(BUILD), "--prefix", "/usr", env=environment)
    if code != 0:
        yield out
        return
    top = pathlib.Path(directory) / "usr"
    for name in WANTED:
        if not (top / name).is_file():
            yield f"{name} was not installed"
    unit = (top / WANTED[-1]).read_text("utf-8")
    if "ExecStart=/usr/bin/noveum-gateway " not in unit:
        yield "the unit does not start the program that was installed"
    for name in ("noveum", "noveum-trace"):
        if "prefix=/usr\n" not in next(top.rglob(f"{name}.pc")).read_text("utf-8"):
            yield f"{name}.pc does not name the prefix that was installed to"
    out, code = run("cmake", "-P", str(ROOT / "cmake" / "uninstall.cmake"), cwd=BUILD, env=environment)
    left = [str(p) for p in pathlib.Path(directory).rglob("*") if p.is_file()]
    if code != 0 or left:
        yield f"left behind: {left} {out if code else ''}"


def main():
    """Command line."""
    wrong = list(manuals())
    for line, word in COMPLETIONS:
        if word not in completed(line):
            wrong.append(f"bash does not complete `{line}` with `{word}`: {completed(line)[:9]}")
    with tempfile.TemporaryDirectory() as directory:
        wrong += installed(directory)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
