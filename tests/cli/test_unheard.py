"""Nobody reads, nothing can be kept: the roll goes on, ends in time, and its exit code stays true."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import termios
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from cli.shell import COMMAND, LIMIT, Running
from cli.witness import deploys, locks, members, releases, states
from cli.worlds import hold_up, let_go

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from cli.shell import Shell
    from elbroll.demo.world import World

ROLL = ("deploy", "--lb", "demo", "--only", "demo-1", "--release")


@contextmanager
def full_pipe() -> Iterator[int]:
    """The writing end of a pipe that is full, and that nobody will ever read."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    try:
        yield writer
    finally:
        os.close(writer)
        os.close(reader)


@contextmanager
def stopped_terminal() -> Iterator[int]:
    """A terminal at which somebody has pressed Ctrl-S."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, b"\x18\x00\x50\x00\x00\x00\x00\x00")
    termios.tcflow(slave, termios.TCOOFF)
    try:
        yield slave
    finally:
        termios.tcflow(slave, termios.TCOON)
        os.close(slave)
        os.close(master)


def run(elbroll: Shell, *words: str, out: int = subprocess.DEVNULL, err: int = subprocess.DEVNULL) -> int:
    """The exit code of a command that must end in time, with these descriptors for its streams."""
    nobody_in_ci = dict.fromkeys(("CI", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE"))
    environment = {**elbroll.environment(nobody_in_ci), "TERM": "xterm"}
    child = subprocess.Popen(
        [*COMMAND, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, cwd=elbroll.folder
    )
    try:
        return child.wait(LIMIT)
    finally:
        child.kill()


@pytest.mark.rule("F-57", "I-16", "I-13")
def test_pipes_that_nobody_reads_hold_up_neither_the_roll_nor_its_end(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    with full_pipe() as out, full_pipe() as err:
        code = run(elbroll, *ROLL, "u1", "-vv", "--json", out=out, err=err)

    assert (code, releases(world)["demo-1"]) == (0, "u1")
    assert (members(world), locks(world)) == (before, {"free"})


@pytest.mark.rule("F-57", "I-16", "I-13")
def test_a_terminal_that_is_stopped_holds_up_neither_the_roll_nor_its_end(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    with stopped_terminal() as terminal:
        code = run(elbroll, *ROLL, "u2", out=terminal, err=terminal)

    assert (code, releases(world)["demo-1"]) == (0, "u2")
    assert (members(world), locks(world)) == (before, {"free"})


@pytest.mark.rule("F-57", "I-16", "I-23")
def test_a_disk_that_fills_up_in_mid_run_costs_what_is_kept_and_nothing_else(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    words = " ".join((*ROLL, "u3", "-vv"))
    ended = elbroll.line(f"ulimit -f 4; elbroll {words} --events {elbroll.home}/copy --events-output")

    assert (ended.code, releases(world)["demo-1"]) == (0, "u3"), ended.err
    assert "Traceback" not in ended.err
    assert "Logging error" not in ended.err
    assert "Exception ignored" not in ended.err
    assert 0 < (elbroll.home / "copy").stat().st_size <= 4096
    assert "in service" in ended.out
    assert members(world) == before


@pytest.mark.rule("F-57", "I-16")
def test_a_state_directory_that_vanishes_in_mid_run_is_not_missed(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    host = world.hosts[0]
    hold_up(host)
    roll: Running = elbroll.start(*ROLL, "u4")
    roll.until(lambda: deploys(host)[-1:] == ["begin"])
    shutil.rmtree(elbroll.home / "state")
    let_go(host)
    ended = roll.end()

    assert (ended.code, releases(world)["demo-1"]) == (0, "u4"), ended.err
    assert "Traceback" not in ended.err
    assert members(world) == before


@pytest.mark.rule("F-57")
def test_a_closed_stdout_does_not_take_the_standing_along(elbroll: Shell, world: World, before: dict[str, Any]) -> None:
    ended = elbroll.line(f"elbroll {' '.join(ROLL)} u5 >&-")

    assert (ended.code, releases(world)["demo-1"]) == (0, "u5")
    assert "2 of 2 in service" in ended.err
    assert members(world) == before


@pytest.mark.rule("F-54", "F-57")
def test_a_signal_ends_a_run_within_5_s_though_nobody_reads_what_it_says(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    host = world.hosts[0]
    done = len(deploys(host))
    hold_up(host)
    with full_pipe() as out, full_pipe() as err:
        child = subprocess.Popen(
            [*COMMAND, *ROLL, "u6", "--json"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            text=True,
            env=elbroll.environment({}),
            cwd=elbroll.folder,
        )
        roll = Running(child)
        roll.until(lambda: deploys(host)[done:] == ["begin"])
        roll.signal(signal.SIGTERM)
        ended = roll.end()
    let_go(host)

    assert (ended.code, ended.seconds < 5.5) == (143, True)
    assert (states(world)["demo-1"], locks(world)) == ("deploying", {"free"})
    assert elbroll(*ROLL, "u6").code == 0
    assert members(world) == before
