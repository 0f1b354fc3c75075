"""Ways to a host that are no plain TCP connection: bastions and proxy commands, sound and broken."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from elbroll.errors import HostAccessError, HostUnreachable
from elbroll.transports.carriers import ProxyCommand
from punctual import timed, within
from transports.faultproxy import FaultProxy
from transports.machine import NEEDED
from transports.oddservers import OddServer, silent
from transports.reach import FAST, INSTANCE, a_host, connector, settings

if TYPE_CHECKING:
    from elbroll.config.schema import Ssh
    from elbroll.transports.connection import Connection
    from transports.conftest import SshdServer, StartSshd

pytestmark = [pytest.mark.sshd, pytest.mark.usefixtures("no_leftovers")]


def output(connection: Connection, command: str) -> bytes:
    with closing(connection.exec(command, 5)) as channel, channel.makefile("rb") as stdout:
        return bytes(stdout.read())


def behind(folder: Path, bastion: SshdServer, *, port: int, **changes: Any) -> Ssh:
    """`[ssh]` for a host on `port`, behind a bastion that is one of ours too."""
    (folder / "known_hosts").write_text(bastion.known_as(INSTANCE, f"[127.0.0.1]:{bastion.port}"))
    via = changes.pop("proxy_jump", f"127.0.0.1:{bastion.port}")
    return settings(port, bastion.client_key, folder / "known_hosts", proxy_jump=via, **changes)


def proxied(folder: Path, server: SshdServer, command: str, **changes: Any) -> Ssh:
    """`[ssh]` for the server by way of a ProxyCommand."""
    (folder / "known_hosts").write_text(server.known_as(INSTANCE))
    (folder / "config").write_text(f"Host *\n  ProxyCommand {command}\n")
    return settings(server.port, server.client_key, folder / "known_hosts", config_file="config", **changes)


def logins(server: SshdServer) -> int:
    return (server.folder / "sshd.log").read_text().count("Accepted publickey")


# --- bastions ----------------------------------------------------------------------------------------------


@pytest.mark.rule("T-26", "H24")
def test_one_connection_to_the_bastion_serves_all_hosts_behind_it(
    start_sshd: StartSshd, sshd: SshdServer, tmp_path: Path
) -> None:
    bastion = start_sshd()
    with connector(behind(tmp_path, bastion, port=sshd.port), tmp_path) as made:
        lines = [made.connect(a_host(f"web-{number}")) for number in range(3)]
        assert [output(line, "echo through") for line in lines] == [b"through\n"] * 3
        assert logins(bastion) == 1
        for line in lines:
            line.close()


@pytest.mark.rule("T-26")
def test_two_hops_carry_a_third(start_sshd: StartSshd, sshd: SshdServer, tmp_path: Path) -> None:
    first, second = start_sshd(), start_sshd()
    jumps = f"127.0.0.1:{first.port},127.0.0.1:{second.port}"
    config = behind(tmp_path, first, port=sshd.port, proxy_jump=jumps)
    (tmp_path / "known_hosts").write_text(first.known_as(INSTANCE, "[127.0.0.1]:*"))
    with connector(config, tmp_path) as made, closing(made.connect(a_host())) as line:
        assert output(line, "echo far") == b"far\n"
    assert (logins(first), logins(second)) == (1, 1)


@pytest.mark.rule("T-26", "H24")
def test_a_host_that_the_bastion_cannot_reach_is_out_of_reach_itself(
    start_sshd: StartSshd, tmp_path: Path, deaf_port: int
) -> None:
    bastion = start_sshd()
    with (
        connector(behind(tmp_path, bastion, port=deaf_port), tmp_path) as made,
        pytest.raises(HostUnreachable, match=r"web-1 .* through bastion") as caught,
    ):
        made.connect(a_host())
    assert any("Connection refused" in line for line in caught.value.why)
    assert logins(bastion) == 1


@pytest.mark.rule("T-26", "H24", "T-3")
def test_a_bastion_that_forbids_forwarding_is_told_by_name_and_not_asked_again(
    start_sshd: StartSshd, sshd: SshdServer, tmp_path: Path
) -> None:
    bastion = start_sshd("AllowTcpForwarding no")
    with (
        connector(behind(tmp_path, bastion, port=sshd.port), tmp_path) as made,
        pytest.raises(HostAccessError, match=r"bastion .* forbids"),
    ):
        made.connect(a_host())


@timed
@pytest.mark.rule("T-2")
def test_a_silent_host_behind_a_bastion_ends_within_its_own_limit(start_sshd: StartSshd, tmp_path: Path) -> None:
    bastion = start_sshd()
    with OddServer(silent) as server:
        config = behind(tmp_path, bastion, port=server.port, connect_timeout="1s")
        with (
            within(4 * 2),
            connector(config, tmp_path) as made,
            pytest.raises(HostUnreachable, match=r"web-1 .* banner"),
        ):
            made.connect(a_host())


@pytest.mark.rule("T-14", "S-2")
def test_a_bastion_with_an_unknown_key_gets_no_login(start_sshd: StartSshd, sshd: SshdServer, tmp_path: Path) -> None:
    bastion = start_sshd()
    config = behind(tmp_path, bastion, port=sshd.port)
    (tmp_path / "known_hosts").write_text(sshd.known_as(INSTANCE))
    with (
        connector(config, tmp_path) as made,
        pytest.raises(HostAccessError, match=r"bastion .* is not known"),
    ):
        made.connect(a_host())
    assert logins(bastion) == 0


@pytest.mark.rule("T-26")
def test_a_lost_bastion_is_dialled_anew_for_the_next_host(
    start_sshd: StartSshd, sshd: SshdServer, tmp_path: Path
) -> None:
    bastion = start_sshd()
    with connector(behind(tmp_path, bastion, port=sshd.port), tmp_path) as made:
        first = made.connect(a_host())
        bastion.drop_sessions()
        with closing(made.connect(a_host())) as second:
            assert output(second, "echo again") == b"again\n"
        assert not first.alive
        assert isinstance(first.why_lost(), HostUnreachable)
        first.close()
        assert logins(bastion) == 2


@timed
@pytest.mark.rule("T-5", "H9")
def test_a_frozen_bastion_ends_the_calls_of_all_behind_it(
    start_sshd: StartSshd, sshd: SshdServer, tmp_path: Path
) -> None:
    bastion = start_sshd()
    with FaultProxy(bastion.port) as proxy:
        config = behind(tmp_path, bastion, port=sshd.port, proxy_jump=f"127.0.0.1:{proxy.port}")
        (tmp_path / "known_hosts").write_text(bastion.known_as(INSTANCE, f"[127.0.0.1]:{proxy.port}"))
        with connector(config, tmp_path, liveness=FAST) as made, closing(made.connect(a_host())) as line:
            proxy.freeze()
            with within(1.3), pytest.raises(HostUnreachable):
                line.exec("true", 0.3)


# --- proxy commands ----------------------------------------------------------------------------------------


@pytest.mark.rule("T-26", "H23", "T-24")
def test_a_proxy_command_carries_a_connection(sshd: SshdServer, tmp_path: Path) -> None:
    relay = tmp_path / "relay.py"
    relay.write_text(
        "import os, socket, sys, threading\n"
        "s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def up():\n"
        "    while data := os.read(0, 65536): s.sendall(data)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while data := s.recv(65536): os.write(1, data)\n"
    )
    ssh = proxied(tmp_path, sshd, f"python3 {relay} %h %p")
    with connector(ssh, tmp_path) as made, closing(made.connect(a_host())) as line:
        assert output(line, "echo carried") == b"carried\n"


@timed
@pytest.mark.rule("T-26", "T-24", "H23")
def test_a_dead_proxy_command_is_seen_at_once_and_its_own_words_are_shown(sshd: SshdServer, tmp_path: Path) -> None:
    ssh = proxied(tmp_path, sshd, "sh -c 'echo aws: command not found >&2; exit 127'")
    with within(3), connector(ssh, tmp_path) as made, pytest.raises(HostUnreachable) as caught:
        made.connect(a_host())
    assert caught.value.why == ("aws: command not found", "the proxy command ended with 127")


@pytest.mark.rule("T-26", "H23")
def test_a_proxy_command_that_floods_its_stderr_does_not_stop(sshd: SshdServer, tmp_path: Path) -> None:
    ssh = proxied(tmp_path, sshd, "sh -c 'head -c 300000 /dev/zero | tr \"\\\\0\" x >&2; echo last words >&2'")
    with connector(ssh, tmp_path) as made, pytest.raises(HostUnreachable) as caught:
        made.connect(a_host())
    assert any("last words" in line for line in caught.value.why)
    assert len("".join(caught.value.why)) < 2300


@pytest.mark.rule("T-6", "T-26", "H23")
def test_a_proxy_command_dies_with_all_it_has_started(tmp_path: Path) -> None:
    mark = tmp_path / "grandchild"
    carrier = ProxyCommand(f"sh -c 'sleep 60 & echo $! >{mark}; wait'")
    while not mark.exists() or not mark.read_text().strip():
        time.sleep(0.01)
    carrier.close()
    grandchild = int(mark.read_text())
    deadline = time.monotonic() + NEEDED
    while _runs(grandchild) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _runs(grandchild)


@pytest.mark.rule("T-2")
def test_a_proxy_command_that_says_nothing_is_ended_at_the_limit(sshd: SshdServer, tmp_path: Path) -> None:
    ssh = proxied(tmp_path, sshd, "sleep 30", connect_timeout="0.3s")
    with connector(ssh, tmp_path) as made, pytest.raises(HostUnreachable, match="banner"):
        made.connect(a_host())


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
