"""Ends what a world has left on this machine, whatever became of the world: `python -m elbroll.demo.sweeper`.

Every process of a world carries a mark in its environment that no other process has. The sweeper waits until its
standard input ends (the world has closed it, or was killed), kills what still carries the mark, and removes the
world's directory. Processes are found only where there is a /proc; elsewhere the world ends its process groups,
and the apps notice by themselves.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

MARK = "ELBROLL_DEMO_WORLD"
_ROUNDS = 20
_PAUSE = 0.05


def sweep(mark: str) -> None:
    """Kill every process with this mark except our own, again and again until none is left (for 1 s at most)."""
    for _ in range(_ROUNDS):
        found = _marked(f"{MARK}={mark}".encode())
        for process in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        if not found:
            return
        time.sleep(_PAUSE)


class Sweeper:
    """A process that outlives us only to sweep."""

    def __init__(self, mark: str, directory: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603 -- our own program
            [sys.executable, "-m", "elbroll.demo.sweeper", mark, str(directory)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def close(self) -> None:
        """Have it sweep now; returns when it has ended."""
        with self._process:
            self._process.communicate()


def main() -> None:
    """Wait for the end of standard input, then sweep."""
    mark, directory = sys.argv[1:]
    sys.stdin.buffer.read()
    sweep(mark)
    shutil.rmtree(directory, ignore_errors=True)


def _marked(entry: bytes) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(folder.name) != os.getpid() and entry in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


if __name__ == "__main__":
    main()
