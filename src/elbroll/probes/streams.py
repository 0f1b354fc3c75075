"""A tunnel's stream as something `http.client` can use, with one limit for all of it, plain or encrypted."""

from __future__ import annotations

import io
import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elbroll.engine.ports import Clock
    from elbroll.probes.line import Stream

_PIECE = 16 * 1024
MOST = 1024 * 1024
"""Bytes of one answer, its head and all framing included; `http.client` alone would read on in some of them."""


class TooMuch(ValueError):
    """The app sends without end."""


class Limited:
    """A stream whose every call ends by one deadline, and which ends itself after 1 MiB. As much of a socket as
    `http.client` needs."""

    def __init__(self, stream: Stream, clock: Clock, deadline: float) -> None:
        self._stream = stream
        self._clock = clock
        self._deadline = deadline
        self._taken = 0
        self.ended = False
        """Whether somebody has read up to the end of what the app sends."""

    def recv(self, size: int) -> bytes:
        """Raises TimeoutError, OSError, TooMuch."""
        self._hurry()
        data = self._stream.recv(size)
        self._taken += len(data)
        self.ended = self.ended or not data
        if self._taken > MOST:
            raise TooMuch
        return data

    def sendall(self, data: bytes) -> None:
        """Raises TimeoutError, OSError."""
        self._hurry()
        self._stream.sendall(data)

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """What the answer is read from."""
        return io.BufferedReader(_Reader(self))

    def _hurry(self) -> None:
        left = self._deadline - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError
        self._stream.settimeout(left)


class Encrypted(Limited):
    """TLS over a stream that is no socket (so `wrap_socket` will not do); unverified, as the balancers do it."""

    def __init__(self, stream: Stream, clock: Clock, deadline: float) -> None:
        super().__init__(stream, clock, deadline)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._tls = context.wrap_bio(self._incoming, self._outgoing)

    def shake_hands(self) -> None:
        """Raises ssl.SSLError, TimeoutError, OSError."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._exchange()
            else:
                self._flush()
                return

    def recv(self, size: int) -> bytes:
        """Raises ssl.SSLError, TimeoutError, OSError."""
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                self._exchange()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                self.ended = True
                return b""

    def sendall(self, data: bytes) -> None:
        """Raises ssl.SSLError, TimeoutError, OSError."""
        self._tls.write(data)
        self._flush()

    def _exchange(self) -> None:
        self._flush()
        data = super().recv(_PIECE)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _flush(self) -> None:
        if self._outgoing.pending:
            super().sendall(self._outgoing.read())


class _Reader(io.RawIOBase):
    def __init__(self, stream: Limited) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)
