"""Each fresh line is proven to lead to the planned machine, by what the machine itself says, before it is used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from elbroll.clock import SystemClock
from elbroll.config.schema import Ssh
from elbroll.engine.stop import Stop
from elbroll.errors import HostAccessError
from elbroll.model import Host, HostId, InstanceState, JobEnd
from elbroll.transports.connection import Connector
from elbroll.transports.ssh import SshTransport
from transports.working import QUICK, a_job, folder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from transports.conftest import SshdServer, StartSshd

PLANNED, OTHER = "i-0a1b2c3d4e5f60001", "i-0a1b2c3d4e5f60002"
HOST = Host(HostId(PLANNED), "web-1", InstanceState.RUNNING, private_ip="10.0.1.11")
pytestmark = pytest.mark.sshd


@pytest.fixture
def machine(start_sshd: StartSshd, tmp_path: Path) -> SshdServer:
    """A server that asks a metadata service of our own for its instance id."""
    tools = tmp_path / "tools"
    tools.mkdir()
    curl = tools / "curl"
    curl.write_text(f'#!/bin/sh\ncase "$*" in *api/token*) echo token ;; *) cat {tmp_path}/instance ;; esac\n')
    curl.chmod(0o755)
    become(tmp_path, PLANNED)
    home = tmp_path / "home"
    home.mkdir()
    return start_sshd(f"SetEnv SHLVL=3 HOME={home} PATH={tools}:{os.environ['PATH']}")


@pytest.fixture
def reach(machine: SshdServer, tmp_path: Path) -> Iterator[Callable[..., SshTransport]]:
    """Transports that find the host's address at the server."""
    config, known = tmp_path / "ssh_config", tmp_path / "known_hosts"
    config.write_text("Host 10.0.1.11\n  HostName 127.0.0.1\n")
    known.write_text(machine.known_as(PLANNED))
    made: list[SshTransport] = []

    def to(lives: Callable[[Host], bool] = lambda _: True) -> SshTransport:
        ssh = {"user": machine.user, "port": machine.port, "identity_file": str(machine.client_key)}
        settings = Ssh.model_validate({**ssh, "known_hosts": str(known), "config_file": str(config)})
        clock = SystemClock()
        made.append(SshTransport(Connector(settings, clock, tmp_path), clock, QUICK, tmp_path, lives))
        return made[-1]

    yield to
    for transport in made:
        transport.close()


def become(folder: Path, instance: str) -> None:
    (folder / "instance").write_text(instance + "\n")


@pytest.mark.rule("F-41", "S-2", "T-27", "I-8")
def test_another_machine_at_the_hosts_address_is_told_no_command(
    machine: SshdServer, reach: Callable[..., SshTransport], tmp_path: Path
) -> None:
    become(tmp_path, OTHER)
    transport, job = reach(), a_job("touch ran")

    with pytest.raises(HostAccessError) as caught:
        transport.run(HOST, job, lambda _: None, Stop())

    assert caught.value.code == "identity"
    assert f"planned {PLANNED}" in caught.value.why[0]
    assert OTHER in caught.value.why[0]
    assert not transport.alive(HOST)
    assert not folder_of(machine, job).exists()


@pytest.mark.rule("F-41", "S-2", "T-27")
def test_a_machine_that_takes_over_the_address_between_two_commands_is_told_none(
    machine: SshdServer, reach: Callable[..., SshTransport], tmp_path: Path
) -> None:
    transport = reach()
    assert transport.run(HOST, a_job("true"), lambda _: None, Stop()).success
    become(tmp_path, OTHER)
    machine.drop_sessions()

    with pytest.raises(HostAccessError, match="another machine answers in the place of web-1"):
        transport.run(HOST, a_job("touch ran"), lambda _: None, Stop())


@pytest.mark.rule("F-41", "F-43", "I-11")
def test_a_machine_that_takes_over_the_address_in_mid_command_is_not_asked_what_became_of_it(
    machine: SshdServer, reach: Callable[..., SshTransport], tmp_path: Path
) -> None:
    def take_over(_line: str) -> None:
        become(tmp_path, OTHER)
        machine.drop_sessions()

    result = reach().run(HOST, a_job("echo begun; sleep 20", limit=30.0), take_over, Stop())

    assert result.end is JobEnd.UNKNOWN
    assert "another machine" in (result.cause or "")
    assert result.seconds < 10


@pytest.mark.rule("F-34", "I-8")
def test_a_terminated_machine_is_not_called_again(machine: SshdServer, reach: Callable[..., SshTransport]) -> None:
    asked: list[HostId] = []

    def lives(host: Host) -> bool:
        asked.append(host.id)
        return False

    transport = reach(lives)
    result = transport.run(HOST, a_job("echo begun; sleep 20"), lambda _: machine.drop_sessions(), Stop())
    logins = (machine.folder / "sshd.log").read_text().count("Accepted publickey")

    assert (result.end, asked, logins) == (JobEnd.UNKNOWN, [HOST.id], 1)
    assert "terminated" in (result.cause or "")
    assert result.seconds < 10


@pytest.mark.rule("F-34")
def test_a_living_machine_is_called_again_after_a_lost_line(
    machine: SshdServer, reach: Callable[..., SshTransport]
) -> None:
    reach().run(HOST, a_job("echo begun; sleep 1"), lambda _: machine.drop_sessions(), Stop())

    assert (machine.folder / "sshd.log").read_text().count("Accepted publickey") > 1
