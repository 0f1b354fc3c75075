"""Files on a demo host: SFTP by paramiko and by OpenSSH's scp, and the jail around it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from elbroll.demo.sshd.keys import write_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import paramiko

    from elbroll.demo.sshd.account import Account
    from elbroll.demo.sshd.server import SshServer


@pytest.fixture
def sftp(connect: Callable[[], paramiko.Transport]) -> Iterator[paramiko.SFTPClient]:
    client = connect().open_sftp_client()
    assert client is not None
    with client:
        yield client


@pytest.fixture
def secret(tmp_path: Path, account: Account) -> Path:
    """A file beside the home, with a link to it and to its folder inside."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (account.home / "link").symlink_to(outside / "secret")
    (account.home / "door").symlink_to(outside)
    return outside / "secret"


def test_a_file_is_written_read_listed_and_removed(sftp: paramiko.SFTPClient, account: Account) -> None:
    with sftp.open("new", "wb") as new:
        new.write(b"x" * 200_000)
    sftp.chmod("new", 0o640)

    assert (account.home / "new").read_bytes() == b"x" * 200_000
    assert sftp.listdir() == ["new"]
    assert sftp.stat("new").st_mode == (account.home / "new").stat().st_mode
    sftp.remove("new")
    assert sftp.listdir() == []


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside/secret", "link", "door/secret"])
def test_nothing_outside_of_home_can_be_read_or_written(sftp: paramiko.SFTPClient, secret: Path, path: str) -> None:
    with pytest.raises(PermissionError):
        sftp.open(path)
    with pytest.raises(PermissionError):
        sftp.open(path, "wb")

    assert secret.read_text() == "secret"


def test_nothing_moves_through_a_link_that_leads_out(sftp: paramiko.SFTPClient, secret: Path, account: Account) -> None:
    (account.home / "mine").write_text("mine")
    for deed in (
        lambda: sftp.rename("mine", "door/mine"),
        lambda: sftp.posix_rename("door/secret", "stolen"),
        lambda: sftp.remove("door/secret"),
        lambda: sftp.mkdir("door/new"),
        lambda: sftp.listdir("door"),
    ):
        with pytest.raises(PermissionError):
            deed()

    assert [path.name for path in secret.parent.iterdir()] == ["secret"]


def test_removing_a_link_removes_the_link(sftp: paramiko.SFTPClient, secret: Path) -> None:
    sftp.remove("link")

    assert secret.exists()


def test_rename_refuses_an_existing_target_and_posix_rename_replaces(
    sftp: paramiko.SFTPClient, account: Account
) -> None:
    (account.home / "old").write_text("old")
    (account.home / "new").write_text("new")
    with pytest.raises(OSError, match="Failure"):
        sftp.rename("new", "old")
    sftp.posix_rename("new", "old")

    assert (account.home / "old").read_text() == "new"


def test_a_missing_file_is_said_to_be_missing(sftp: paramiko.SFTPClient) -> None:
    with pytest.raises(FileNotFoundError):
        sftp.stat("nowhere")


@pytest.mark.skipif(shutil.which("scp") is None, reason="no OpenSSH client here")
def test_scp_copies_and_calls_it_good(server: SshServer, tmp_path: Path) -> None:
    key = write_key(server.account.key, tmp_path / "key")
    known = tmp_path / "known_hosts"
    known.write_text(f"[{server.address}]:{server.port} {server.known_host}\n")
    source = tmp_path / "source"
    source.write_bytes(b"y" * 500_000)
    options = ["-F", "none", "-s", "-i", key, "-P", str(server.port), "-o", f"UserKnownHostsFile={known}"]

    done = subprocess.run(
        ["scp", *options, source, f"demo@{server.address}:copy"], capture_output=True, timeout=30, check=False
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert (server.account.home / "copy").read_bytes() == source.read_bytes()
