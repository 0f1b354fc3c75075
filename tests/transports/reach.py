"""Connectors and hosts of a line, for tests of how connections come about."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from elbroll.clock import SystemClock
from elbroll.config.schema import Ssh
from elbroll.model import Host, HostId, InstanceState
from elbroll.transports.connection import Connector, Liveness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from transports.conftest import SshdServer

INSTANCE = "i-0a1b2c3d4e5f60001"
LIMIT, AMPLE = "0.6s", "20s"
"""For what comes to nothing, and for what has to come about on a busy computer too."""
FAST = Liveness(beat=0.1, silence=0.4, tick=0.05)


class HastyClock(SystemClock):
    """The system's clock, on which pauses take no time; `slept` lists them."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Note the pause and return at once."""
        self.slept.append(seconds)


def a_host(name: str = "web-1", address: str = "127.0.0.1", launched: datetime | None = None) -> Host:
    """An instance that is dialled at `address`."""
    return Host(HostId(INSTANCE), name, InstanceState.RUNNING, private_ip=address, launched=launched)


def settings(port: int, key: Path | None, known_hosts: Path, **changes: Any) -> Ssh:
    """`[ssh]` with a demanded key, without ssh_config, and with an ample limit."""
    usual = {
        "port": port,
        "identity_file": str(key) if key else None,
        "config_file": "",
        "known_hosts": (str(known_hosts),),
        "connect_timeout": AMPLE,
    }
    return Ssh.model_validate({**usual, **changes})


def known(folder: Path, server: SshdServer, *names: str) -> Path:
    """A known_hosts file that lists the server, under the instance id unless told otherwise."""
    file = folder / "known_hosts"
    file.write_text(server.known_as(*(names or (INSTANCE,))))
    return file


@contextmanager
def connector(ssh: Ssh, base: Path, **more: Any) -> Iterator[Connector]:
    """A connector that is closed at the end, on a clock without pauses unless given one."""
    made = Connector(ssh, more.pop("clock", None) or HastyClock(), base, **more)
    try:
        yield made
    finally:
        made.close()
