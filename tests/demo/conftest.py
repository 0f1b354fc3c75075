"""A demo host's SSH server, and clients for it."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

import paramiko
import pytest

from demo.eventual import eventually
from elbroll.demo.sshd.account import Account
from elbroll.demo.sshd.keys import new_key
from elbroll.demo.sshd.server import SshServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def account(tmp_path: Path) -> Account:
    """The login `demo`, at home in a directory of its own."""
    home = tmp_path / "home"
    home.mkdir()
    return Account("demo", new_key(), home, {"HOME": str(home), "PATH": os.environ["PATH"], "GREETING": "hello"})


@pytest.fixture
def server(account: Account) -> Iterator[SshServer]:
    with SshServer(account) as running:
        yield running


@pytest.fixture
def connect(server: SshServer) -> Iterator[Callable[[], paramiko.Transport]]:
    """Opens logged-in connections; all are closed at the end."""
    opened: list[paramiko.Transport] = []

    def open_one() -> paramiko.Transport:
        opened.append(paramiko.Transport(socket.create_connection((server.address, server.port))))
        opened[-1].connect(hostkey=server.host_key, username="demo", pkey=server.account.key)
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def same_threads_afterwards() -> Iterator[None]:
    """Ask for it before the things that start threads."""
    before = threading.active_count()
    yield
    eventually(lambda: threading.active_count() <= before)
