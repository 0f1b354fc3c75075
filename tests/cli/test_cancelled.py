"""Runs that a shell, a CI service or a closing terminal ends: with signals that arrive, or with none that do."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from cli.shell import COMMAND, Running, wait_for
from cli.witness import deploys, everybody_serves, locks, members, releases, states
from cli.worlds import hold_up, let_go, variant
from transports.faultproxy import FaultProxy

if TYPE_CHECKING:
    from typing import Any

    from cli.shell import Shell
    from elbroll.demo.world import World

ROLL = ("deploy", "--lb", "demo", "--only", "demo-1", "--release")


@pytest.fixture
def slow(world: World) -> str:
    """A config in which a drain takes a minute."""
    return variant(world, "slow", {'settle = "0.5s"': 'settle = "60s"'})


def step_of(elbroll: Shell, line: str, *words: str) -> Running:
    """A CI job's step: `bash -e` with the line, in which `elbroll` is this one, as leader of a process group."""
    command = shlex.join([*COMMAND, *words])
    child = subprocess.Popen(
        ["/bin/bash", "-e", "-c", line.replace("elbroll", command)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=elbroll.environment({}),
        cwd=elbroll.folder,
        start_new_session=True,
    )
    return Running(child)


@pytest.mark.rule("F-54", "I-4")
@pytest.mark.parametrize("line", ["exec elbroll", "trap '' INT; exec elbroll"])
def test_a_step_that_ends_in_exec_hears_the_signal_and_puts_the_host_back(
    elbroll: Shell, world: World, before: dict[str, Any], slow: str, line: str
) -> None:
    run = step_of(elbroll, line, *ROLL, "c1", "--config", slow)
    run.until(lambda: members(world) != before)
    run.signal(signal.SIGINT)
    ended = run.end()

    assert (ended.code, ended.seconds < 5) == (130, True), ended.err
    assert members(world) == before
    assert locks(world) == {"free"}
    assert elbroll("restore", "--lb", "demo", "--if-needed").code == 0


@pytest.mark.rule("F-55", "I-2", "I-4")
def test_a_cancelled_step_whose_shell_forwards_nothing_is_made_good_from_anywhere(
    elbroll: Shell, world: World, before: dict[str, Any], slow: str
) -> None:
    run = step_of(elbroll, "elbroll; true", *ROLL, "c2", "--config", slow)
    name = elbroll.run_of(run)
    run.until(lambda: members(world) != before)
    run.child.send_signal(signal.SIGINT)
    run.child.send_signal(signal.SIGTERM)
    assert states(world)["demo-1"] == "held"
    os.killpg(run.child.pid, signal.SIGKILL)
    run.child.wait()

    assert (states(world)["demo-1"], locks(world)) == ("held", {"held"})
    other = elbroll.elsewhere()
    assert other("unlock", "demo", name, "--yes").code == 0
    assert other("restore", "--lb", "demo", "--if-needed").code == 0
    assert members(world) == before


@pytest.mark.rule("F-54", "F-57")
@pytest.mark.parametrize("line", ["elbroll; true", "exec nohup elbroll"], ids=["shell killed", "nohup"])
def test_a_roll_whose_shell_or_terminal_goes_away_goes_on_where_it_was_told_to(
    elbroll: Shell, world: World, before: dict[str, Any], line: str
) -> None:
    host, release = world.hosts[0], "c3" if "nohup" in line else "c4"
    hold_up(host)
    run = step_of(elbroll, line, *ROLL, release)
    run.until(lambda: deploys(host)[-1:] == ["begin"])
    run.child.send_signal(signal.SIGHUP if "nohup" in line else signal.SIGKILL)
    let_go(host)
    wait_for(lambda: states(world)["demo-1"] == "in-service" and locks(world) == {"free"})

    assert releases(world)["demo-1"] == release
    assert everybody_serves(world)
    assert members(world) == before
    run.child.wait(10)


@pytest.mark.rule("F-54", "F-8", "I-4")
def test_where_aws_falls_silent_the_way_on_begins_with_the_lock_that_could_not_be_freed(
    elbroll: Shell, world: World, before: dict[str, Any], slow: str
) -> None:
    with FaultProxy(int(world.environment["AWS_ENDPOINT_URL"].rpartition(":")[2])) as aws:
        run = elbroll.start(*ROLL, "c5", "--config", slow, AWS_ENDPOINT_URL=f"http://127.0.0.1:{aws.port}")
        name = elbroll.run_of(run)
        run.until(lambda: members(world) != before)
        aws.freeze()
        run.signal(signal.SIGTERM)
        ended = run.end()

    assert (ended.code, ended.seconds < 5) == (143, True), ended.err
    assert ended.next[0] == f"elbroll unlock demo {name}"
    other = elbroll.elsewhere()
    assert other.line(f"{ended.next[0]} --yes").code == 0
    assert other("restore", "--lb", "demo", "--if-needed").code == 0
    assert (members(world), locks(world)) == (before, {"free"})
