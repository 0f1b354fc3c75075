"""What carries an SSH connection: a TCP socket, a channel through a bastion, or a proxy command (H23, H24, T-26)."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Protocol

from elbroll.transports.children import kill_group
from elbroll.transports.cleaned import cleaned

if TYPE_CHECKING:
    from paramiko import Channel

_STDERR_KEPT = 2048
_LAST_WORDS = 0.5
"""Seconds for a proxy command that is ending to say why, and as many for us to hear it."""


class Carrier(Protocol):
    """A stream of bytes that belongs to one SSH connection."""

    @property
    def sock(self) -> Any:
        """What paramiko reads, writes and closes."""
        ...

    def cut(self) -> None:
        """End all reads and writes at once; from any thread, and without waiting for anybody."""
        ...

    def said(self) -> tuple[str, ...]:
        """What the carrier itself has to say about its end."""
        ...

    def close(self) -> None:
        """Release everything; never raises."""
        ...


class TcpCarrier:
    """A connected TCP socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def cut(self) -> None:
        """Shut down: unlike close, that wakes whoever waits in recv."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def said(self) -> tuple[str, ...]:
        """Nothing: its errors are those of the socket."""
        return ()

    def close(self) -> None:
        """Release the descriptor."""
        self.sock.close()


class ChannelCarrier:
    """A channel through a bastion. The connection to the bastion is not ours to close."""

    def __init__(self, channel: Channel) -> None:
        self.sock = _ChannelSocket(channel)

    def cut(self) -> None:
        """Only marks the end: closing the channel would have to write to a bastion that may be frozen."""
        self.sock.end()

    def said(self) -> tuple[str, ...]:
        """Nothing: the bastion's own connection tells."""
        return ()

    def close(self) -> None:
        """Close the channel."""
        self.sock.end()
        with suppress(Exception):
            self.sock.close()


class _ChannelSocket:
    """A paramiko channel with the few manners of a socket that a paramiko transport wants."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._ended = threading.Event()

    def settimeout(self, seconds: float | None) -> None:
        self._channel.settimeout(seconds)

    def recv(self, most: int) -> bytes:
        return b"" if self._ended.is_set() else self._channel.recv(most)

    def send(self, data: bytes) -> int:
        if self._ended.is_set():
            raise EOFError
        return self._channel.send(data)

    def end(self) -> None:
        self._ended.set()

    def close(self) -> None:
        self._ended.set()
        self._channel.close()

    @property
    def _closed(self) -> bool:
        return self._channel.closed


class ProxyCommand:
    """A child that speaks SSH on a socket pair, so that its death is seen like that of a TCP connection (H23)."""

    def __init__(self, command: str) -> None:
        self.sock, theirs = socket.socketpair()
        with theirs:
            self._child = subprocess.Popen(  # noqa: S603 - the user's own ProxyCommand, which is a shell line
                ("/bin/sh", "-c", f"exec {command}"),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        self._tail = b""
        self._drain = threading.Thread(
            target=self._read_stderr, args=(self._child.stderr,), name="ssh-proxy-stderr", daemon=True
        )
        self._drain.start()

    def cut(self) -> None:
        """End both directions; the child follows with `close`."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def said(self) -> tuple[str, ...]:
        """The end of the child's stderr, and its status if it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(_LAST_WORDS)  # it may still be writing why it ends
            self._drain.join(_LAST_WORDS)
        status = self._child.poll()
        ended = () if status is None else (f"the proxy command ended with {status}",)
        return (*cleaned(self._tail), *ended)

    def close(self) -> None:
        """Kill the child with all it has started, and reap it."""
        self.sock.close()
        kill_group(self._child)
        self._child.wait()
        self._drain.join(1.0)

    def _read_stderr(self, stderr: IO[bytes]) -> None:
        """Drained to the end, or 64 KiB of it would stop the child."""
        with stderr:
            while piece := os.read(stderr.fileno(), 4096):
                self._tail = (self._tail + piece)[-_STDERR_KEPT:]
