"""What demo hosts use where the machine has no `ss` or `setsid`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import elbroll.demo
from elbroll.demo import sockets
from elbroll.demo.host import STAND_INS, DemoHost, Place
from elbroll.demo.service import AppSettings
from elbroll.demo.sshd.keys import new_key

BIN = Path(elbroll.demo.__file__).parent / "bin"
PATH = f"{BIN}:{os.environ['PATH']}"
ENVIRONMENT = {**os.environ, "PATH": PATH, "ELBROLL_DEMO_PYTHON": sys.executable}


def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, env={**ENVIRONMENT, **more}, capture_output=True, text=True, timeout=20, check=False)


def test_connections_are_listed_by_the_servers_port_only() -> None:
    with socket.create_server(("127.0.0.9", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.9", port)) as client, listener.accept()[0]:
            peer = client.getsockname()
            listed = run(str(BIN / "ss"), "-Htni", "state", "established", f"sport = :{port}").stdout.split()

    assert listed == ["0", "0", f"127.0.0.9:{port}", f"{peer[0]}:{peer[1]}"]


def test_a_listening_socket_and_strangers_are_not_listed() -> None:
    with socket.create_server(("127.0.0.9", 0)) as listener:
        listed = run(str(BIN / "ss"), "-Htni", "state", "established", f"sport = :{listener.getsockname()[1]}")

    assert (listed.stdout, listed.returncode) == ("", 0)


@pytest.mark.skipif(shutil.which("ss") is None, reason="no ss here to compare with")
def test_it_says_the_same_as_the_real_one() -> None:
    question = "-Htn", "state", "established"
    with socket.create_server(("127.0.0.9", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.9", port)), listener.accept()[0]:
            ours = run(str(BIN / "ss"), *question, f"sport = :{port}").stdout.split()
            real = run(str(shutil.which("ss")), *question, f"sport = :{port}").stdout.split()

    assert ours == real


def test_rows_of_other_states_and_ports_are_passed_over() -> None:
    rows = [
        "   0: 0901007F:1F90 0501007F:C001 01 00000002:00000003 00:00000000 00000000",
        "   1: 0901007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000",
        "   2: 0901007F:1F91 0501007F:C002 01 00000000:00000000 00:00000000 00000000",
    ]
    little_endian = ["3 2 127.0.1.9:8080 127.0.1.5:49153\n"]

    assert list(sockets.established(rows, frozenset({8080}))) == little_endian


@pytest.mark.parametrize("tool", ["ss", "ss-here"])
def test_a_host_sees_no_connection_of_another_one_on_the_same_port(tool: str) -> None:
    with socket.create_server(("127.0.0.9", 0)) as listener:
        port = listener.getsockname()[1]
        question = "-Htni", "state", "established", f"( sport = :{port} or sport = :1 )"
        with socket.create_connection(("127.0.0.9", port)), listener.accept()[0]:
            theirs = run(str(BIN / tool), *question, ELBROLL_DEMO_ADDRESS="127.0.0.99")
            ours = run(str(BIN / tool), *question, ELBROLL_DEMO_ADDRESS="127.0.0.9")

    assert theirs.stdout == ""
    assert f"127.0.0.9:{port}" in ours.stdout


def test_setsid_makes_a_session_and_keeps_process_and_status() -> None:
    script = 'set -- "$1"; "$1" sh -c \'echo $$ $(ps -o sid= -p $$); exit 7\'; echo $?'
    out = run("sh", "-c", script, "sh", str(BIN / "setsid")).stdout.split()

    assert out[0] == out[1]
    assert out[2] == "7"


def test_a_host_brings_its_own_where_the_machine_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    place = Place("demo-1", "us-east-1a", "127.0.0.9", {"demo": 1}, tmp_path / "home")
    host = DemoHost(place, new_key(), "mark", AppSettings())
    host.furnish("v1", 0)
    host.stop()

    brought = {path.name for path in (tmp_path / "home" / "bin").iterdir() if os.access(path, os.X_OK)}
    assert brought == {"web-ctl", *STAND_INS}
