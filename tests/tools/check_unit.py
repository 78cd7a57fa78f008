#!/usr/bin/env python3
"""deploy/noveum-gateway.service and .socket are ones that systemd takes, finds hardened, and fit the program's defaults
and the example of its configuration
(arguments: source folder, build folder). Without systemd-analyze only the last is looked at, and said so."""
import pathlib
import re
import shutil
import subprocess
import sys

EXPOSURE_MAX = 2.0  # of 10, as `systemd-analyze security` counts
ROOT = pathlib.Path(sys.argv[1])
UNIT = ROOT / "deploy" / "noveum-gateway.service"
SOCKET = UNIT.with_suffix(".socket")


def problems():
    """One text each."""
    text = UNIT.read_text("utf-8")
    settings = dict(re.findall(r"^(\w+)=(.*)$", text, re.M))
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    deadline = re.search(r"^\| `stop\.deadline_ms` \| [^|]* \| `?(\d+)", page, re.M)
    if not deadline or int(settings["TimeoutStopSec"]) * 1000 <= int(deadline.group(1)):
        yield "TimeoutStopSec is not longer than stop.deadline_ms, or that is not in docs/configuration.md"
    bound = re.findall(r"^ListenStream=(.*)$", SOCKET.read_text("utf-8"), re.M)
    example = (ROOT / "configs" / "gateway.yaml").read_text("utf-8").split("\nadmin:")[0]
    wanted = re.findall(r"^ +listen: (\S+)", example, re.M)
    if len(wanted) != 2 or sorted(bound) != sorted(wanted):
        yield f"the socket unit listens on {bound}, receiver.*.listen of configs/gateway.yaml is {wanted}"
    if not shutil.which("systemd-analyze"):
        print("systemd-analyze is not there: the unit was not read by systemd")
        return
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", str(UNIT)], capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    if not found:
        print("systemd-analyze has no offline mode here:", done.stderr.strip()[:200])
    elif float(found.group(1)) > EXPOSURE_MAX:
        yield f"exposure level {found.group(1)}, at most {EXPOSURE_MAX}"
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(UNIT), str(SOCKET)], capture_output=True, text=True, timeout=60, check=False)
    for line in done.stderr.splitlines():
        if (UNIT.name in line or SOCKET.name in line) and "is not executable" not in line:
            yield line


wrong = list(problems())
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
