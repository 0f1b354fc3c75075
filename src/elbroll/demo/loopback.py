"""Ports and servers on loopback addresses."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from http.server import ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Sequence


class LoopbackServer(ThreadingHTTPServer):
    """An HTTP server whose start asks no name service and whose broken clients make no noise."""

    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        """Bind only: the library would look up a name for the address."""
        TCPServer.server_bind(self)

    def handle_error(self, *_: object) -> None:
        """A client that went away is nobody's business."""


def free_port(addresses: Sequence[str], but: Container[int] = ()) -> int:
    """A port that was free a moment ago on every one of these addresses; none that is promised to others."""
    while True:
        with ExitStack() as held, socket.create_server((addresses[0], 0)) as first:
            port = int(first.getsockname()[1])
            if port in but:
                continue
            try:
                for address in addresses[1:]:
                    held.enter_context(socket.create_server((address, port)))
            except OSError:
                continue
            return port
