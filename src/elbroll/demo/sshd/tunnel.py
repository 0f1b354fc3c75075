"""direct-tcpip: a client's connection to a port of its host, never to anything but loopback."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from threading import Thread
from typing import TYPE_CHECKING

from paramiko.common import (
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_FAILED_CONNECT_FAILED,
    OPEN_SUCCEEDED,
)

from elbroll.demo.sshd.pumps import GONE, close_quietly

if TYPE_CHECKING:
    from collections.abc import Callable

    import paramiko

_CHUNK = 32768
_CONNECT_LIMIT = 0.2
"""Seconds. Loopback answers at once; only a full queue makes it wait, and the transport's thread waits with it."""


def dial(address: str, port: int) -> tuple[int, socket.socket | None]:
    """Connect to a loopback address: the answer to the client's open request, and the socket if that is yes."""
    if not _is_loopback(address):
        return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED, None
    try:
        # from the same address, as on a host of its own: the kernel would take 127.0.0.1 for every 127.x.y.z
        connected = socket.create_connection((address, port), timeout=_CONNECT_LIMIT, source_address=(address, 0))
    except (OSError, OverflowError):
        return OPEN_FAILED_CONNECT_FAILED, None
    connected.settimeout(None)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return OPEN_SUCCEEDED, connected


def _is_loopback(address: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(address).is_loopback
    return address == "localhost"


class Tunnel:
    """Carries both directions; the end of one is passed on and leaves the other open."""

    def __init__(self, channel: paramiko.Channel, connected: socket.socket) -> None:
        self._channel = channel
        self._socket = connected

    def run(self) -> None:
        """Until both directions have ended."""
        back = Thread(target=self._from_host, name="sshd-tunnel-back", daemon=True)
        back.start()
        self._to_host()
        back.join()
        self._socket.close()
        close_quietly(self._channel)

    def end(self) -> None:
        """Cut both directions."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _to_host(self) -> None:
        _carry(self._channel.recv, self._socket.sendall, lambda: self._socket.shutdown(socket.SHUT_WR))
        if self._channel.closed:
            self.end()

    def _from_host(self) -> None:
        _carry(self._socket.recv, self._channel.sendall, self._channel.shutdown_write)


def _carry(read: Callable[[int], bytes], send: Callable[[bytes], object], close: Callable[[], object]) -> None:
    with contextlib.suppress(*GONE):
        while data := read(_CHUNK):
            send(data)
    with contextlib.suppress(*GONE):
        close()
