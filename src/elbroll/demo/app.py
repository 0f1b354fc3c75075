"""The app of one demo host, a process of its own: `python -m elbroll.demo.app` answers HTTP with its release.

It ends when its standard input does, so it never outlives the world that started it.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from enum import StrEnum
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from elbroll.demo.loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKER = "ELB-HealthChecker/2.0"
"""How a load balancer's health check names itself."""
SLOW = 0.8
"""Seconds that `/slow` takes."""
_DIES_AFTER = 1.0
"""Seconds that a release broken by `die` lives."""
_IDLE = 75.0
"""Seconds an unused connection is kept: longer than any balancer does, or the two would race."""


class Break(StrEnum):
    """Where a broken release shows that it is broken."""

    DEPLOY = "deploy"
    """Its deploy command exits 1."""
    VERIFY = "verify"
    """It answers 502 to everybody who asks how it is."""
    REGISTER = "register"
    """It looks well to all but the balancer's checks."""
    DIE = "die"
    """It dies soon after its start."""


class Nature(NamedTuple):
    """What an app is told at its start. Times in seconds."""

    release: str
    broken: Break | None
    latency: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until standard input ends."""
    options = _options(arguments)
    nature = Nature(_release(options.home), _broken(options.home), options.latency)
    time.sleep(options.start_up)
    for port in options.port:
        _serve(options.address, port, nature)
    if nature.broken is Break.DIE:
        threading.Timer(_DIES_AFTER, os._exit, (1,)).start()
    sys.stdin.buffer.read()
    os._exit(0)


def broken_by(home: Path, release: str) -> Break | None:
    """What the host's list of broken releases says of one."""
    listed = home / "broken"
    words = [line.split() for line in listed.read_text().splitlines()] if listed.exists() else []
    return next((Break(stage) for name, stage in words if name == release), None)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, action="append", required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--start-up", type=float, required=True)
    parser.add_argument("--latency", type=float, required=True)
    return parser.parse_args(arguments)


def _release(home: Path) -> str:
    return (home / "RELEASE").read_text().strip()


def _broken(home: Path) -> Break | None:
    return broken_by(home, _release(home))


def _serve(address: str, port: int, nature: Nature) -> None:
    class Bound(_Answers):
        told = nature

    server = LoopbackServer((address, port), Bound)
    threading.Thread(target=server.serve_forever, daemon=True).start()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE
    disable_nagle_algorithm = True
    told: Nature

    def do_GET(self) -> None:
        """`/healthz`, `/release`, `/slow`; anything else is the app's ordinary page, and says the release."""
        if self.path == "/healthz":
            self._answer(self._health(), "how it is\n")
        else:
            time.sleep(SLOW if self.path == "/slow" else self.told.latency)
            self._answer(200, f"{self.told.release}\n")

    def _health(self) -> int:
        match self.told.broken:
            case Break.VERIFY:
                return 502
            case Break.REGISTER if self.headers.get("User-Agent") == CHECKER:
                return 503
            case _:
                return 200

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Release", self.told.release)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The demo's output belongs to elbroll."""


if __name__ == "__main__":
    main()
