"""Connections to a real OpenSSH server: how they come about, what can be done on them, how they end."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from demo.eventual import eventually
from elbroll.errors import HostAccessError, HostUnreachable
from elbroll.transports.connection import LoginRefused, NobodyListens, TunnelSilent
from elbroll.transports.faults import Stage
from punctual import timed, within
from transports.faultproxy import FaultProxy
from transports.machine import make_key, taken_port
from transports.oddservers import OddServer, silent
from transports.reach import FAST, HastyClock, a_host, connector, known, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elbroll.transports.connection import Connection
    from transports.conftest import SshdServer, StartSshd

pytestmark = [pytest.mark.sshd, pytest.mark.usefixtures("no_leftovers")]


@pytest.fixture
def line(sshd: SshdServer, tmp_path: Path) -> Iterator[Connection]:
    with (
        connector(settings(sshd.port, sshd.client_key, known(tmp_path, sshd)), tmp_path) as made,
        closing(made.connect(a_host())) as connection,
    ):
        yield connection


def output(connection: Connection, command: str) -> bytes:
    with closing(connection.exec(command, 5)) as channel, channel.makefile("rb") as stdout:
        return bytes(stdout.read())


@pytest.mark.rule("H11")
def test_a_connection_runs_commands_one_after_the_other(line: Connection) -> None:
    assert [output(line, f"echo {number}") for number in range(3)] == [b"0\n", b"1\n", b"2\n"]


def test_a_connection_names_its_host_and_is_alive_until_closed(line: Connection) -> None:
    assert line.host_label == "web-1 (127.0.0.1)"
    assert line.alive
    line.close()
    assert not line.alive
    assert line.why_lost() is None


def test_a_closed_connection_refuses_further_work_in_our_words(line: Connection) -> None:
    line.close()
    with pytest.raises(HostUnreachable, match="web-1"):
        line.exec("true", 1)


def test_a_tunnel_ends_at_what_the_host_can_reach(line: Connection, sshd: SshdServer) -> None:
    with closing(line.open_tunnel("127.0.0.1", sshd.port, 5)) as channel:
        assert channel.recv(4) == b"SSH-"


@pytest.mark.rule("H24")
def test_a_tunnel_to_a_port_where_nobody_listens_leaves_the_line_sound(line: Connection, deaf_port: int) -> None:
    with pytest.raises(NobodyListens) as caught:
        line.open_tunnel("127.0.0.1", deaf_port, 5)
    assert "Connection refused" in caught.value.why[0]
    assert output(line, "echo still") == b"still\n"


@pytest.mark.rule("H24")
def test_refusals_of_many_tunnels_at_once_are_told_apart(line: Connection, sshd: SshdServer) -> None:
    def outcome(port: int) -> type[object]:
        try:
            with closing(line.open_tunnel("127.0.0.1", port, 5)) as channel:
                return type(channel.recv(4))
        except HostUnreachable as error:
            return type(error)

    with ExitStack() as taken, ThreadPoolExecutor(8) as pool:
        ports = [sshd.port, *(taken.enter_context(taken_port()) for _ in range(7))]
        assert list(pool.map(outcome, ports)) == [bytes] + [NobodyListens] * 7


@pytest.mark.rule("H24")
def test_forbidden_forwarding_is_an_access_error_that_names_the_option(start_sshd: StartSshd, tmp_path: Path) -> None:
    server = start_sshd("AllowTcpForwarding no")
    with (
        connector(settings(server.port, server.client_key, known(tmp_path, server)), tmp_path) as made,
        closing(made.connect(a_host())) as line,
        pytest.raises(HostAccessError) as caught,
    ):
        line.open_tunnel("127.0.0.1", server.port, 5)
    assert "AllowTcpForwarding" in caught.value.fix[0]


def test_a_tunnel_that_opens_too_late_is_closed_at_once(line: Connection) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        with pytest.raises(TunnelSilent, match="did not answer"):
            line.open_tunnel("127.0.0.1", address[1], 0.3)
        for filler in fillers:
            filler.close()
    assert output(line, "echo still") == b"still\n"


@pytest.mark.rule("T-7", "H16")
def test_only_modern_ciphers_and_macs_are_offered(start_sshd: StartSshd, tmp_path: Path) -> None:
    server = start_sshd("Ciphers aes128-cbc,3des-cbc", "MACs hmac-sha1")
    with (
        connector(settings(server.port, server.client_key, known(tmp_path, server)), tmp_path) as made,
        pytest.raises(HostAccessError) as caught,
    ):
        made.connect(a_host())
    assert any("3des-cbc" in line for line in caught.value.why)
    assert "7.2" in caught.value.fix[0]


@pytest.mark.rule("T-7")
def test_a_server_without_gcm_is_reached_with_ctr(start_sshd: StartSshd, tmp_path: Path) -> None:
    server = start_sshd("Ciphers aes256-ctr", "MACs hmac-sha2-512")
    with (
        connector(settings(server.port, server.client_key, known(tmp_path, server)), tmp_path) as made,
        closing(made.connect(a_host())) as line,
    ):
        assert output(line, "echo hi") == b"hi\n"


# --- logins -----------------------------------------------------------------------------------------------


@pytest.mark.rule("T-23", "T-3")
def test_a_refused_login_names_key_and_user_and_is_not_tried_again(sshd: SshdServer, tmp_path: Path) -> None:
    stranger, clock = make_key(tmp_path / "stranger"), HastyClock()
    with (
        connector(settings(sshd.port, stranger, known(tmp_path, sshd)), tmp_path, clock=clock) as made,
        pytest.raises(LoginRefused) as caught,
    ):
        made.connect(a_host())
    assert str(stranger) in caught.value.why[0]
    assert sshd.user in caught.value.message
    assert any("locked account" in line for line in caught.value.why)
    assert clock.slept == []


@pytest.mark.rule("T-3")
def test_a_very_young_instance_may_learn_its_keys_yet(sshd: SshdServer, tmp_path: Path) -> None:
    stranger, clock = make_key(tmp_path / "stranger"), HastyClock()
    born = datetime.now(UTC) - timedelta(minutes=2)
    with (
        connector(settings(sshd.port, stranger, known(tmp_path, sshd)), tmp_path, clock=clock) as made,
        pytest.raises(LoginRefused),
    ):
        made.connect(a_host(launched=born))
    assert len(clock.slept) == 3


@pytest.mark.rule("H19", "T-23")
def test_half_a_login_is_none(start_sshd: StartSshd, tmp_path: Path) -> None:
    server = start_sshd("KbdInteractiveAuthentication yes", "AuthenticationMethods publickey,keyboard-interactive")
    with (
        connector(settings(server.port, server.client_key, known(tmp_path, server)), tmp_path) as made,
        pytest.raises(HostAccessError) as caught,
    ):
        made.connect(a_host())
    assert caught.value.why == ("the server also wants: keyboard-interactive",)


@pytest.mark.rule("T-23")
def test_a_server_that_takes_no_keys_says_what_it_takes(start_sshd: StartSshd, tmp_path: Path) -> None:
    server = start_sshd("PubkeyAuthentication no", "PasswordAuthentication yes")
    with (
        connector(settings(server.port, server.client_key, known(tmp_path, server)), tmp_path) as made,
        pytest.raises(HostAccessError) as caught,
    ):
        made.connect(a_host())
    assert "password" in caught.value.why[0]


@pytest.mark.rule("H20", "T-20")
def test_the_right_key_is_found_behind_four_wrong_ones(sshd: SshdServer, tmp_path: Path) -> None:
    wrong = "".join(f"IdentityFile {make_key(tmp_path / f'wrong{number}')}\n" for number in range(4))
    config = tmp_path / "config"
    config.write_text(f"{wrong}IdentityFile {sshd.client_key}\nIdentityAgent none\n")
    ssh = settings(sshd.port, None, known(tmp_path, sshd), config_file="config")
    with connector(ssh, tmp_path) as made, closing(made.connect(a_host())) as line:
        assert output(line, "echo in") == b"in\n"


@pytest.mark.rule("T-13", "T-10")
def test_accept_new_files_the_key_under_the_instance_id(sshd: SshdServer, tmp_path: Path) -> None:
    ssh = settings(sshd.port, sshd.client_key, tmp_path / "known_hosts", host_keys="accept-new")
    with connector(ssh, tmp_path) as made:
        made.connect(a_host()).close()
        made.connect(a_host()).close()
        assert "now listed" in made.warnings(a_host())[0]
    assert (tmp_path / "known_hosts").read_text() == sshd.known_as("i-0a1b2c3d4e5f60001")


@pytest.mark.rule("T-10", "T-3")
def test_an_unknown_key_is_refused_before_any_login(sshd: SshdServer, tmp_path: Path) -> None:
    file, clock = known(tmp_path, sshd, "other.example.com"), HastyClock()
    with (
        connector(settings(sshd.port, sshd.client_key, file), tmp_path, clock=clock) as made,
        pytest.raises(HostAccessError, match="is not known") as caught,
    ):
        made.connect(a_host())
    assert "SHA256:" in caught.value.why[0]
    assert "--from-console" in caught.value.fix[0]
    assert clock.slept == []


@pytest.mark.rule("H17")
def test_the_known_type_is_asked_for_where_the_server_has_several(
    start_sshd: StartSshd, ssh_keys: Path, tmp_path: Path
) -> None:
    server = start_sshd(f"HostKey {ssh_keys}/host_rsa", f"HostKey {ssh_keys}/host_ecdsa")
    rsa = " ".join((ssh_keys / "host_rsa.pub").read_text().split()[:2])
    (tmp_path / "known_hosts").write_text(f"i-0a1b2c3d4e5f60001 {rsa}\n")
    with connector(settings(server.port, server.client_key, tmp_path / "known_hosts"), tmp_path) as made:
        made.connect(a_host()).close()


@pytest.mark.rule("T-13")
def test_trust_files_the_key_with_the_right_fingerprint_only(sshd: SshdServer, ssh_keys: Path, tmp_path: Path) -> None:
    file = known(tmp_path, sshd, "other.example.com")
    with connector(settings(sshd.port, sshd.client_key, file), tmp_path) as made:
        with pytest.raises(HostAccessError) as caught:
            made.trust(a_host(), "SHA256:nonsense")
        shown = caught.value.why[0].split()[-1]
        assert "now listed" in made.trust(a_host(), shown)
        assert "known already" in made.trust(a_host(), shown)
        made.connect(a_host()).close()


# --- retries, limits, lost lines ---------------------------------------------------------------------------


@pytest.mark.rule("T-3")
def test_early_hang_ups_are_tried_again(sshd: SshdServer, tmp_path: Path) -> None:
    clock = HastyClock()
    with FaultProxy(sshd.port) as proxy:
        proxy.refuse_first = 3
        ssh = settings(proxy.port, sshd.client_key, known(tmp_path, sshd))
        with connector(ssh, tmp_path, clock=clock) as made:
            made.connect(a_host()).close()
    assert proxy.accepted == 4
    assert [round(pause) for pause in clock.slept] == pytest.approx([1, 2, 4], abs=1)


@timed
@pytest.mark.rule("T-2", "H9")
def test_a_frozen_host_ends_the_exec_within_its_limit(sshd: SshdServer, tmp_path: Path) -> None:
    with FaultProxy(sshd.port) as proxy:
        ssh = settings(proxy.port, sshd.client_key, known(tmp_path, sshd))
        with connector(ssh, tmp_path) as made, closing(made.connect(a_host())) as line:
            proxy.freeze()
            with within(1.3), pytest.raises(HostUnreachable) as caught:
                line.exec("true", 0.3)
            assert not line.alive
            assert Stage.SESSION in caught.value.why[0]


@pytest.mark.rule("T-5", "H10")
def test_a_line_that_falls_silent_is_found_and_says_so(sshd: SshdServer, tmp_path: Path) -> None:
    with FaultProxy(sshd.port) as proxy:
        ssh = settings(proxy.port, sshd.client_key, known(tmp_path, sshd))
        with connector(ssh, tmp_path, liveness=FAST) as made, closing(made.connect(a_host())) as line:
            channel = line.exec("sleep 30", 5)
            proxy.freeze()
            assert channel.recv(1) == b""
            assert isinstance(lost := line.why_lost(), HostUnreachable)
            assert "nothing came" in lost.why[0]


@pytest.mark.rule("T-5")
def test_a_quiet_but_living_host_is_not_given_up(sshd: SshdServer, tmp_path: Path) -> None:
    patient = replace(FAST, silence=2.0)
    ssh = settings(sshd.port, sshd.client_key, known(tmp_path, sshd))
    with connector(ssh, tmp_path, liveness=patient) as made, closing(made.connect(a_host())) as line:
        with closing(line.exec("sleep 3; echo late", 5)) as channel:
            assert channel.recv(10) == b"late\n"
        assert line.alive


@pytest.mark.parametrize("end", [FaultProxy.cut, FaultProxy.reset])
@pytest.mark.rule("H3")
def test_a_cut_line_is_known_to_be_lost(end, sshd: SshdServer, tmp_path: Path) -> None:
    with FaultProxy(sshd.port) as proxy:
        ssh = settings(proxy.port, sshd.client_key, known(tmp_path, sshd))
        with connector(ssh, tmp_path) as made, closing(made.connect(a_host())) as line:
            channel = line.exec("echo begun; sleep 30", 5)
            assert channel.recv(10) == b"begun\n"
            end(proxy)
            assert channel.recv(10) == b""
            assert isinstance(line.why_lost(), HostUnreachable)


@pytest.mark.rule("H3", "H9")
def test_a_line_that_takes_nothing_more_is_lost_before_its_other_end_says_so(sshd: SshdServer, tmp_path: Path) -> None:
    with FaultProxy(sshd.port) as proxy:
        ssh = settings(proxy.port, sshd.client_key, known(tmp_path, sshd))
        with connector(ssh, tmp_path) as made, closing(made.connect(a_host())) as line:
            proxy.freeze()
            line._carrier.sock.shutdown(socket.SHUT_WR)
            with pytest.raises(HostUnreachable, match="was lost"):
                line.exec("true", 5)
            assert not line.alive


@pytest.mark.rule("H3", "H15")
def test_a_line_whose_end_was_read_is_lost_before_paramiko_says_so(line: Connection) -> None:
    line._packets.ended = EOFError()
    assert line._transport.is_active()
    assert not line.alive


@pytest.mark.rule("T-4", "H12")
def test_forty_hosts_at_once_get_past_a_server_that_drops_the_eleventh(start_sshd: StartSshd, tmp_path: Path) -> None:
    server = start_sshd("MaxStartups 10:30:100")
    ssh = settings(server.port, server.client_key, known(tmp_path, server), connect_timeout="60s")
    with connector(ssh, tmp_path) as made, ThreadPoolExecutor(40) as pool:
        lines = list(pool.map(lambda _: made.connect(a_host()), range(40)))
        assert all(line.alive for line in lines)
        for line in lines:
            line.close()


@pytest.mark.rule("T-6")
def test_many_failed_connections_leave_nothing_behind(tmp_path: Path, ssh_keys: Path, sshd: SshdServer) -> None:
    with OddServer(silent) as server:
        ssh = settings(server.port, ssh_keys / "client", known(tmp_path, sshd), connect_timeout="0.5s")
        with connector(ssh, tmp_path) as made:
            for _ in range(3):
                with pytest.raises(HostUnreachable):
                    made.connect(a_host())
            eventually(lambda: server.accepted >= 12)
            assert server.accepted == 12
