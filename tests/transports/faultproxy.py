"""A TCP proxy that misbehaves on command, between a client and a real server (ssh.md 7)."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import Self


class FaultProxy:
    """Passes bytes to `port` of 127.0.0.1 until told otherwise. A context manager; ends with all its threads."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.accepted = 0
        self.refuse_first = 0
        """Connections to be closed unread before the first one is let through."""
        self._flowing = threading.Event()
        self._flowing.set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def freeze(self) -> None:
        """Pass nothing on, but keep all connections."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Pass bytes on again, the held ones first."""
        self._flowing.set()

    def cut(self) -> None:
        """End all connections with FIN."""
        for pair in self._pairs:
            for sock in pair:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """End all connections with RST towards the client."""
        for client, _ in self._pairs:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.shutdown(socket.SHUT_RD)  # else the pump's recv would keep the descriptor from closing
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.thaw()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)
        for pair in self._pairs:
            for sock in pair:
                sock.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.accepted += 1
                if self.accepted <= self.refuse_first or not self._joined(client):
                    client.close()

    def _joined(self, client: socket.socket) -> bool:
        try:
            self._join(client, socket.create_connection(("127.0.0.1", self._to)))
        except OSError:
            return False  # whoever comes next may be luckier
        return True

    def _join(self, client: socket.socket, server: socket.socket) -> None:
        self._pairs.append((client, server))
        for source, sink in ((client, server), (server, client)):
            self._threads.append(threading.Thread(target=self._pump, args=(source, sink)))
            self._threads[-1].start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                self._flowing.wait()
                sink.sendall(piece)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
