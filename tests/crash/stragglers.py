"""Requests that are still under way when a host leaves: what a deploy must wait for (I-5, F-32)."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elbroll.demo.host import DemoHost
    from elbroll.demo.world import World

_LOOK = 0.02


class Stragglers:
    """One request that never ends to each serving host, by its first pool, from a node of the balancer.

    It goes on for a while when the host has left that pool. Up within its `with`.
    """

    def __init__(self, world: World) -> None:
        self.linger = 0.5
        """Seconds that a request goes on after its host has begun to drain."""
        self._world = world
        self._plan, self._pool = next(iter(world.pools.items()))
        self._open: dict[str, socket.socket] = {}
        self._left: dict[str, float] = {}
        self._ended: dict[str, float] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Stragglers:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        for line in self._open.values():
            line.close()

    def quiet_for(self, host: DemoHost) -> float:
        """Seconds since the last request to the host has ended; 0 while one is under way."""
        with self._lock:
            if host.instance in self._open:
                return 0.0
            return self._now() - self._ended.get(host.instance, 0.0)

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK):
            self._look()

    def _look(self) -> None:
        serving = {target for target, _ in self._world.simulation.serving(self._pool.id)}
        for host in self._world.hosts:
            with self._lock:
                self._tend(host, host.instance in serving)

    def _tend(self, host: DemoHost, serves: bool) -> None:
        line = self._open.get(host.instance)
        if line is not None and select.select([line], [], [], 0)[0]:
            self._end(host)  # the app itself has ended
        elif line is not None and not serves:
            since = self._left.setdefault(host.instance, self._now())
            if self._now() - since >= self.linger:
                self._end(host)
        elif line is None and serves:
            self._begin(host)

    def _begin(self, host: DemoHost) -> None:
        self._left.pop(host.instance, None)
        with suppress(OSError):
            to = (host.address, host.place.ports[self._plan])
            line = socket.create_connection(to, timeout=1.0, source_address=(self._pool.nodes[0], 0))
            line.sendall(b"GET / HTTP/1.1\r\n")  # and the rest never comes
            self._open[host.instance] = line

    def _end(self, host: DemoHost) -> None:
        self._ended[host.instance] = self._now()  # noted first: a pause of this computer is no request
        self._open.pop(host.instance).close()

    def _now(self) -> float:
        return self._world.simulation.clock.monotonic()
