"""The completions of zsh and fish in the shells themselves; bash's is run by tests/tools/check_install.py. Skipped where a shell is not there."""
import os
import pty
import select
import shutil
import signal
import subprocess
import time

import pytest
from conftest import ROOT, TIME

COMPLETIONS = ROOT / "deploy/completions"
# what is typed, and what stands there after Tab, or is among what is offered
CASES = [("noveum-gateway tra", "noveum-gateway traces"), ("noveum-gateway dead ret", "noveum-gateway dead retry"),
         ("noveum-gateway --print-c", "noveum-gateway --print-config"), ("noveum-gateway --set admin.tok", "noveum-gateway --set admin.token=")]


def shell(name):
    if shutil.which(name) is None:
        pytest.skip(f"no {name} on this machine")
    return shutil.which(name)


@pytest.mark.parametrize("typed,completed", CASES)
def test_fish(typed, completed, directory):
    done = subprocess.run([shell("fish"), "--no-config", "-c", f"source {COMPLETIONS}/noveum-gateway.fish; complete -C '{typed}'"], text=True,
                          capture_output=True, timeout=TIME, check=False, env={**os.environ, "HOME": str(directory)})
    offered = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert offered == [completed.rsplit(" ", 1)[1]], done


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, command, environment):
        self.seen = ""
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.execve(command[0], command, environment)

    def type(self, text):
        os.write(self.end, text.encode())

    def wait(self, text):
        """What was shown until `text` was; it is forgotten."""
        deadline = time.monotonic() + TIME
        while text not in self.seen:
            ready, _, _ = select.select([self.end], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{text!r} is not in {self.seen!r}"
            self.seen += os.read(self.end, 4096).decode("utf-8", "replace")
        shown, _, self.seen = self.seen.partition(text)
        return shown

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.end)


@pytest.fixture
def zsh(directory):
    program = shell("zsh")
    shutil.copy(COMPLETIONS / "noveum-gateway.zsh", directory / "_noveum-gateway")
    terminal = Terminal([program, "-f", "-i"], {"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": str(directory), "COLUMNS": "500"})
    terminal.type(f"fpath=({directory} $fpath); autoload -Uz compinit; compinit -u -D; stty columns 500; unsetopt prompt_cr prompt_sp; PS1='rea''dy> '\n")
    terminal.wait("ready> ")
    yield terminal
    terminal.close()


@pytest.mark.parametrize("typed,completed", CASES)
def test_zsh(zsh, typed, completed):
    zsh.type(typed + "\t")
    zsh.wait(completed)
