"""One host of the demo: an address on loopback with a home, an SSH server and an app."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from elbroll.demo.service import AppSettings, Service
from elbroll.demo.sshd.account import Account
from elbroll.demo.sshd.server import SshServer
from elbroll.demo.sweeper import MARK

if TYPE_CHECKING:
    from collections.abc import Mapping

    import paramiko

    from elbroll.demo.app import Break

_TOOLS = Path(__file__).parent / "bin"
STAND_INS = ("ss", "setsid")
"""Programs that elbroll needs on a host and that a small container may lack."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a host stands."""

    name: str
    zone: str
    address: str
    ports: Mapping[str, int]
    """One for each pool, by the pool's name; all served by the same app."""
    home: Path


class DemoHost:
    """Up between `start` and `stop`."""

    def __init__(self, place: Place, key: paramiko.PKey, mark: str, app: AppSettings) -> None:
        self.place = place
        self.name = place.name
        self.address = place.address
        self.instance = ""
        """The instance id, once the account has one for it."""
        self._down = ExitStack()
        environment = _environment(place, mark)
        self.account = Account("demo", key, place.home, environment)
        self.service = Service(place.home, place.address, tuple(place.ports.values()), environment, app)
        self._sshd: SshServer | None = None

    @property
    def sshd(self) -> SshServer:
        """The running server, whose `odd` a test may set."""
        if self._sshd is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._sshd

    @property
    def console(self) -> str:
        """What the machine printed when it first booted: its host keys, as cloud-init prints them (aws.md E2)."""
        key = f"{self.sshd.known_host} root@{self.name}"
        keys = ("-----BEGIN SSH HOST KEY KEYS-----", key, "-----END SSH HOST KEY KEYS-----")
        return "".join(f"{line}\r\n" for line in (f"{self.name} login: cloud-init finished", *keys))

    @property
    def release(self) -> str:
        """What the host would start now."""
        return (self.place.home / "RELEASE").read_text().strip()

    def furnish(self, release: str, ssh_port: int) -> None:
        """Make the home and take the SSH port. Raises OSError when the port is taken."""
        (self.place.home / "bin").mkdir(parents=True, exist_ok=True)
        (self.place.home / "RELEASE").write_text(f"{release}\n")
        for tool, source in _tools().items():
            shutil.copy2(_TOOLS / source, self.place.home / "bin" / tool)
            (self.place.home / "bin" / tool).chmod(0o755)
        self._sshd = SshServer(self.account, self.address, ssh_port)
        self._down.callback(self._sshd.close)

    def start(self) -> None:
        """Start the app; answers before it listens."""
        self._down.callback(self.service.stop)
        self.service.start()

    def stop(self) -> None:
        """End app and SSH server, whatever was started of them."""
        self._down.close()

    def break_release(self, release: str, stage: Break) -> None:
        """From now on this release is broken on this host."""
        with (self.place.home / "broken").open("a") as listed:
            listed.write(f"{release} {stage}\n")


def _tools() -> dict[str, str]:
    """What a host has in its own `bin`, and the program behind each name."""
    missing = {name: name for name in STAND_INS if shutil.which(name) is None}
    return {"web-ctl": "web-ctl", "ss": "ss-here", **missing}


def _environment(place: Place, mark: str) -> dict[str, str]:
    """All that a process of the host knows; nothing of the user's."""
    return {
        "HOME": str(place.home),
        "PATH": f"{place.home}/bin:{os.environ.get('PATH', os.defpath)}",
        "LANG": "C.UTF-8",
        "USER": "demo",
        "LOGNAME": "demo",
        "SHELL": "/bin/sh",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "ELBROLL_DEMO_HOST": place.name,
        "ELBROLL_DEMO_ADDRESS": place.address,
        "ELBROLL_DEMO_PYTHON": sys.executable,
        MARK: mark,
    }
