"""A load balancer that carries real requests to whatever the simulated account says is in service."""

from __future__ import annotations

import http.client
import itertools
import select
import threading
import time
from collections import defaultdict, deque
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, NamedTuple

from elbroll.demo.loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LIMIT = 30.0
"""Seconds that a host may take to answer."""
_TIDY = 0.1
"""Seconds between two looks at idle connections."""


class Target(NamedTuple):
    """Where requests go."""

    address: str
    port: int


class Answer(NamedTuple):
    """What came back, or what the balancer says in its place (502, 503)."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


class _Idle(NamedTuple):
    connection: http.client.HTTPConnection
    since: float


class Balancer:
    """Round robin over `serving`, on keep-alive connections from the nodes' addresses.

    A target that leaves `serving` gets no new request, and requests under way are finished (T8). A host that
    refuses or cuts is a 502, no host at all a 503; nothing is tried twice, so every failure reaches the client.
    """

    def __init__(self, serving: Callable[[], Sequence[Target]], nodes: Sequence[str], keep_alive: float) -> None:
        self._serving = serving
        self._nodes = itertools.cycle(nodes)
        self._keep_alive = keep_alive
        self._turn = itertools.count()
        self._lock = threading.Lock()
        self._idle: defaultdict[Target, deque[_Idle]] = defaultdict(deque)
        self._closing = threading.Event()
        self._front = LoopbackServer(("127.0.0.1", 0), _client_of(self))
        self._threads = [
            threading.Thread(target=self._front.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True),
            threading.Thread(target=self._tidy, daemon=True),
        ]

    @property
    def url(self) -> str:
        """Where clients ask."""
        address, port = self._front.server_address[:2]
        return f"http://{address!s}:{port}"

    @property
    def port(self) -> int:
        """Where clients ask, on 127.0.0.1."""
        return int(self._front.server_address[1])

    def start(self) -> None:
        """Accept requests."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the front and every connection to hosts."""
        self._closing.set()
        if self._threads[0].ident is not None:
            self._front.shutdown()
        for thread in self._threads:
            with suppress(RuntimeError):
                thread.join()
        self._front.server_close()
        self._close_idle(older_than=0.0)

    def carry(self, path: str) -> Answer:
        """One GET, to one host."""
        serving = self._serving()
        if not serving:
            return _own(503)
        target = serving[next(self._turn) % len(serving)]
        connection = self._take(target)
        try:
            connection.request("GET", path, headers={"User-Agent": "demo-traffic"})
            response = connection.getresponse()
            answer = Answer(response.status, response.getheaders(), response.read())
        except (OSError, http.client.HTTPException):
            connection.close()
            return _own(502)
        self._give_back(target, connection)
        return answer

    def _take(self, target: Target) -> http.client.HTTPConnection:
        with self._lock:
            while self._idle[target]:
                connection = self._idle[target].pop().connection
                if _is_alive(connection):
                    return connection
                connection.close()
        return http.client.HTTPConnection(*target, timeout=_LIMIT, source_address=(next(self._nodes), 0))

    def _give_back(self, target: Target, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._idle[target].append(_Idle(connection, time.monotonic()))

    def _tidy(self) -> None:
        while not self._closing.wait(_TIDY):
            self._close_idle(self._keep_alive)

    def _close_idle(self, older_than: float) -> None:
        before = time.monotonic() - older_than
        with self._lock:
            for waiting in self._idle.values():
                while waiting and waiting[0].since <= before:
                    waiting.popleft().connection.close()


def _client_of(balancer: Balancer) -> type[_Client]:
    class Bound(_Client):
        carry = staticmethod(balancer.carry)

    return Bound


def _own(status: int) -> Answer:
    return Answer(status, (), b"from the balancer itself\n")


def _is_alive(connection: http.client.HTTPConnection) -> bool:
    """An idle connection on which something can be read has been closed by the host."""
    return connection.sock is not None and not select.select([connection.sock], [], [], 0)[0]


class _Client(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    carry: Callable[[str], Answer]

    def do_GET(self) -> None:
        answer = self.carry(self.path)
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name.lower() in {"content-type", "x-release"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """The demo's output belongs to elbroll."""
