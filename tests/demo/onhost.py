"""Commands on the hosts of a world, by the machine's own `ssh`."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from elbroll.demo.service import AppSettings

if TYPE_CHECKING:
    from elbroll.demo.host import DemoHost
    from elbroll.demo.world import World

QUICK = AppSettings(start_up=0.3, latency=0.01)


def on(world: World, host: DemoHost, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a host by the machine's own `ssh`, strict about host keys."""
    if shutil.which("ssh") is None:
        pytest.skip("no OpenSSH client here")
    options = ["-F", "none", "-i", world.directory / "key", "-p", str(host.sshd.port), "-o", "BatchMode=yes"]
    options += ["-o", f"UserKnownHostsFile={world.directory}/known_hosts", "-o", "IdentitiesOnly=yes"]
    words = ["ssh", *options, f"demo@{host.address}", command]
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
