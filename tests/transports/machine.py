"""What tests of this room want of the machine: keys, ports, and a count of what is open."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NEEDED = 20
"""Seconds after which a program that does not answer is a fault of the machine."""


def make_key(path: Path, kind: str = "ed25519", *options: str) -> Path:
    """A key pair made by ssh-keygen, without a passphrase unless `options` give one."""
    passphrase = () if "-N" in options else ("-N", "")
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-C", "test", "-f", path, *passphrase, *options], check=True, timeout=NEEDED
    )
    return path


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def taken_port() -> Iterator[int]:
    """A port of 127.0.0.1 that is taken by a socket that does not listen: whoever connects is refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextmanager
def ssh_agent(path: Path, *keys: Path) -> Iterator[str]:
    """A running ssh-agent that listens at `path` and holds these keys."""
    with subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for_listener(path)
            for key in keys:
                environment = {**os.environ, "SSH_AUTH_SOCK": str(path)}
                subprocess.run(["ssh-add", "-q", key], env=environment, check=True, timeout=NEEDED)
            yield str(path)
        finally:
            process.kill()


def _wait_for_listener(path: Path) -> None:
    deadline = time.monotonic() + NEEDED
    while time.monotonic() < deadline:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
            return
        time.sleep(0.01)


def threads() -> list[str]:
    """Names of the threads that run now."""
    return sorted(thread.name for thread in threading.enumerate())


def descriptors() -> list[str]:
    """What this process has open now."""
    found = []
    for number in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(number.readlink()))
    return sorted(found)
