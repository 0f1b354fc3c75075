"""The demo's SSH server, driven by paramiko and by OpenSSH's own client."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
import pytest

from demo.eventual import eventually
from elbroll.demo.sshd.account import Odd
from elbroll.demo.sshd.keys import new_key, write_key
from elbroll.demo.sshd.server import SshServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elbroll.demo.sshd.account import Account

    Connect = Callable[[], paramiko.Transport]


def run(line: paramiko.Transport, command: str, given: bytes = b"") -> tuple[bytes, bytes, int]:
    channel = line.open_session()
    channel.exec_command(command)
    channel.sendall(given)
    channel.shutdown_write()
    out = channel.makefile("rb").read()
    errors = channel.makefile_stderr("rb").read()
    return out, errors, channel.recv_exit_status()


@pytest.mark.parametrize("status", [0, 1, 7, 125, 255])
def test_a_command_ends_with_its_own_status(connect: Connect, status: int) -> None:
    assert run(connect(), f"exit {status}")[2] == status


def test_streams_are_kept_apart_and_home_is_where_a_command_starts(connect: Connect, account: Account) -> None:
    out, errors, _ = run(connect(), "pwd; echo oops >&2; echo $GREETING")

    assert out.decode().split() == [str(account.home), "hello"]
    assert errors == b"oops\n"


def test_input_reaches_the_command_and_so_does_its_end(connect: Connect) -> None:
    given = bytes(range(256)) * 4096

    out, _, status = run(connect(), "cat", given[:65536])
    counted, _, _ = run(connect(), "wc -c", given)

    assert (out, status, int(counted)) == (given[:65536], 0, len(given))


@pytest.mark.rule("H27")
def test_much_output_on_both_streams_arrives_whole(connect: Connect) -> None:
    channel = connect().open_session()
    channel.exec_command("head -c 8000000 /dev/zero & head -c 3000000 /dev/zero >&2; wait")
    errors: list[bytes] = []
    reader = threading.Thread(target=lambda: errors.append(channel.makefile_stderr("rb").read()))
    reader.start()
    out = channel.makefile("rb").read()
    reader.join()

    assert (len(out), len(errors[0]), channel.recv_exit_status()) == (8_000_000, 3_000_000, 0)


def test_an_unread_window_holds_the_command_back_and_loses_nothing(connect: Connect) -> None:
    channel = connect().open_session()
    channel.exec_command("head -c 6000000 /dev/zero; echo done >marker")
    assert not channel.status_event.wait(0.5)

    assert len(channel.makefile("rb").read()) == 6_000_000
    assert channel.recv_exit_status() == 0


@pytest.mark.rule("H5")
def test_a_background_child_that_keeps_the_output_does_not_keep_the_channel(connect: Connect) -> None:
    channel = connect().open_session()
    channel.exec_command("sleep 30 & echo $!")

    assert channel.status_event.wait(20)
    assert channel.recv(100).strip().isdigit()


@pytest.mark.rule("H4")
def test_a_lost_client_does_not_end_a_silent_command(connect: Connect, server: SshServer, account: Account) -> None:
    line = connect()
    line.open_session().exec_command("sleep 0.5; echo alive >trace")
    eventually(lambda: server.lines == 1)

    line.close()

    eventually((account.home / "trace").exists)


@pytest.mark.rule("H4")
def test_a_lost_client_is_an_end_of_input(connect: Connect, account: Account) -> None:
    line = connect()
    line.open_session().exec_command("cat; echo over >trace")

    line.close()

    eventually((account.home / "trace").exists)


@pytest.mark.rule("H2")
def test_a_signal_is_told_as_a_signal(connect: Connect) -> None:
    assert run(connect(), "kill -TERM $$")[2] == -1


def test_a_signal_request_reaches_the_command(connect: Connect) -> None:
    channel = connect().open_session()
    channel.exec_command("trap 'echo got it; exit 3' TERM; echo ready; while :; do sleep 0.05; done")
    assert channel.recv(100) == b"ready\n"

    send_signal(channel, "TERM")

    assert channel.recv_exit_status() == 3


def send_signal(channel: paramiko.Channel, name: str) -> None:
    message = paramiko.Message()
    message.add_byte(bytes([98]))
    message.add_int(channel.remote_chanid)
    message.add_string("signal")
    message.add_boolean(False)
    message.add_string(name)
    channel.transport._send_user_message(message)


def test_people_get_a_terminal_of_their_size(connect: Connect) -> None:
    channel = connect().open_session()
    channel.get_pty("xterm", 91, 33)
    channel.exec_command("tty >/dev/null && stty size; echo $TERM; read answer; stty size; exit 5")
    seen = read_lines(channel, 2)
    channel.resize_pty(70, 20)
    channel.sendall(b"go on\n")
    seen += read_lines(channel, 2)

    assert seen == ["33 91", "xterm", "go on", "20 70"]
    assert channel.recv_exit_status() == 5


def read_lines(channel: paramiko.Channel, count: int) -> list[str]:
    text = ""
    while text.count("\n") < count:
        text += channel.recv(1000).decode()
    return [line.strip() for line in text.splitlines()]


def test_a_shell_on_a_terminal_answers_and_ends_with_its_line(connect: Connect) -> None:
    line = connect()
    channel = line.open_session()
    channel.get_pty()
    channel.invoke_shell()
    channel.sendall(b"echo pid''=$$.\n")
    heard = b""
    while not (found := re.search(rb"pid=(\d+)\.", heard)):
        heard += channel.recv(1000)

    line.close()

    eventually(lambda: living(int(found[1])) == [])


def test_a_command_on_a_terminal_is_hung_up_with_its_line(connect: Connect, account: Account) -> None:
    line = connect()
    channel = line.open_session()
    channel.get_pty()
    channel.exec_command("trap 'touch hung-up; exit' HUP; echo ready; while :; do sleep 0.05; done")
    assert channel.recv(100) == b"ready\r\n"

    line.close()

    eventually((account.home / "hung-up").exists)


def test_closing_ends_every_command_in_its_group(account: Account, same_threads_afterwards: None) -> None:
    with SshServer(account) as server:
        line = paramiko.Transport(socket.create_connection((server.address, server.port)))
        line.connect(username="demo", pkey=account.key)
        channel = line.open_session()
        channel.exec_command("echo $$; sleep 60")
        group = int(channel.recv(100))

    eventually(lambda: living(group) == [])
    line.close()


def living(group: int) -> list[int]:
    """Processes of a group; a zombie is only a name that nobody has read yet."""
    listed = subprocess.run(["ps", "-eo", "pid=,pgid=,state="], capture_output=True, text=True, check=True).stdout
    rows = [row.split() for row in listed.splitlines()]
    return [int(process) for process, its_group, state in rows if int(its_group) == group and state != "Z"]


def test_thirty_clients_at_once_and_nothing_of_them_is_left(account: Account, same_threads_afterwards: None) -> None:
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    with SshServer(account) as server, ThreadPoolExecutor(30) as pool:

        def one(number: int) -> bytes:
            line = paramiko.Transport(socket.create_connection((server.address, server.port)))
            line.connect(username="demo", pkey=account.key)
            out, _, _ = run(line, f"echo {number}")
            line.close()
            return out

        answers = list(pool.map(one, range(30)))

    assert answers == [b"%d\n" % number for number in range(30)]
    eventually(lambda: len(list(Path("/proc/self/fd").iterdir())) <= descriptors)


# --- login --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["root", "nobody"])
def test_another_user_is_refused(server: SshServer, user: str) -> None:
    assert_refused(server, user, server.account.key)


def test_another_key_is_refused(server: SshServer) -> None:
    assert_refused(server, "demo", new_key())


def assert_refused(server: SshServer, user: str, key: paramiko.PKey) -> None:
    with paramiko.Transport(socket.create_connection((server.address, server.port))) as line:
        line.start_client(timeout=5)
        with pytest.raises(paramiko.AuthenticationException):
            line.auth_publickey(user, key)


def test_a_password_is_not_even_asked_for(server: SshServer) -> None:
    with paramiko.Transport(socket.create_connection((server.address, server.port))) as line:
        line.start_client(timeout=5)
        with pytest.raises(paramiko.BadAuthenticationType) as refused:
            line.auth_password("demo", "demo")

    assert refused.value.allowed_types == ["publickey"]


def test_only_loopback_is_served(account: Account) -> None:
    with pytest.raises(ValueError, match="not a loopback"):
        SshServer(account, "0.0.0.0")


# --- tunnels ------------------------------------------------------------------------------------------


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that answers in capitals what it has read to the end."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connected, _ = listener.accept()
        with connected, connected.makefile("rb") as heard:
            connected.sendall(heard.read().upper())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()


def test_a_tunnel_carries_both_ways_and_passes_half_close_on(connect: Connect, echo: int) -> None:
    channel = connect().open_channel("direct-tcpip", ("127.0.0.1", echo), ("127.0.0.1", 1))
    channel.sendall(b"all of it")
    channel.shutdown_write()

    assert channel.makefile("rb").read() == b"ALL OF IT"


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "example.org", "::ffff:10.0.0.1"])
def test_a_tunnel_leads_to_loopback_only(connect: Connect, address: str) -> None:
    with pytest.raises(paramiko.ChannelException) as refused:
        connect().open_channel("direct-tcpip", (address, 80), ("127.0.0.1", 1), timeout=5)

    assert refused.value.code == 1


def test_a_tunnel_to_a_port_where_nobody_listens_fails_as_a_connect(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    with pytest.raises(paramiko.ChannelException) as refused:
        connect().open_channel("direct-tcpip", ("127.0.0.1", port), ("127.0.0.1", 1), timeout=5)

    assert refused.value.code == 2


# --- odd servers --------------------------------------------------------------------------------------


def test_an_exec_request_can_stay_unanswered(server: SshServer, connect: Connect) -> None:
    server.odd = frozenset({Odd.EXEC_UNANSWERED})
    channel = connect().open_session()
    caller = threading.Thread(target=channel.exec_command, args=("true",), daemon=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "excepthook", lambda _: None)
        caller.start()
        caller.join(0.5)
        assert caller.is_alive()
        server.cut()
        caller.join(5)

    assert not caller.is_alive()


def test_a_refused_exec_says_so(server: SshServer, connect: Connect) -> None:
    server.odd = frozenset({Odd.EXEC_REFUSED})
    with pytest.raises(paramiko.SSHException):
        connect().open_session().exec_command("true")


def test_a_status_can_be_withheld(server: SshServer, connect: Connect) -> None:
    server.odd = frozenset({Odd.NO_STATUS})
    assert run(connect(), "echo done") == (b"done\n", b"", -1)


def test_status_0_can_be_given_for_a_command_that_never_ran(server: SshServer, connect: Connect) -> None:
    server.odd = frozenset({Odd.NOT_RUN})
    assert run(connect(), "touch trace; exit 3") == (b"", b"", 0)
    assert not (server.account.home / "trace").exists()


def test_a_login_can_be_refused_or_left_incomplete(server: SshServer) -> None:
    server.odd = frozenset({Odd.LOGIN_REFUSED})
    assert_refused(server, "demo", server.account.key)

    server.odd = frozenset({Odd.LOGIN_PARTIAL})
    with paramiko.Transport(socket.create_connection((server.address, server.port))) as line:
        line.start_client(timeout=5)
        assert line.auth_publickey("demo", server.account.key) == ["publickey"]
        assert not line.is_authenticated()


def test_forwarding_can_be_forbidden(server: SshServer, connect: Connect) -> None:
    server.odd = frozenset({Odd.NO_FORWARDING})
    with pytest.raises(paramiko.ChannelException) as refused:
        connect().open_channel("direct-tcpip", ("127.0.0.1", server.port), ("127.0.0.1", 1))

    assert refused.value.code == 1


@pytest.mark.parametrize(
    ("odd", "heard"), [(Odd.SILENT, b""), (Odd.BUSY, b"Exceeded MaxStartups\r\n"), (Odd.DRIPPING_BANNER, b"SSS")]
)
def test_a_banner_can_drip_fail_or_never_come(server: SshServer, odd: Odd, heard: bytes) -> None:
    server.odd = frozenset({odd})
    with socket.create_connection((server.address, server.port), timeout=20) as client:
        client.settimeout(20 if heard else 0.5)
        assert read_all(client, len(heard) or 1) == heard


def read_all(client: socket.socket, size: int) -> bytes:
    data = b""
    try:
        while len(data) < size and (more := client.recv(size - len(data))):
            data += more
    except TimeoutError:
        pass
    return data


def test_a_changed_key_is_shown_to_the_next_client(server: SshServer, connect: Connect) -> None:
    before = server.host_key
    connect()
    server.change_key()

    with paramiko.Transport(socket.create_connection((server.address, server.port))) as line:
        line.start_client(timeout=5)
        assert line.get_remote_server_key() == server.host_key != before


# --- OpenSSH's client ---------------------------------------------------------------------------------


@pytest.fixture
def ssh(server: SshServer, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs the machine's own `ssh` against the server, with strict host keys."""
    if shutil.which("ssh") is None:
        pytest.skip("no OpenSSH client here")
    key = write_key(server.account.key, tmp_path / "key")
    known = tmp_path / "known_hosts"
    known.write_text(f"[{server.address}]:{server.port} {server.known_host}\n")
    options = ["-F", "none", "-i", key, "-p", str(server.port), "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]
    options += ["-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes"]

    def call(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = ["ssh", *options, f"demo@{server.address}", *words]
        return subprocess.run(command, input=given, capture_output=True, timeout=30, check=False)

    return call


def test_openssh_runs_commands_and_learns_their_ends(ssh: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    answer = ssh("cat; echo said >&2; exit 42", given=b"x" * 300_000)

    assert (len(answer.stdout), answer.stderr, answer.returncode) == (300_000, b"said\n", 42)


def test_openssh_understands_our_exit_signal(ssh: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    answer = ssh("-v", "kill -KILL $$")

    assert answer.returncode == 255
    assert b"exit-signal" in answer.stderr


def test_openssh_reads_eight_megabytes(ssh: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    assert len(ssh("head -c 8000000 /dev/zero").stdout) == 8_000_000


def test_openssh_tunnels(ssh: Callable[..., subprocess.CompletedProcess[bytes]], echo: int) -> None:
    assert ssh("-W", f"127.0.0.1:{echo}", given=b"through").stdout == b"THROUGH"
