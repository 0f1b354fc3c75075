"""A server of our own process that breaks the protocol where OpenSSH would not; it proves nothing else."""

from __future__ import annotations

import getpass
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from elbroll.demo.sshd.account import Account, Odd
from elbroll.demo.sshd.keys import new_key, write_key
from elbroll.demo.sshd.server import SshServer
from elbroll.errors import HostAccessError, HostUnreachable
from elbroll.transports.connection import LoginRefused
from elbroll.transports.faults import Stage
from punctual import timed, within
from transports.reach import INSTANCE, a_host, connector, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from elbroll.transports.connection import Connector

pytestmark = pytest.mark.usefixtures("no_leftovers")


@pytest.fixture
def reach(tmp_path: Path) -> Iterator[Callable[[Odd], Connector]]:
    """A connector to a server that is odd in one way."""
    key = new_key()
    path = write_key(key, tmp_path / "key")
    with SshServer(Account(getpass.getuser(), key, tmp_path)) as server:
        (tmp_path / "known_hosts").write_text(f"{INSTANCE} {server.known_host}\n")
        with connector(settings(server.port, path, tmp_path / "known_hosts"), tmp_path) as made:

            def odd(kind: Odd) -> Connector:
                server.odd = frozenset({kind})
                return made

            yield odd


@timed
@pytest.mark.rule("H9", "T-2")
def test_an_exec_that_is_never_answered_ends_at_its_limit(reach: Callable[[Odd], Connector]) -> None:
    with closing(reach(Odd.EXEC_UNANSWERED).connect(a_host())) as line:
        with within(1.4), pytest.raises(HostUnreachable) as caught:
            line.exec("true", 0.4)
        assert Stage.EXEC in caught.value.why[0]


@pytest.mark.rule("H15")
def test_an_exec_that_is_refused_is_no_lost_line(reach: Callable[[Odd], Connector]) -> None:
    with closing(reach(Odd.EXEC_REFUSED).connect(a_host())) as line:
        with pytest.raises(HostAccessError, match="does not run commands"):
            line.exec("true", 2)
        assert line.alive


@pytest.mark.rule("H19", "T-23")
def test_half_a_login_is_refused_with_what_else_is_wanted(reach: Callable[[Odd], Connector]) -> None:
    with pytest.raises(LoginRefused) as caught:
        reach(Odd.LOGIN_PARTIAL).connect(a_host())
    assert "the server also wants" in caught.value.why[0]


@pytest.mark.rule("T-23")
def test_a_refused_key_is_a_refused_login(reach: Callable[[Odd], Connector]) -> None:
    with pytest.raises(LoginRefused):
        reach(Odd.LOGIN_REFUSED).connect(a_host())


@pytest.mark.rule("H24")
def test_forbidden_forwarding_leaves_the_line_sound(reach: Callable[[Odd], Connector]) -> None:
    with closing(reach(Odd.NO_FORWARDING).connect(a_host())) as line:
        with pytest.raises(HostAccessError, match="forbids"):
            line.open_tunnel("127.0.0.1", 80, 2)
        assert line.alive
