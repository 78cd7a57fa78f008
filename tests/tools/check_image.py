#!/usr/bin/env python3
"""deploy/Dockerfile's last stage and deploy/Dockerfile.host configure the image alike, with the version of CMakeLists.txt.

usage: check_image.py SOURCE_DIR [BUILD_DIR]
"""
import pathlib
import re
import sys


def settings(path):
    """The last stage's instructions that are not copies, continuation lines joined."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    stage = text[text.rindex("FROM scratch"):]
    lines = [" ".join(line.split()) for line in stage.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "COPY", "FROM"))]


def main():
    deploy = pathlib.Path(sys.argv[1]) / "deploy"
    one, other = settings(deploy / "Dockerfile"), settings(deploy / "Dockerfile.host")
    version = re.search(r"^project\(.* VERSION ([0-9.]+)", (deploy.parent / "CMakeLists.txt").read_text("utf-8"), re.M)[1]
    if f'image.version="{version}"' not in " ".join(one):
        print(f"deploy/Dockerfile: label org.opencontainers.image.version is not {version}")
        return 1
    if one == other:
        return 0
    print("deploy/Dockerfile and deploy/Dockerfile.host differ:")
    for line in sorted(set(one) ^ set(other)):
        print(" ", line)
    return 1


if __name__ == "__main__":
    sys.exit(main())
