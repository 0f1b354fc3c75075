"""The race of addresses: the first that answers, none waited for in vain, each failure with its reason."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from elbroll.clock import SystemClock
from elbroll.transports import tcp
from elbroll.transports.tcp import Deadline, NoConnection, connected, in_turn, resolved
from punctual import timed
from punctual import within as in_less_than
from transports.machine import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("no_leftovers")

V4, V6 = socket.AF_INET, socket.AF_INET6


def within(seconds: float) -> Deadline:
    return Deadline.after(SystemClock(), seconds)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@pytest.fixture
def black_hole() -> Iterator[tuple[str, int]]:
    """An address that answers neither yes nor no: a listener whose queue is full."""
    with socket.create_server(("127.0.0.2", 0), backlog=0) as full:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        yield full.getsockname()
        for filler in fillers:
            filler.close()


def race(addresses: list[Any], limit: float) -> socket.socket:
    return tcp._Race(addresses, within(limit)).winner()


@pytest.mark.rule("T-1", "H11")
def test_a_connection_sends_small_packets_at_once_and_notices_a_dead_peer(listener: socket.socket) -> None:
    with connected("127.0.0.1", listener.getsockname()[1], within(2)) as sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
        assert sock.gettimeout() is None


@timed
@pytest.mark.rule("T-1", "H11")
def test_behind_a_black_hole_the_next_address_answers(black_hole: tuple[str, int], listener: socket.socket) -> None:
    began = time.monotonic()
    with in_less_than(1), race([(V4, black_hole), (V4, listener.getsockname())], 3) as sock:
        assert sock.getpeername() == listener.getsockname()
    assert time.monotonic() - began > 0.2


@timed
@pytest.mark.rule("T-1")
def test_behind_a_refusal_the_next_address_is_tried_at_once(listener: socket.socket, deaf_port: int) -> None:
    addresses = [(V4, ("127.0.0.1", deaf_port)), (V4, listener.getsockname())]
    with in_less_than(0.2):
        race(addresses, 3).close()


@pytest.mark.rule("T-1")
def test_when_all_fail_each_address_has_its_reason(black_hole: tuple[str, int]) -> None:
    with pytest.raises(NoConnection) as caught:
        race([(V4, black_hole), (V4, ("127.0.0.3", free_port()))], 1.5)
    assert sorted(caught.value.reasons) == ["127.0.0.2: no answer in time", "127.0.0.3: Connection refused"]


@pytest.mark.rule("T-1", "T-2")
def test_addresses_that_were_never_tried_are_named_as_such(black_hole: tuple[str, int]) -> None:
    with pytest.raises(NoConnection) as caught:
        race([(V4, black_hole), (V4, ("127.0.0.3", 1))], 0.2)
    assert caught.value.reasons == ("127.0.0.2: no answer in time", "127.0.0.3: not tried, the time was up")


@pytest.mark.rule("T-1")
def test_families_take_turns() -> None:
    six = [(V6, (f"::{number}", 22)) for number in range(3)]
    four = [(V4, (f"10.0.0.{number}", 22)) for number in range(2)]
    assert in_turn([*six, *four]) == [six[0], four[0], six[1], four[1], six[2]]


@pytest.mark.rule("T-1")
@pytest.mark.parametrize("name", ["no-such-host.invalid", "a..b", "x" * 300])
def test_a_name_without_addresses_is_told_by_name(name: str) -> None:
    with pytest.raises(NoConnection) as caught:
        resolved(name, 22, within(5))
    assert caught.value.reasons[0].startswith(f"{name}: ")


@pytest.mark.rule("T-2")
def test_a_name_server_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(tcp.socket, "getaddrinfo", lambda *_, **__: over.wait(20) and [])
    with pytest.raises(NoConnection, match="did not answer in time"):
        resolved("web.example.com", 22, within(0.1))
    over.set()
