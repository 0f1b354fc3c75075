"""Hears from the hosts themselves when a command begins and ends there, and when somebody asks for the release."""

from __future__ import annotations

import http.client
import json
import math
import shlex
import socketserver
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.demo.host import DemoHost
    from elbroll.demo.world import World

ASKING = frozenset({"look", "ask"})
NOTHING = "nothing"
"""What an app says that does not answer."""
_RING = Path(__file__).with_name("ring.py")


@dataclass(frozen=True, slots=True)
class Rang:
    """A host has rung. `at` is the monotonic clock of the account's time line."""

    at: float
    word: str
    """`begin` or `end` of a command on an idle host; `look`: elbroll asks whether it is well; `ask`: which release."""
    host: str
    """Instance id."""
    release: str
    """What the command shall deploy; for `look` and `ask` what truly answers there."""
    registered: frozenset[str]
    """Pools in which the host was registered at that moment."""
    rivals: int
    """Other such commands alive on the host."""
    seen: int
    """How many entries the time line had."""
    quiet: float
    """Seconds since the last request to the host has ended."""


class Bell:
    """Open within its `with`; the world is given later, since the world's commands contain our port."""

    def __init__(self) -> None:
        self.world: World
        self.rung: list[Rang] = []
        self.quiet_for: Callable[[DemoHost], float] = lambda _: math.inf
        self.on_ring: Callable[[str], None] = lambda _: None
        """Called while the host waits."""
        self._alive: dict[str, set[tuple[int, str]]] = {}
        self._lock = threading.Lock()
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def deploy(self) -> str:
        """A deploy command that rings at both ends, in the middle of its work."""
        return self._work('"$ELBROLL_RELEASE"', 'web-ctl deploy "$ELBROLL_RELEASE"')

    @property
    def rollback(self) -> str:
        """A command that brings back the release that the host's file `before` names."""
        return self._work('"$(cat before)"', 'web-ctl deploy "$(cat before)"')

    @property
    def chore(self) -> str:
        """A command that leaves the release alone."""
        return self._work('""', "web-ctl restart")

    @property
    def look(self) -> str:
        """A command that is well if the app answers at all."""
        return f'test "$({self._line("look", "-")})" != {NOTHING}'

    @property
    def version(self) -> str:
        """A command that prints the release that truly answers on its host."""
        return self._line("ask", "-")

    def __enter__(self) -> Bell:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _work(self, release: str, command: str) -> str:
        begin, end = (self._line(word, release) for word in ("begin", "end"))
        return f"{begin} && {command} && {end}"

    def _line(self, word: str, release: str) -> str:
        program = f"{shlex.quote(sys.executable)} -I -S {shlex.quote(str(_RING))}"
        return f'{program} {self._server.server_address[1]} {word} "$ELBROLL_DEMO_HOST" {release}'

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        bell = self

        class Heard(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                words: list[Any] = json.loads(self.rfile.readline())
                self.wfile.write(bell._heard(*words).encode() + b"\n")

        return Heard

    def _heard(self, word: str, name: str, release: str, process: int) -> str:
        host = self.world.host(name)
        quiet = self.quiet_for(host)
        truth = _answering(host.address, next(iter(host.place.ports.values()))) if word in ASKING else release
        with self._lock:
            rivals = self._others(name, process) if word == "begin" else 0
            at, seen = self.world.simulation.clock.monotonic(), len(self.world.simulation.timeline)
            here = self._registered(host.instance)
            self.rung.append(Rang(at, word, host.instance, truth, here, rivals, seen, quiet))
        self.on_ring(word)
        return truth

    def _others(self, name: str, process: int) -> int:
        """How many of the host's earlier commands still live; this one is remembered."""
        alive = {one for one in self._alive.get(name, ()) if one[1] and _began(one[0]) == one[1]}
        self._alive[name] = {*alive, (process, _began(process))}
        return len(alive)

    def _registered(self, instance: str) -> frozenset[str]:
        return frozenset(pool for pool, members in registered(self.world).items() if instance in dict(members))


def registered(world: World) -> dict[str, frozenset[tuple[str, int | None]]]:
    """The (id, port) pairs of each pool by the simulation, those that drain left out."""
    return {
        pool.id: frozenset(
            (row.target.id, row.target.port) for row in world.simulation.rows(pool.id) if row.shown.state != "draining"
        )
        for pool in world.pools.values()
    }


def _answering(address: str, port: int) -> str:
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", "/release")
        return connection.getresponse().read().decode().strip()
    except OSError:
        return NOTHING
    finally:
        connection.close()


def _began(process: int) -> str:
    """When a living process began, in ticks; a number alone may be another process by now."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
