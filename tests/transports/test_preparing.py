"""Hosts are proven, files arrive whole, connections are counted: on a real OpenSSH server."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from elbroll.config.schema import Upload
from elbroll.engine.stop import Stop, StopMode
from elbroll.errors import HostAccessError, HostUnreachable, Refused
from elbroll.model import Host, HostId, InstanceState
from elbroll.transports.identity import compared, has_identity
from elbroll.transports.sockets import parse
from transports.faultproxy import FaultProxy
from transports.working import a_job, host_at, transport_to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elbroll.transports.ssh import SshTransport
    from transports.conftest import SshdServer, StartSshd

HOST = host_at()


@dataclass
class Wanted:
    """What a run needs of a host."""

    tunnel_to: tuple[tuple[str, int], ...] = ()
    count_ports: frozenset[int] = frozenset()
    sudo: bool = False


@pytest.fixture
def transport(sshd: SshdServer) -> Iterator[SshTransport]:
    transport = transport_to(sshd)
    yield transport
    transport.close()


@contextmanager
def listening() -> Iterator[int]:
    """A server that takes connections and keeps them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        for connection in kept:
            connection.close()


def an_upload(source: object, to: str, mode: str = "0644") -> Upload:
    return Upload.model_construct(from_=str(source), to=to, mode=mode)  # unchecked: the last door checks too


# --- prepare -----------------------------------------------------------------------------------------


@pytest.mark.rule("T-39")
def test_a_sound_host_is_ready(transport: SshTransport):
    with listening() as port:
        ready = transport.prepare(HOST, Wanted((("127.0.0.1", port),), frozenset({port})))

    assert (ready.countable, ready.warnings) == (True, ())


@pytest.mark.rule("T-39")
def test_a_port_where_nobody_listens_is_fine(transport: SshTransport, deaf_port: int):
    assert transport.prepare(HOST, Wanted((("127.0.0.1", deaf_port),), frozenset({deaf_port}))).countable


@pytest.mark.rule("T-39")
def test_forbidden_forwarding_is_refused_by_name(start_sshd: StartSshd):
    transport = transport_to(start_sshd("AllowTcpForwarding no"))

    with pytest.raises(HostAccessError) as caught:
        transport.prepare(HOST, Wanted((("127.0.0.1", 80),)))

    transport.close()
    assert "AllowTcpForwarding" in caught.value.fix[0]


@pytest.mark.rule("T-39", "H1")
def test_a_host_whose_login_shell_runs_nothing_is_found(start_sshd: StartSshd):
    transport = transport_to(start_sshd("ForceCommand echo This account is not available; exit 1"))

    with pytest.raises(HostUnreachable) as caught:
        transport.prepare(HOST, Wanted())

    transport.close()
    assert caught.value.why == ("This account is not available",)


@pytest.mark.rule("T-39", "I-17")
def test_an_open_command_of_an_earlier_run_is_named_and_no_reason_to_refuse(start_sshd: StartSshd):
    server = start_sshd()
    transport, stop = transport_to(server), Stop()
    hold = server.home / "hold"
    hold.touch()
    job = a_job(f"echo x; while [ -e {hold} ]; do sleep 0.1; done", limit=60.0)
    transport.run(HOST, job, lambda _: stop.ask(StopMode.LEAVE), stop)

    ready = transport.prepare(HOST, Wanted())
    transport.close()
    hold.unlink()

    assert any(str(job.id) in warning for warning in ready.warnings)


@pytest.mark.rule("T-33", "T-39")
@pytest.mark.parametrize(("answer", "ready"), [("exit 0", True), ("exit 1", False)])
def test_sudo_is_tried_where_a_line_names_it(start_sshd: StartSshd, answer: str, ready: bool):
    server = start_sshd('ForceCommand PATH=$HOME/bin:$PATH; eval "$SSH_ORIGINAL_COMMAND"')
    program = server.home / "bin" / "sudo"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o755)
    transport = transport_to(server)

    assert _is_ready(transport, Wanted(sudo=True)) is ready
    transport.close()


@pytest.mark.rule("T-39")
def test_without_ss_the_balancers_word_counts(start_sshd: StartSshd):
    server = start_sshd('ForceCommand PATH=$HOME/bin; eval "$SSH_ORIGINAL_COMMAND"')
    (server.home / "bin").mkdir()
    for tool in ["setsid", "mkdir", "cat", "sleep", "tail", "wc", "id", "mv", "rm", "find", "chmod", "df"]:
        (server.home / "bin" / tool).symlink_to(f"/usr/bin/{tool}")
    transport = transport_to(server)

    ready = transport.prepare(HOST, Wanted(count_ports=frozenset({1})))

    transport.close()
    assert (ready.countable, "has no ss" in ready.warnings[0]) == (False, True)


@pytest.mark.rule("T-39")
def test_a_missing_tool_is_named(start_sshd: StartSshd):
    server = start_sshd('ForceCommand PATH=$HOME/bin; eval "$SSH_ORIGINAL_COMMAND"')
    (server.home / "bin").mkdir()
    for tool in ["mkdir", "cat", "sleep", "wc", "id", "mv", "rm", "find", "chmod", "df"]:
        (server.home / "bin" / tool).symlink_to(f"/usr/bin/{tool}")
    transport = transport_to(server)

    with pytest.raises(Refused, match="setsid, tail"):
        transport.prepare(HOST, Wanted())
    transport.close()


def test_folders_of_last_week_are_removed(transport: SshTransport, sshd: SshdServer):
    old = sshd.home / ".elbroll" / "jobs" / "old-deploy-1-1"
    new = sshd.home / ".elbroll" / "jobs" / "new-deploy-1-1"
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (time.time() - 9 * 86400,) * 2)

    transport.prepare(HOST, Wanted())

    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.rule("T-27")
def test_another_machine_in_the_hosts_place_is_refused():
    host = Host(HostId("i-0a1b2c3d4e5f60001"), "web-1", InstanceState.RUNNING, private_ip="10.0.1.11")

    assert compared(host, ("i-0a1b2c3d4e5f60001",)) == ()
    assert "does not tell" in compared(host, ("", "none"))[0]
    with pytest.raises(HostAccessError):
        compared(host, ("i-0a1b2c3d4e5f60002",))


@pytest.mark.rule("T-27")
def test_loopback_and_outside_hosts_have_no_identity():
    host = Host(HostId("i-0a1b2c3d4e5f60001"), "web-1", InstanceState.RUNNING, private_ip="10.0.1.11")

    assert has_identity(host)
    assert not has_identity(replace(host, private_ip="127.0.0.1"))
    assert not has_identity(replace(host, state=InstanceState.OUTSIDE))


# --- uploads -----------------------------------------------------------------------------------------


@pytest.mark.rule("T-40", "H26")
def test_a_file_arrives_whole_with_its_mode(transport: SshTransport, sshd: SshdServer, tmp_path: Path):
    (tmp_path / "app").write_bytes(os.urandom(3_000_000))

    transport.upload(HOST, an_upload(tmp_path / "app", "~/it's $HOME.app", "0750"), "1")

    target = sshd.home / "it's $HOME.app"
    assert target.read_bytes() == (tmp_path / "app").read_bytes()
    assert target.stat().st_mode & 0o777 == 0o750
    assert list(sshd.home.glob(".*.elbroll-*")) == []


@pytest.mark.rule("T-41")
def test_an_equal_file_is_not_sent_again(transport: SshTransport, sshd: SshdServer, tmp_path: Path):
    (tmp_path / "app").write_text("same")
    transport.upload(HOST, an_upload(tmp_path / "app", "~/same"), "1")
    before = (sshd.home / "same").stat().st_ino

    transport.upload(HOST, an_upload(tmp_path / "app", "~/same"), "2")
    after = (sshd.home / "same").stat().st_ino
    transport.upload(HOST, an_upload(tmp_path / "app", "~/same", "0600"), "3")

    assert before == after
    assert (sshd.home / "same").stat().st_mode & 0o777 == 0o600


@pytest.mark.rule("T-40", "T-42")
@pytest.mark.parametrize("to", ["app", "/", "~/", "/a/../b", "/a\nb", "/no/such/folder/app", "~/folder", ""])
def test_targets_that_cannot_be_are_refused(transport: SshTransport, sshd: SshdServer, tmp_path: Path, to: str):
    (tmp_path / "app").write_text("new")
    (sshd.home / "folder").mkdir(exist_ok=True)

    with pytest.raises(Refused):
        transport.upload(HOST, an_upload(tmp_path / "app", to), "1")


@pytest.mark.rule("T-40")
def test_a_file_that_does_not_fit_leaves_the_old_one(start_sshd: StartSshd, tmp_path: Path):
    server = start_sshd("ForceCommand trap '' XFSZ; ulimit -f 1000; eval \"$SSH_ORIGINAL_COMMAND\"")
    (server.home / "app").write_text("old")
    (tmp_path / "app").write_bytes(b"x" * 3_000_000)
    transport = transport_to(server)

    with pytest.raises(Refused, match="File too large"):
        transport.upload(HOST, an_upload(tmp_path / "app", "~/app"), "1")

    transport.close()
    assert (server.home / "app").read_text() == "old"
    assert list(server.home.glob(".app.*")) == []


@pytest.mark.rule("T-42")
def test_sources_that_cannot_be_are_refused(transport: SshTransport, tmp_path: Path):
    for source in (tmp_path, tmp_path / "missing", "/dev/null"):
        with pytest.raises(Refused):
            transport.upload(HOST, an_upload(source, "~/x"), "1")


def test_a_source_that_changed_is_refused(transport: SshTransport, tmp_path: Path):
    (tmp_path / "app").write_text("one")
    transport.upload(HOST, an_upload(tmp_path / "app", "~/changing"), "1")
    (tmp_path / "app").write_text("another")

    with pytest.raises(Refused, match="changed"):
        transport.upload(HOST, an_upload(tmp_path / "app", "~/changing"), "2")


# --- counting ----------------------------------------------------------------------------------------


@pytest.mark.rule("E3")
def test_connections_come_and_go_in_the_count(transport: SshTransport):
    with listening() as port, transport.watch(HOST, {port, 1}) as watch:
        none = watch.look()
        with socket.create_connection(("127.0.0.1", port)):
            one = watch.look()

    assert none == ()
    assert one is not None
    assert [(seen.local, seen.local_port, seen.peer) for seen in one] == [("127.0.0.1", port, "127.0.0.1")]
    assert one[0].bytes_received == 0


def test_a_lost_line_is_counted_over_a_fresh_one(transport: SshTransport):
    with transport.watch(HOST, {1}) as watch:
        watch.look()
        transport.drop(HOST)

        assert watch.look() == ()


def test_what_cannot_be_counted_any_more_is_none(start_sshd: StartSshd):
    transport = transport_to(start_sshd(), only_once=True)

    with transport.watch(HOST, {1}) as watch:
        first = watch.look()
        transport.drop(HOST)
        later = (watch.look(), watch.look())

    transport.close()
    assert (first, later) == ((), (None, None))


@pytest.mark.rule("F-54", "I-6")
@pytest.mark.parametrize("looks", [0, 1], ids=["before the first count", "between two counts"])
def test_a_count_on_a_frozen_host_is_not_waited_for_after_a_signal(sshd: SshdServer, looks: int) -> None:
    stop = Stop()
    with FaultProxy(sshd.port) as proxy:
        transport = transport_to(sshd, proxy.port, stop=stop)
        transport.look(HOST, "true", {}, 5.0)
        with transport.watch(HOST, {1}) as watch:
            for _ in range(looks):
                watch.look()
            proxy.freeze()
            threading.Timer(0.5, stop.ask, (StopMode.LEAVE,)).start()
            began = time.monotonic()
            told = watch.look()
            took = time.monotonic() - began
            proxy.thaw()
        transport.close()

    assert (told, took < 10) == (None, True)


@pytest.mark.rule("E3")
def test_ss_is_read_with_mapped_addresses_and_zones():
    text = (
        "0      0      [::ffff:10.0.1.11]:8080 [::ffff:10.0.9.9]:443\n"
        "\t cubic wscale:7,7 rto:204 bytes_sent:12 bytes_received:7 lastsnd:100 lastrcv:200 lastack:3\n"
        "0 0 [fe80::1]%eth0:8080 [fe80::2]%eth0:5000 \n"
        "\t cubic rto:204\n"
        "ESTAB 0 0 10.0.1.11:9090 10.0.9.9:1 cubic lastsnd:5 lastrcv:6\n"
    )

    first, second, third = parse(text, {8080, 9090}) or ()

    assert (first.local, first.peer, first.peer_port) == ("10.0.1.11", "10.0.9.9", 443)
    assert (first.last_sent, first.last_received, first.bytes_sent, first.bytes_received) == (100, 200, 12, 7)
    assert (second.local, second.last_sent, second.bytes_sent) == ("fe80::1", None, 0)
    assert (third.local_port, third.last_sent, third.last_received) == (9090, 5, 6)


@pytest.mark.rule("E3")
@pytest.mark.parametrize("text", ["garbage\n", "0 0 a b\n", "\t cubic\n", "0 0 10.0.0.1:x 10.0.0.2:1\n"])
def test_what_is_not_understood_proves_nothing(text: str):
    assert parse(text, {1}) is None


def test_no_connections_are_none():
    assert parse("", {1}) == ()


def _is_ready(transport: SshTransport, wanted: Wanted) -> bool:
    try:
        transport.prepare(HOST, wanted)
    except Refused:
        return False
    return True
