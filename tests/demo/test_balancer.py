"""The demo's balancer and traffic, with small real servers behind them."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest

from demo.eventual import eventually
from elbroll.demo.balancer import Balancer, Target
from elbroll.demo.loopback import LoopbackServer
from elbroll.demo.traffic import Traffic
from punctual import timed, within

if TYPE_CHECKING:
    from collections.abc import Iterator

NODES = ("127.0.0.4", "127.0.0.5")


class Backend:
    """A host that says its name, and remembers who connected, and how many have gone."""

    def __init__(self, name: str) -> None:
        self.peers: list[str] = []
        self.gone = 0
        self.go_on = threading.Event()
        self.go_on.set()
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                backend.peers.append(self.client_address[0])

            def finish(self) -> None:
                super().finish()
                backend.gone += 1

            def do_GET(self) -> None:
                backend.go_on.wait(5)
                self.send_response(500 if self.path == "/fails" else 200)
                self.send_header("X-Release", name)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = LoopbackServer(("127.0.0.1", 0), Handler)
        self.target = Target("127.0.0.1", self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Site:
    """Two backends, a balancer, and the list of who is in service."""

    def __init__(self, keep_alive: float = 60) -> None:
        self.one, self.two = Backend("one"), Backend("two")
        self.serving = [self.one.target, self.two.target]
        self.balancer = Balancer(lambda: list(self.serving), NODES, keep_alive)
        self.balancer.start()

    def stop(self) -> None:
        self.balancer.stop()
        self.one.stop()
        self.two.stop()

    def ask(self, path: str = "/") -> tuple[int, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", self.balancer.port, timeout=5)
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status, response.getheader("X-Release")


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.stop()


def test_requests_go_to_the_hosts_in_turn(site: Site) -> None:
    assert [site.ask()[1] for _ in range(4)] in (["one", "two"] * 2, ["two", "one"] * 2)


@pytest.mark.rule("E3")
def test_hosts_see_only_the_nodes_and_few_connections(site: Site) -> None:
    for _ in range(20):
        site.ask()

    assert set(site.one.peers) | set(site.two.peers) <= set(NODES)
    assert len(site.one.peers) + len(site.two.peers) == 2


@pytest.mark.rule("T8")
def test_a_draining_host_finishes_its_request_and_gets_no_other(site: Site) -> None:
    site.serving[:] = [site.one.target]
    site.one.go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(site.ask)
        eventually(lambda: site.one.peers)
        site.serving[:] = [site.two.target]
        later = [site.ask()[1] for _ in range(3)]
        site.one.go_on.set()

        assert later == ["two"] * 3
        assert under_way.result() == (200, "one")


def test_an_idle_connection_is_closed_after_a_while() -> None:
    site = Site(keep_alive=0.3)
    site.ask()
    site.ask()
    eventually(lambda: site.one.gone == site.two.gone == 1)
    site.ask()
    site.ask()
    site.stop()

    assert len(site.one.peers) == len(site.two.peers) == 2


def test_a_host_that_refuses_is_a_502(site: Site) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        site.serving[:] = [Target(*taken.getsockname())]
        assert site.ask()[0] == 502


def test_a_host_that_cuts_is_a_502(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        pool.submit(accept_and_cut, listener)
        site.serving[:] = [Target("127.0.0.1", listener.getsockname()[1])]
        assert site.ask()[0] == 502


def accept_and_cut(listener: socket.socket) -> None:
    listener.accept()[0].close()


def test_a_connection_that_the_host_has_closed_meanwhile_is_not_used_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        balancer = Balancer(lambda: [Target("127.0.0.1", listener.getsockname()[1])], NODES, keep_alive=60)

        closed = threading.Event()

        def serve_once_each() -> None:
            for _ in range(2):
                connected, _ = listener.accept()
                connected.recv(4096)
                connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                connected.close()
                closed.set()

        served = pool.submit(serve_once_each)
        first = balancer.carry("/").status
        closed.wait(20)
        second = balancer.carry("/").status
        served.result(5)
        balancer.stop()

    assert (first, second) == (200, 200)


def test_with_nobody_in_service_it_is_a_503(site: Site) -> None:
    site.serving.clear()
    assert site.ask()[0] == 503


@timed
def test_traffic_keeps_its_rate_and_counts_by_release(site: Site) -> None:
    began = time.monotonic()
    with Traffic(site.balancer.url, rate=50) as traffic:
        with within(1.2):
            eventually(lambda: traffic.count.answered >= 50)
        took = time.monotonic() - began

    assert took > 0.8
    assert traffic.count.failed == 0
    assert set(traffic.count.by_release) == {"one", "two"}


def test_traffic_counts_what_fails_by_its_kind(site: Site) -> None:
    site.serving.clear()
    with Traffic(site.balancer.url, rate=50) as traffic:
        eventually(lambda: traffic.count.failed >= 5)
    site.balancer.stop()
    with Traffic(site.balancer.url, rate=50) as later:
        eventually(lambda: later.count.failed >= 5)

    assert set(traffic.count.failures) == {"503"}
    assert set(later.count.failures) == {"ConnectionRefusedError"}
    assert traffic.count.answered == later.count.answered == 0
