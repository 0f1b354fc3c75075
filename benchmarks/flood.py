"""Memory and time while a host prints 200 MB, against plain `ssh` taking the same output from the same server."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from elbroll.demo.settings import PoolPlan, WorldSettings
from elbroll.demo.world import World

MEGABYTES = 200
REACH = 150.0
"""MiB"""
FLOOD = f"head -c {MEGABYTES * 1_000_000} /dev/zero | tr '\\0' 'x' | fold -w 120"


def main() -> None:
    """One `exec` over one host, and the same line over `ssh`."""
    settings = WorldSettings(pools=(PoolPlan(delay=20),))
    with World(2, settings) as world:
        command = [sys.executable, "-m", "elbroll", "exec", "--lb", "demo", "--only", "demo-1", "-q", "--", FLOOD]
        print("elbroll exec        ", *_measured(command, world))
        if shutil.which("ssh"):
            words = [*shlex.split(world.ssh_line(world.hosts[1])), FLOOD]
            print("ssh (no drain at all)", *_measured(words, world))


def _measured(command: list[str], world: World) -> tuple[str, ...]:
    """The peak is read from /proc while it runs: what `wait4` tells includes this process before the exec."""
    began = time.monotonic()
    peak = 0.0
    with subprocess.Popen(
        command, env=dict(world.environment), cwd=world.directory, stdout=subprocess.DEVNULL
    ) as child:
        while child.poll() is None:
            peak = max(peak, _high_water(child.pid))
            time.sleep(0.05)
    took = time.monotonic() - began
    return (
        f"exit {child.returncode}",
        f"{took:6.1f} s",
        f"peak {peak:6.1f} MiB",
        f"ratio {peak / REACH:.2f} of {REACH:.0f}",
    )


def _high_water(pid: int) -> float:
    """MiB; 0 where the process has just gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


if __name__ == "__main__":
    main()
