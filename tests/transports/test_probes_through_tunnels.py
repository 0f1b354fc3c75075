"""Probes through the tunnels of a real OpenSSH server."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from elbroll.clock import SystemClock
from elbroll.config.schema import Verify
from elbroll.errors import HostUnreachable
from elbroll.model import BalancerKind, HealthCheck, Pool, PoolId, Registration, TargetType
from elbroll.probes import PoolChecks
from transports.working import drops_once, host_at, transport_to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elbroll.engine.ports import Probe
    from elbroll.transports.ssh import SshTransport
    from transports.conftest import SshdServer

HOST = host_at()
POOL = PoolId("tg/web/1")


class App(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"x" * 300_000)

    def log_message(self, *_: Any) -> None:
        pass


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        pass


@pytest.fixture
def app() -> Iterator[int]:
    server = Quiet(("127.0.0.1", 0), App)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def transport(sshd: SshdServer) -> Iterator[SshTransport]:
    transport = transport_to(sshd)
    yield transport
    transport.close()


def the_probe(transport: SshTransport, port: int, **keys: Any) -> Probe:
    check = HealthCheck("HTTP", None, "/healthz", "200", 30.0, 10.0, 3, 3)
    pool = Pool(POOL, "web", BalancerKind.ALB, TargetType.IP, "arn", "vpc", "HTTP", 80, check, 300.0)
    checks = PoolChecks({POOL: pool}, Verify.model_validate(keys), transport, SystemClock())
    return checks.of(HOST, [Registration(POOL, "127.0.0.1", port)], "v143")[0]


def test_an_app_is_asked_through_the_tunnel(transport: SshTransport, app: int):
    assert the_probe(transport, app).look().well


def test_a_closed_port_is_a_bad_look(transport: SshTransport, deaf_port: int):
    answer = the_probe(transport, deaf_port).look()

    assert (answer.well, answer.said) == (False, "nobody listens")


def test_a_command_is_asked_beside_it(transport: SshTransport):
    assert the_probe(transport, 1, http="off", command='[ "$ELBROLL_RELEASE" = v143 ]').look().well


@pytest.mark.rule("H3", "T-35")
def test_a_line_lost_in_a_look_is_not_a_sick_app(transport: SshTransport, tmp_path: Path):
    probe = the_probe(transport, 1, http="off", command=f": >{tmp_path}/begun; sleep 20")

    with drops_once((tmp_path / "begun").exists, transport), pytest.raises(HostUnreachable):
        probe.look()
