"""Words before a run has outlets: seen at once at a terminal, nowhere else, and never waited for."""

from __future__ import annotations

import os
import select
import time
from contextlib import contextmanager, redirect_stderr, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from pexpect import EOF

from cli.shell import COMMAND
from elbroll.cli import saying
from elbroll.cli.options import Flags
from elbroll.cli.saying import ERASE, Looking, look_at, looking_now, say
from transports.faultproxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    import pexpect

    from cli.shell import Shell
    from elbroll.demo.world import World


class Terminal:
    """Stderr as a terminal, within the `with` of `command`; `shown` is what has been written since the last look."""

    def __init__(self, stream: TextIO, reader: int) -> None:
        self._stream = stream
        self._reader = reader

    @contextmanager
    def command(self) -> Iterator[None]:
        with redirect_stderr(self._stream), click.Context(click.Command("deploy")):
            yield

    def shown(self, end: str = "") -> str:
        """At least something, and up to that `end`; a terminal may hand out in pieces what was written at once."""
        text = ""
        while not (text and text.endswith(end)) and select.select([self._reader], [], [], 20.0)[0]:
            text += os.read(self._reader, 4096).decode()
        return text


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """One that nobody calls a CI job."""
    reader, writer = os.openpty()
    for name in ("CI", "NO_COLOR", "ELBROLL_PROGRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        yield Terminal(stream, reader)
    os.close(reader)


def test_it_stands_there_until_there_is_more_to_show(terminal: Terminal) -> None:
    with terminal.command():
        look_at("web-prod", Flags())
        assert terminal.shown() == "web-prod: looking at pools, hosts and records ..."
        looking_now().end()
        assert terminal.shown() == ERASE
        looking_now().end()
        say("locked: waiting")
        assert terminal.shown() == "locked: waiting\r\n"


def test_it_is_gone_with_the_command_whatever_happens(terminal: Terminal) -> None:
    def fail() -> None:
        look_at("web-prod", Flags())
        raise KeyError

    with pytest.raises(KeyError), terminal.command():
        fail()
    assert terminal.shown(ERASE).endswith(ERASE)


@pytest.mark.parametrize("flags", [Flags(quiet=1), Flags(progress="plain"), Flags(progress="none")])
def test_it_is_not_for_those_who_want_no_board(terminal: Terminal, flags: Flags) -> None:
    with terminal.command():
        look_at("web-prod", flags)
        say("only this")
    assert terminal.shown() == "only this\r\n"


@pytest.mark.rule("F-57")
def test_nobody_is_waited_for_who_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saying, "PATIENCE", 0.2)
    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer, "w") as stream, redirect_stderr(stream):
        os.set_blocking(writer, False)
        with suppress(BlockingIOError):
            os.write(writer, b"x" * 1_000_000)
        os.set_blocking(writer, True)
        began = time.monotonic()
        say("nobody reads this")
        Looking(stream).end()
        assert time.monotonic() - began < 3
        os.read(reader, 1_000_000)


def test_at_a_terminal_something_is_said_within_a_second(elbroll: Shell, world: World, before: object) -> None:
    """Of the processor's time, as others may want it too; AWS, which may take longer, is not waited for."""
    with FaultProxy(int(world.environment["AWS_ENDPOINT_URL"].rpartition(":")[2])) as aws:
        aws.freeze()
        words = ("plan", "--lb", "demo", "--release", "q1")
        run: pexpect.spawn[str] = elbroll.at_terminal(*words, AWS_ENDPOINT_URL=f"http://127.0.0.1:{aws.port}")
        run.expect("looking at")
        worked = seconds_worked(run.pid)
        aws.thaw()
        run.expect("Plan: 2 hosts")
        run.expect("Next")
        run.expect(EOF)
        run.close()

    assert 0 < worked < 1.0, COMMAND


def seconds_worked(pid: int) -> float:
    """How long a processor has worked for a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
