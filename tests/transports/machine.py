"""What tests of this room want of the machine: keys, ports, and a count of what is open."""

from __future__ import annotations

import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

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
