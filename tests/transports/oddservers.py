"""Servers of a few lines that speak TCP but no SSH, or stop in the middle of it."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable


class OddServer:
    """Gives each connection to `behave`, then closes it. A context manager; counts its callers."""

    def __init__(self, behave: Callable[[socket.socket, threading.Event], None]) -> None:
        self._behave = behave
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.accepted = 0
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.accepted += 1
                self._threads.append(threading.Thread(target=self._serve, args=(client,)))
                self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            self._behave(client, self._over)


def silent(_: socket.socket, over: threading.Event) -> None:
    """Take the connection and say nothing."""
    over.wait(20)


def dripping(client: socket.socket, over: threading.Event) -> None:
    """Send a greeting without an end, a byte at a time, so that no limit on a single read is ever reached."""
    while not over.wait(0.05):
        client.sendall(b"x")


def flooding(client: socket.socket, over: threading.Event) -> None:
    """Send text for ever, without a banner."""
    while not over.is_set():
        client.sendall(b"welcome " * 1000)


def saying(text: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Send a text and hang up."""

    def say(client: socket.socket, _: threading.Event) -> None:
        client.sendall(text)
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass

    return say


def banner_then_silent(client: socket.socket, over: threading.Event) -> None:
    """Send a banner and nothing more."""
    client.sendall(b"SSH-2.0-Odd\r\n")
    over.wait(20)


def resetting(client: socket.socket, _: threading.Event) -> None:
    """End with RST."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def offering(kex: bytes, host_keys: bytes, ciphers: bytes, macs: bytes) -> Callable[..., None]:
    """Send a banner and a first message that offers only these algorithms."""

    def offer(client: socket.socket, over: threading.Event) -> None:
        lists = (kex, host_keys, ciphers, ciphers, macs, macs, b"none", b"none", b"", b"")
        payload = b"\x14" + bytes(16) + b"".join(struct.pack(">I", len(names)) + names for names in lists) + bytes(5)
        padding = 8 - (5 + len(payload)) % 8 + 8
        packet = struct.pack(">IB", 1 + len(payload) + padding, padding) + payload + bytes(padding)
        client.sendall(b"SSH-2.0-Old\r\n" + packet)
        over.wait(20)

    return offer
