"""Logins to a real OpenSSH server with every kind of key there is, and what ends them early."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from elbroll.errors import HostUnreachable
from punctual import timed, within
from transports.machine import NEEDED, make_key, ssh_agent
from transports.oddservers import OddServer, silent
from transports.reach import a_host, connector, known, settings

if TYPE_CHECKING:
    from transports.conftest import SshdServer, StartSshd

pytestmark = [pytest.mark.sshd, pytest.mark.usefixtures("no_leftovers")]


def admit(server: SshdServer, key: Path) -> Path:
    """Let a key log in to a server of the test's own."""
    with (server.folder / "authorized_keys").open("a") as file:
        file.write(key.with_name(f"{key.name}.pub").read_text())
    return key


@pytest.mark.rule("T-21", "H21")
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("rsa", ()),
        ("ecdsa", ()),
        ("ecdsa", ("-b", "521")),
        ("ed25519", ()),
        ("rsa", ("-m", "PEM")),
        ("rsa", ("-m", "PKCS8")),
        ("ecdsa", ("-m", "PKCS8")),
    ],
)
def test_every_kind_of_key_logs_in(kind: str, options: tuple[str, ...], start_sshd: StartSshd, tmp_path: Path) -> None:
    server = start_sshd()
    key = admit(server, make_key(tmp_path / "mine", kind, *options))
    with connector(settings(server.port, key, known(tmp_path, server)), tmp_path) as made:
        made.connect(a_host()).close()


@pytest.mark.rule("T-22")
def test_a_certificate_logs_in_where_the_plain_key_is_not_listed(start_sshd: StartSshd, tmp_path: Path) -> None:
    authority, key = make_key(tmp_path / "authority"), make_key(tmp_path / "mine")
    server = start_sshd(f"TrustedUserCAKeys {authority}.pub")
    sign = ["ssh-keygen", "-q", "-s", authority, "-I", "test", "-n", server.user, f"{key}.pub"]
    subprocess.run(sign, check=True, timeout=NEEDED)
    with connector(settings(server.port, key, known(tmp_path, server)), tmp_path) as made:
        made.connect(a_host()).close()


@pytest.mark.rule("T-20")
def test_a_key_of_the_agent_logs_in(sshd: SshdServer, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"IdentityFile none\nIdentityAgent {tmp_path}/agent\n")
    ssh = settings(sshd.port, None, known(tmp_path, sshd), config_file="config")
    with ssh_agent(tmp_path / "agent", sshd.client_key), connector(ssh, tmp_path) as made:
        made.connect(a_host()).close()


@timed
@pytest.mark.rule("T-3", "T-37")
def test_closing_the_connector_ends_what_is_under_way(tmp_path: Path, sshd: SshdServer) -> None:
    failed: list[Exception] = []

    def connect() -> None:
        try:
            made.connect(a_host())
        except HostUnreachable as error:
            failed.append(error)

    with OddServer(silent) as server:
        ssh = settings(server.port, sshd.client_key, known(tmp_path, sshd), connect_timeout="30s")
        with connector(ssh, tmp_path) as made:
            thread = threading.Thread(target=connect)
            thread.start()
            while not server.accepted:
                time.sleep(0.01)
            with within(1.5):
                made.close()
                thread.join(NEEDED)
    assert len(failed) == 1
    assert server.accepted == 1


@pytest.mark.rule("T-8", "H15")
def test_paramiko_says_nothing_on_its_own(tmp_path: Path, sshd: SshdServer) -> None:
    program = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from elbroll.errors import HostUnreachable
from transports.oddservers import OddServer, saying
from transports.reach import a_host, connector, settings
folder, key = Path(sys.argv[2]), Path(sys.argv[3])
(folder / "known_hosts").touch()
with OddServer(saying(b"no")) as server, connector(settings(server.port, key, folder / "known_hosts"), folder) as made:
    try:
        made.connect(a_host())
    except HostUnreachable:
        print("refused")
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, Path(__file__).parents[1], tmp_path, sshd.client_key],
        capture_output=True,
        text=True,
        timeout=NEEDED,
        check=True,
    )
    assert (ran.stdout, ran.stderr) == ("refused\n", "")
