"""A real OpenSSH server on loopback with throw-away keys, for all tests of this room (ssh.md 7)."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from transports.machine import NEEDED, descriptors, free_port, make_key, taken_port, threads

if TYPE_CHECKING:
    from collections.abc import Iterator

SSHD = next((path for path in ("/usr/sbin/sshd", "/usr/local/sbin/sshd") if Path(path).exists()), None)


@dataclass(frozen=True)
class SshdServer:
    """A started sshd. `home` is what `$HOME` says in its sessions; the working directory is the account's own."""

    port: int
    user: str
    host_key: str
    """The public line, `ssh-ed25519 AAAA…`."""
    client_key: Path
    home: Path
    folder: Path
    """Keys, config and `sshd.log`."""
    process: subprocess.Popen[bytes]

    def known_as(self, *names: str) -> str:
        """A known_hosts line that lists the server under `names`."""
        return f"{','.join(names)} {self.host_key}\n"

    def sessions(self) -> list[int]:
        """Pids of everything that the server has started and that has not left its tree."""
        return _descendants(self.process.pid)

    def freeze(self) -> None:
        """Stop the server and its sessions, as a machine that has run out of memory does."""
        for pid in [self.process.pid, *self.sessions()]:
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Undo `freeze`."""
        for pid in [self.process.pid, *self.sessions()]:
            os.kill(pid, signal.SIGCONT)

    def drop_sessions(self) -> None:
        """End every login, as a restart of the machine's network would; the server listens on."""
        for pid in self.sessions():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """End the server and everything below it."""
        for pid in [self.process.pid, *self.sessions()]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(NEEDED)


class StartSshd(Protocol):
    """Starts a server; the lines go on top of its config, where the first value wins."""

    def __call__(self, *lines: str) -> SshdServer: ...


@pytest.fixture(scope="session")
def ssh_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client's and the hosts' keys: `client`, `host_ed25519`, `host_ecdsa`, `host_rsa`."""
    _needs_sshd()
    folder = tmp_path_factory.mktemp("ssh_keys")
    for name, kind in (
        ("client", "ed25519"),
        ("host_ed25519", "ed25519"),
        ("host_ecdsa", "ecdsa"),
        ("host_rsa", "rsa"),
    ):
        make_key(folder / name, kind)
    return folder


@pytest.fixture
def start_sshd(ssh_keys: Path, tmp_path: Path) -> Iterator[StartSshd]:
    """Start servers of one's own; they end with the test."""
    with ExitStack() as running:

        def start(*lines: str) -> SshdServer:
            server = _started(tmp_path / f"sshd{len(list(tmp_path.glob('sshd*')))}", ssh_keys, lines)
            running.callback(server.stop)
            return server

        yield start


@pytest.fixture(scope="module")
def sshd(ssh_keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshdServer]:
    """One server for a whole module, with `SHLVL=3` so that bash reads no rc file."""
    server = _started(tmp_path_factory.mktemp("sshd"), ssh_keys, ())
    yield server
    server.stop()


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port of 127.0.0.1 at which nobody listens, nor can meanwhile."""
    with taken_port() as port:
        yield port


@pytest.fixture
def no_leftovers() -> Iterator[None]:
    """After the test no thread, descriptor or child is left that was not there before (T-6)."""
    before = (threads(), descriptors(), _descendants(os.getpid()))
    yield
    deadline = time.monotonic() + NEEDED
    after = before
    while time.monotonic() < deadline:
        after = (threads(), descriptors(), _descendants(os.getpid()))
        if all(len(now) <= len(then) for now, then in zip(after, before, strict=True)):
            return
        time.sleep(0.02)
    raise AssertionError(f"left behind: {after}, was {before}")


def _needs_sshd() -> None:
    if SSHD is None or not shutil.which("ssh-keygen"):
        pytest.skip("no OpenSSH server on this machine")


def _started(folder: Path, keys: Path, lines: tuple[str, ...]) -> SshdServer:
    folder.mkdir(exist_ok=True)
    (folder / "home").mkdir()
    (folder / "authorized_keys").write_text((keys / "client.pub").read_text())
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    for _ in range(5):
        port = free_port()
        process = _spawned(folder, _config(folder, keys, port, lines))
        if _answers(port, process):
            return SshdServer(
                port=port,
                user=getpass.getuser(),
                host_key=" ".join((keys / "host_ed25519.pub").read_text().split()[:2]),
                client_key=keys / "client",
                home=folder / "home",
                folder=folder,
                process=process,
            )
        process.kill()
        process.wait(NEEDED)
    raise RuntimeError(f"sshd does not start: {(folder / 'sshd.log').read_text()}")


def _config(folder: Path, keys: Path, port: int, lines: tuple[str, ...]) -> str:
    return "\n".join(
        (
            *lines,
            f"Port {port}",
            "ListenAddress 127.0.0.1",
            "PidFile none",
            f"AuthorizedKeysFile {folder}/authorized_keys",
            f"HostKey {keys}/host_ed25519",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "UseDNS no",
            "Subsystem sftp internal-sftp",
            "AllowTcpForwarding yes",
            "MaxStartups 100",
            f"SetEnv SHLVL=3 HOME={folder}/home",
            "PrintMotd no",
            "LogLevel VERBOSE",
            "",
        )
    )


def _spawned(folder: Path, config: str) -> subprocess.Popen[bytes]:
    assert SSHD
    (folder / "sshd_config").write_text(config)
    return subprocess.Popen(
        [SSHD, "-D", "-f", str(folder / "sshd_config"), "-E", str(folder / "sshd.log")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Whether the server has sent its banner; False as soon as it is known to have ended."""
    deadline = time.monotonic() + NEEDED
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            if probe.recv(4) == b"SSH-":
                return True
        time.sleep(0.01)
    return False


def _descendants(pid: int) -> list[int]:
    try:
        children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return [found for child in children for found in (child, *_descendants(child))]
