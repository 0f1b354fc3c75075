"""An SSH server on one loopback address."""

from __future__ import annotations

import contextlib
import socket
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Self

from elbroll.demo.sshd.account import Account, Odd
from elbroll.demo.sshd.keys import key_text, new_key
from elbroll.demo.sshd.line import Gate, Line

if TYPE_CHECKING:
    import paramiko

_DRIP = 0.1
"""Seconds between two bytes of a dripping banner."""
_BUSY = b"Exceeded MaxStartups\r\n"


class SshServer:
    """Serves one account from construction until `close`; no thread, process or descriptor of it is left then.

    `odd` may be assigned at any time and holds for lines opened afterwards.
    """

    def __init__(self, account: Account, address: str = "127.0.0.1", port: int = 0) -> None:
        if not address.startswith("127."):
            raise ValueError(f"{address} is not a loopback address")
        self.account = account
        self.odd: frozenset[Odd] = frozenset()
        self.host_key: paramiko.PKey = new_key()
        self.reached = 0
        """How many connections there have been so far."""
        self._closed = Event()
        self._lock = Lock()
        self._lines: list[Line] = []
        self._mutes: list[Thread] = []
        self._listener = socket.create_server((address, port), backlog=128)
        self.address, self.port = self._listener.getsockname()
        self._accepting = Thread(target=self._accept, name="sshd-accept", daemon=True)
        self._accepting.start()

    @property
    def known_host(self) -> str:
        """Type and base64 of the host key, as in known_hosts after the host's name."""
        return key_text(self.host_key)

    @property
    def lines(self) -> int:
        """Clients that are connected now."""
        with self._lock:
            return sum(line.is_alive() for line in self._lines)

    def change_key(self) -> None:
        """Another host key from the next line on, as after a reinstallation."""
        self.host_key = new_key()

    def cut(self) -> None:
        """Close the lines of all clients; their commands live on."""
        for line in self._current():
            line.close()

    def close(self) -> None:
        """End everything. Processes that left the group of their command are not found here."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        for line in self._current():
            line.end()
        for mute in self._mutes:
            mute.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _current(self) -> list[Line]:
        with self._lock:
            return list(self._lines)

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                connected, _ = self._listener.accept()
            except OSError:
                continue
            self._welcome(connected)

    def _welcome(self, connected: socket.socket) -> None:
        self.reached += 1
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.odd & {Odd.SILENT, Odd.BUSY, Odd.DRIPPING_BANNER}:
            self._mutes.append(
                Thread(target=self._stay_mute, args=(connected, self.odd), name="sshd-mute", daemon=True)
            )
            self._mutes[-1].start()
            return
        line = Line(connected, self.host_key, Gate(self.account, self.odd))
        with self._lock:
            self._lines = [one for one in self._lines if not one.over] + [line]
        line.open()

    def _stay_mute(self, connected: socket.socket, odd: frozenset[Odd]) -> None:
        """Never reach the banner."""
        with connected, contextlib.suppress(OSError):
            if Odd.BUSY in odd:
                _say_and_leave(connected, _BUSY)
            while Odd.BUSY not in odd and not self._closed.wait(_DRIP):
                connected.sendall(b"S" if Odd.DRIPPING_BANNER in odd else b"")


def _say_and_leave(connected: socket.socket, text: bytes) -> None:
    """Close only after the client has: unread bytes of its own would make the kernel drop ours."""
    connected.settimeout(1.0)
    connected.sendall(text)
    connected.shutdown(socket.SHUT_WR)
    while connected.recv(4096):
        pass
