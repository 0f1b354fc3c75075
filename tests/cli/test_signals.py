"""Ctrl-C and its kin: what is on screen, who goes back, and how soon it is over."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pexpect
import pytest

from cli.shell import wait_for
from cli.witness import deploys, everybody_serves, locks, members, moves, states
from cli.worlds import hold_up, let_go, variant
from elbroll.demo.lifelike import Detail, Kind

if TYPE_CHECKING:
    from typing import Any

    from cli.shell import Shell
    from elbroll.demo.world import World

ROLL = ("deploy", "--lb", "demo", "--release")
AGAIN = "Ctrl-C: stop within 5 s"
"""What another Ctrl-C would do, as it stands on the board once a first one has been heard."""


@pytest.fixture
def slow(world: World) -> str:
    """A config in which a drain takes a minute."""
    return variant(world, "slow", {'settle = "0.5s"': 'settle = "60s"'})


@pytest.mark.rule("I-2", "I-4", "I-6", "F-54")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_without_a_terminal_a_draining_host_is_sent_back_within_5_s(
    elbroll: Shell, world: World, before: dict[str, Any], slow: str, number: signal.Signals, code: int
) -> None:
    run = elbroll.start(*ROLL, "v2", "--config", slow)
    run.until(lambda: members(world) != before)
    run.signal(number)
    ended = run.end()

    assert (ended.code, ended.seconds < 5) == (code, True), ended.err
    assert members(world) == before
    assert locks(world) == {"free"}
    assert "v2" not in {host.release for host in world.hosts}
    assert "demo-2   drain" not in ended.err
    assert "demo-1" in ended.out
    assert ended.next[0].startswith("elbroll ")
    assert elbroll("restore", "--lb", "demo", "--if-needed").code == 0
    assert set(states(world).values()) <= {"in-service"}


@pytest.mark.rule("I-6", "F-54")
def test_a_look_that_hangs_keeps_no_draining_host_out_after_a_signal(
    elbroll: Shell, world: World, before: dict[str, Any], slow: str
) -> None:
    asked, answered = threading.Event(), threading.Event()
    run = elbroll.start(*ROLL, "v2", "--config", slow)
    run.until(lambda: members(world) != before)
    detail = Detail(act=lambda: (asked.set(), answered.wait(60))[0])
    world.faults.add("DescribeTargetHealth", Kind.BEFORE, 1, detail)
    run.until(asked.is_set)
    run.signal(signal.SIGTERM)
    ended = run.end()
    answered.set()

    assert (ended.code, ended.seconds < 5) == (143, True), ended.err
    assert members(world) == before
    assert locks(world) == {"free"}
    assert elbroll("restore", "--lb", "demo", "--if-needed").code == 0


@pytest.mark.rule("I-2", "I-4", "I-17", "F-54")
def test_a_terminated_run_ends_within_5_s_and_names_the_command_that_repairs(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    host = world.hosts[0]
    hold_up(host)
    run = elbroll.start(*ROLL, "v3")
    run.until(lambda: deploys(host)[-1:] == ["begin"])
    run.signal(signal.SIGTERM)
    ended = run.end()

    assert (ended.code, ended.seconds < 5) == (143, True), ended.err
    assert states(world)["demo-1"] == "deploying"
    assert locks(world) == {"free"}
    assert "may still run" in ended.out + ended.err
    assert ended.next[0] == "elbroll deploy --lb demo --release v3"
    let_go(host)
    assert elbroll.elsewhere().line(ended.next[0]).code == 0
    assert members(world) == before
    assert {one.release for one in world.hosts} == {"v3"}


@pytest.mark.rule("F-54")
def test_a_background_job_that_was_born_deaf_to_ctrl_c_hears_it(
    elbroll: Shell, world: World, before: dict[str, Any], slow: str
) -> None:
    run = elbroll.start(*ROLL, "v4", "--config", slow, deaf_to=signal.SIGINT)
    run.until(lambda: members(world) != before)
    run.signal(signal.SIGINT)
    ended = run.end()

    assert (ended.code, ended.seconds < 5) == (130, True)
    assert members(world) == before
    assert elbroll("restore", "--lb", "demo", "--if-needed").code == 0


@pytest.mark.rule("I-2", "I-6", "F-54")
def test_at_a_terminal_the_first_ctrl_c_puts_the_draining_host_back_and_starts_no_other(
    elbroll: Shell, world: World, before: dict[str, Any], slow: str
) -> None:
    done = len(moves(world))
    run = elbroll.at_terminal(*ROLL, "v5", "--config", slow)
    wait_for(lambda: members(world) != before)
    run.sendintr()
    run.expect(pexpect.EOF)
    run.close()

    assert run.exitstatus == 130, run.before
    assert everybody_serves(world)
    assert members(world) == before
    assert set(states(world).values()) == {"in-service"}
    assert moves(world)[done:] == ["DeregisterTargets", "DeregisterTargets", "RegisterTargets", "RegisterTargets"]


@pytest.mark.rule("I-2", "F-54")
def test_at_a_terminal_the_first_ctrl_c_awaits_a_deploy_to_its_end(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    host = world.hosts[0]
    hold_up(host)
    run = elbroll.at_terminal(*ROLL, "v6")
    wait_for(lambda: deploys(host)[-1:] == ["begin"])
    run.sendintr()
    run.expect(AGAIN)
    let_go(host)
    run.expect(pexpect.EOF)
    run.close()

    assert run.exitstatus == 130
    assert [one.release == "v6" for one in world.hosts] == [True, False]
    assert (members(world), states(world)["demo-1"]) == (before, "in-service")


@pytest.mark.rule("I-2", "I-4", "F-54")
def test_at_a_terminal_a_second_ctrl_c_leaves_within_5_s(elbroll: Shell, world: World, before: dict[str, Any]) -> None:
    host = world.hosts[0]
    hold_up(host)
    run = elbroll.at_terminal(*ROLL, "v7", "--only", "demo-1")
    wait_for(lambda: deploys(host)[-1:] == ["begin"])
    run.sendintr()
    run.expect(AGAIN)
    run.sendintr()
    run.expect(pexpect.EOF, timeout=6)
    run.close()

    assert run.exitstatus == 130
    assert states(world)["demo-1"] == "deploying"
    let_go(host)
    assert elbroll(*ROLL, "v7", "--only", "demo-1").code == 0
    assert members(world) == before
    assert len(deploys(host)) % 2 == 0
