"""The demo as a whole, with a stand-in for the command line: what is run, passed on, counted and said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from demo.eventual import eventually
from elbroll.demo.show import Afterwards, DemoResult, Trouble, exports, run_demo
from elbroll.demo.traffic import Count

if TYPE_CHECKING:
    from pathlib import Path


def stand_in(tmp_path: Path, code: str) -> tuple[str, ...]:
    """A program in the place of `elbroll`; it notes its words and sees the world through `environ`."""
    program = tmp_path / "program.py"
    note = f"import os, sys\nwith open({str(tmp_path / 'calls')!r}, 'a') as calls: print(*sys.argv[1:], file=calls)\n"
    program.write_text(note + code)
    return (sys.executable, str(program))


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "calls").read_text().splitlines()


def test_a_roll_is_the_ordinary_command_line_in_this_world(tmp_path: Path) -> None:
    said: list[str] = []
    code = "import time; time.sleep(0.5); sys.exit(0 if 'elbroll-demo-' in os.environ['ELBROLL_CONFIG'] else 1)"

    result = run_demo(2, None, Afterwards.END, said.append, stand_in(tmp_path, code))

    assert said == ["A world on 127.0.0.1: 2 hosts, 1 balancer, 40 requests a second."]
    assert calls(tmp_path) == ["deploy --lb demo --release v2"]
    assert (result.exit_code, result.count.failed) == (0, 0)
    assert result.count.answered > 5
    assert "--break verify" in result.next


def test_a_broken_release_is_repaired_after_it_was_halted(tmp_path: Path) -> None:
    said: list[str] = []

    result = run_demo(
        1, Trouble.VERIFY, Afterwards.END, said.append, stand_in(tmp_path, "sys.exit(4 * ('v2' in sys.argv))")
    )

    assert calls(tmp_path) == ["deploy --lb demo --release v2", "deploy --lb demo --release v3"]
    assert result.exit_code == 0
    assert any("502 on /healthz" in line for line in said)


@pytest.mark.parametrize(("ended", "shown"), [(0, 1), (130, 130), (3, 3)])
def test_nothing_is_repaired_where_nothing_was_halted(tmp_path: Path, ended: int, shown: int) -> None:
    result = run_demo(1, Trouble.DEPLOY, Afterwards.END, lambda _: None, stand_in(tmp_path, f"sys.exit({ended})"))

    assert (len(calls(tmp_path)), result.exit_code) == (1, shown)


def test_ctrl_c_is_left_to_the_roll_and_the_world_ends_in_order(tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(143));"
        f"open({str(tmp_path / 'listens')!r}, 'w'); time.sleep(150)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT.format(command=stand_in(tmp_path, code))],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with parent:
        eventually((tmp_path / "listens").exists, limit=100)
        parent.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert parent.poll() is None
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(60) == 143


_PARENT = """
import sys
from elbroll.demo.show import Afterwards, run_demo
sys.exit(run_demo(1, None, Afterwards.END, lambda _: None, {command!r}).exit_code)
"""


def test_a_world_that_stays_says_how_to_use_it_and_ends_at_ctrl_c(tmp_path: Path) -> None:
    said: list[str] = []
    shown = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        shown.set() if line.startswith("Ask") else None

    usual = signal.getsignal(signal.SIGINT)

    def interrupt() -> None:
        if shown.wait(150):
            eventually(lambda: signal.getsignal(signal.SIGINT) is not usual)
            os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    result = run_demo(1, None, Afterwards.STAY, say, stand_in(tmp_path, ""))

    assert result.exit_code == 0
    assert any("export AWS_ENDPOINT_URL=http://127.0.0.1:" in line for line in said)
    assert any("ssh -F none" in line for line in said)


def test_exports_replace_what_the_user_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    lines = exports({"AWS_REGION": "us-east-1", "NO_PROXY": "a,b", "HOME": "/h", "ELBROLL_CONFIG": "/a b"}, "/s")

    assert "AWS_PROFILE" in lines[0]
    assert lines[0].startswith("unset ")
    assert lines[1:] == (
        "export AWS_REGION=us-east-1",
        "export ELBROLL_CONFIG='/a b'",
        "export ELBROLL_STATE_DIR=/s",
        "export NO_PROXY=a,b",
    )


def test_the_count_reads_as_a_sentence() -> None:
    assert DemoResult(0, Count(1520, 0), "").requests == "Requests  1,520 answered, 0 failed"
