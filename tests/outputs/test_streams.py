"""Colour and animation by the documented order of precedence; streams that fail without a word."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from elbroll.errors import UsageError
from elbroll.outputs.ink import Pen, Piece, Tone, line
from elbroll.outputs.streams import (
    Look,
    Progress,
    Tty,
    When,
    console,
    tty_of,
    unbuffered,
    wants_color,
    wants_progress,
    width_of,
)

CI = {"CI": "true"}


@pytest.mark.parametrize(
    ("flag", "env", "tty", "colored"),
    [
        (When.AUTO, {}, Tty.YES, True),
        (When.AUTO, {}, Tty.NO, False),
        (When.ALWAYS, {"NO_COLOR": "1", "TERM": "dumb", "ELBROLL_COLOR": "never"}, Tty.NO, True),
        (When.NEVER, {"FORCE_COLOR": "1", "ELBROLL_COLOR": "always"}, Tty.YES, False),
        (When.AUTO, {"ELBROLL_COLOR": "always", "NO_COLOR": "1"}, Tty.NO, True),
        (When.AUTO, {"ELBROLL_COLOR": "never", "FORCE_COLOR": "1"}, Tty.YES, False),
        (When.AUTO, {"ELBROLL_COLOR": ""}, Tty.YES, True),
        (When.AUTO, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, Tty.YES, False),
        (When.AUTO, {"NO_COLOR": ""}, Tty.YES, True),
        (When.AUTO, {"FORCE_COLOR": "1", "TERM": "dumb"}, Tty.NO, True),
        (When.AUTO, {"FORCE_COLOR": "0"}, Tty.NO, False),
        (When.AUTO, {"FORCE_COLOR": ""}, Tty.NO, False),
        (When.AUTO, {"TERM": "dumb"}, Tty.YES, False),
        (When.AUTO, {"TERM": "dumb", "GITHUB_ACTIONS": "true"}, Tty.NO, False),
        (When.AUTO, {"GITHUB_ACTIONS": "true"}, Tty.NO, True),
        (When.AUTO, {"GITLAB_CI": "true"}, Tty.NO, True),
        (When.AUTO, {"BUILDKITE": "true"}, Tty.NO, True),
        (When.AUTO, CI, Tty.NO, False),
    ],
)
def test_colour(flag: When, env: dict[str, str], tty: Tty, colored: bool) -> None:
    assert wants_color(flag, env, tty) is colored


@pytest.mark.parametrize(
    ("flag", "env", "tty", "progress"),
    [
        (Progress.AUTO, {}, Tty.YES, Progress.TTY),
        (Progress.AUTO, {}, Tty.NO, Progress.PLAIN),
        (Progress.AUTO, CI, Tty.YES, Progress.PLAIN),
        (Progress.AUTO, {"TERM": "dumb"}, Tty.YES, Progress.PLAIN),
        (Progress.AUTO, {"NO_COLOR": "1"}, Tty.YES, Progress.TTY),
        (Progress.AUTO, {"FORCE_COLOR": "1"}, Tty.NO, Progress.PLAIN),
        (Progress.TTY, CI, Tty.YES, Progress.TTY),
        (Progress.AUTO, {"ELBROLL_PROGRESS": "none"}, Tty.YES, Progress.NONE),
        (Progress.PLAIN, {"ELBROLL_PROGRESS": "tty"}, Tty.YES, Progress.PLAIN),
        (Progress.NONE, {}, Tty.YES, Progress.NONE),
    ],
)
def test_animation(flag: Progress, env: dict[str, str], tty: Tty, progress: Progress) -> None:
    assert wants_progress(flag, env, tty) is progress


@pytest.mark.parametrize(("flag", "env"), [(Progress.TTY, {}), (Progress.AUTO, {"ELBROLL_PROGRESS": "tty"})])
def test_a_board_without_a_terminal_is_a_usage_error(flag: Progress, env: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="stderr is no terminal"):
        wants_progress(flag, env, Tty.NO)


def test_a_wrong_word_in_the_environment_is_blamed_on_it() -> None:
    with pytest.raises(UsageError, match='ELBROLL_COLOR: "yes" is none of auto, always, never'):
        wants_color(When.AUTO, {"ELBROLL_COLOR": "yes"}, Tty.NO)


@pytest.mark.parametrize(
    ("env", "width"), [({}, None), ({"COLUMNS": "100"}, 100), ({"COLUMNS": "0"}, None), ({"COLUMNS": "wide"}, None)]
)
def test_the_width_of_a_pipe_is_columns_or_no_limit(env: dict[str, str], width: int | None) -> None:
    assert width_of(io.StringIO(), env) == width


def test_the_width_of_a_terminal_is_its_own() -> None:
    leader, follower = os.openpty()
    with os.fdopen(leader, "rb", buffering=0), os.fdopen(follower, "w") as terminal:
        os.set_blocking(leader, False)
        assert tty_of(terminal) is Tty.YES
        assert width_of(terminal, {"COLUMNS": "100"}) in {None, 80}


def test_a_closed_stream_is_no_terminal() -> None:
    stream = io.StringIO()
    stream.close()
    assert tty_of(stream) is Tty.NO


@pytest.mark.parametrize("env", [{"FORCE_COLOR": "1"}, {"NO_COLOR": "1"}, {"COLUMNS": "20", "TERM": "dumb"}])
def test_rich_does_not_ask_the_environment_again(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    plain, colored = io.StringIO(), io.StringIO()
    for stream, color in ((plain, False), (colored, True)):
        console(stream, Look(color, animate=False, width=None)).print("x" * 200, style="green")
    assert plain.getvalue() == "x" * 200 + "\n"
    assert colored.getvalue() == "\x1b[32m" + "x" * 200 + "\x1b[0m\n"


@pytest.mark.parametrize("text", ["[/bold]", "[web-1]", ":smile:", "arn:aws:iam::123456789012:role/x", "[link=x]y"])
@pytest.mark.parametrize("color", [True, False])
def test_text_is_text(text: str, color: bool) -> None:
    stream = io.StringIO()
    Pen(stream, Look(color, animate=False, width=20)).write([line(text, " ", Piece("failed", Tone.BAD))])
    assert stream.getvalue().replace("\x1b[31m", "").replace("\x1b[0m", "") == f"{text} failed\n"


def test_what_an_encoding_lacks_is_shown_not_raised() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="ascii") as pipe, os.fdopen(reading) as reader:
        Pen(unbuffered(pipe), Look(color=False, animate=False, width=None)).write([line("grün \udcff")])
        pipe.close()
        assert reader.read() == "gr\\xfcn \\xff\n"


def test_large_writes_reach_a_slow_reader_whole() -> None:
    program = (
        "import os, sys; from elbroll.outputs.streams import unbuffered;"
        "os.set_blocking(1, False); unbuffered(sys.stdout).write('x' * 1_000_000)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert len(done.stdout) == 1_000_000


@pytest.mark.rule("F-57")
def test_a_reader_that_is_gone_at_exit_is_not_mentioned() -> None:
    program = (
        "import sys; from elbroll.outputs.streams import settle_at_exit;"
        "sys.stdout = open(1, 'w', closefd=False); print('x'); settle_at_exit()"
    )
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.rule("F-57")
def test_a_writer_that_hangs_does_not_keep_the_process_from_ending() -> None:
    program = (
        "import sys, threading, time; from elbroll.outputs.streams import unbuffered;"
        "stream = unbuffered(sys.stdout);"
        "threading.Thread(target=lambda: stream.write('x' * 10_000_000), daemon=True).start(); time.sleep(0.3)"
    )
    reading, writing = os.pipe()
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE, check=False, timeout=30
    )
    os.close(writing)
    os.close(reading)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    "module", ["plain", "summary", "bus", "jsonl", "documents", "errors", "planview", "statusview"]
)
def test_only_the_live_board_loads_rich(module: str) -> None:
    program = f"import sys, elbroll.outputs.{module}; sys.exit('rich' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
