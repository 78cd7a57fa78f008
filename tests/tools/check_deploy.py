#!/usr/bin/env python3
"""Every variable that files below deploy/ set for the gateway is one that it reads.

usage: check_deploy.py SOURCE_DIR [BUILD_DIR]

Names are those of docs/configuration.md, which is made from the option table: NOVEUM_GATEWAY_ and the key, or a variable of Noveum's
SDK. A name with a placeholder of the chart in it ({{ $port }}) must fit at least one.
"""
import pathlib
import re
import sys

SUFFIXES = {".yaml", ".yml", ".tpl", ".json", ".toml", ".hcl", ".service"}
NAME = re.compile(r"\bNOVEUM_(?:[A-Z0-9_]|\{\{[^}]*\}\})+")


def known(root):
    """Every variable that the gateway reads."""
    names = set()
    for line in (root / "docs/configuration.md").read_text("utf-8").splitlines():
        row = re.match(r"\| `([a-z][a-z0-9_.]*)` \|", line)
        if row:
            names.add("NOVEUM_GATEWAY_" + row[1].upper().replace(".", "_"))
            names |= set(re.findall(r"`(NOVEUM_[A-Z0-9_]+)`", line))
    return names


def unknown(text, names):
    """Names of `text` that fit none."""
    for name in sorted(set(NAME.findall(text))):
        pattern = "[A-Z0-9_]+".join(re.escape(part) for part in re.split(r"\{\{[^}]*\}\}", name))
        if not any(re.fullmatch(pattern, one) for one in names):
            yield name


def main():
    """Command line."""
    root = pathlib.Path(sys.argv[1])
    names = known(root)
    files = [path for path in (root / "deploy").rglob("*") if path.suffix in SUFFIXES or path.name.startswith("Dockerfile")]
    bad = [f"{path.relative_to(root)}: {name} is no variable of the gateway (docs/configuration.md)"
           for path in sorted(files) for name in unknown(path.read_text("utf-8"), names)]
    if not names or not files or not list(unknown("NOVEUM_GATEWAY_NO_SUCH_KEY", names)):
        bad.append("this check finds nothing any more")
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
