"""Hosts of an Auto Scaling group by the command line: refused, rolled in standby, and joined by a newcomer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cli.shell import wait_for
from cli.witness import deeds, everybody_serves, locks, members, releases, states
from cli.worlds import LAG, group_of, hold_up, let_go, small_world
from elbroll.demo.lifelike import Kind, Sizes
from elbroll.demo.settings import PoolPlan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from cli.shell import Shell
    from elbroll.demo.host import DemoHost
    from elbroll.demo.lifelike import Scalers
    from elbroll.demo.world import World

GROUP = "web-asg"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Two hosts, both also in a second group on ports of their own."""
    with small_world(2, (PoolPlan(delay=3, one_port=True), PoolPlan(name="extra", delay=3))) as made:
        yield made


@pytest.fixture(scope="module")
def scalers(world: World) -> Scalers:
    """`web-asg` of both hosts, attached to `demo`; `extra` is none of the group's."""
    sizes = Sizes(at_least=1, at_most=4, health_check="ELB")
    return group_of(world, GROUP, world.hosts, "demo", sizes)


@pytest.fixture
def standby(world: World) -> str:
    """A config in which hosts stand by."""
    path = world.directory / "standby.toml"
    path.write_text(f'{world.config.read_text()}\n[lb.demo.asg]\nmode = "standby"\n')
    return str(path)


def begun(host: DemoHost) -> int:
    """How many deploys have begun on the host."""
    noted = host.place.home / "deploys"
    return noted.read_text().count("begin") if noted.exists() else 0


def sizes_and_states(scalers: Scalers) -> tuple[tuple[int, int, int], set[str]]:
    return scalers.sizes(GROUP), set(scalers.members(GROUP).values())


@pytest.mark.rule("A1", "F-20", "I-15")
def test_without_a_word_the_plan_and_the_deploy_refuse_and_nothing_changes(
    elbroll: Shell, world: World, scalers: Scalers
) -> None:
    done = deeds(world)
    planned = elbroll("plan", "--lb", "demo", "--release", "v2")
    refused = elbroll("deploy", "--lb", "demo", "--release", "v2")

    assert f"{GROUP}  refused  at least 1, wants 2, at most 4  health check ELB" in planned.out
    assert refused.code == 5
    assert "health check type ELB" in refused.err
    assert '[lb.demo.asg] mode = "standby"' in refused.err
    assert deeds(world) == done


@pytest.mark.rule("A4", "A5", "A7", "F-20", "I-15")
def test_a_group_that_could_not_let_a_host_go_and_come_back_is_refused_before_anything_changes(
    elbroll: Shell, world: World, scalers: Scalers, standby: str
) -> None:
    group = world.client("autoscaling")
    scalers.refresh(GROUP, "InProgress")
    scalers.suspend(GROUP, "Launch")
    group.update_auto_scaling_group(AutoScalingGroupName=GROUP, MinSize=2)
    done = deeds(world)
    refused = elbroll("deploy", "--config", standby, "--lb", "demo", "--release", "v2", "--json")
    after = deeds(world)
    world.simulation.groups.refreshes.clear()
    scalers.resume(GROUP)
    group.update_auto_scaling_group(AutoScalingGroupName=GROUP, MinSize=1)

    assert refused.code == 5
    for said in (
        f"{GROUP} is replacing its hosts: an instance refresh is InProgress",
        f"the Launch process of {GROUP} is suspended",
        f"{GROUP} keeps at least 2 hosts: 1 host less would be too few",
    ):
        assert said in refused.out + refused.err
    assert after == done
    assert locks(world) <= {"free"}


@pytest.mark.rule("F-20", "F-21", "S-6")
def test_where_groups_may_not_be_read_standby_is_refused_and_the_policy_that_helps_is_printed(
    elbroll: Shell, world: World, scalers: Scalers, standby: str
) -> None:
    before = scalers.members(GROUP)
    world.faults.add("DescribeAutoScalingInstances", Kind.DENY, times=None)
    refused = elbroll("deploy", "--config", standby, "--lb", "demo", "--release", "v2")
    allowed = elbroll("iam-policy", "--config", standby, "--lb", "demo")
    world.faults.clear()

    assert refused.code == 5
    assert "autoscaling:DescribeAutoScalingInstances" in refused.err
    assert f"autoScalingGroupName/{GROUP}" in allowed.out
    assert scalers.members(GROUP) == before


@pytest.mark.rule("A3", "A4", "I-2", "I-3", "I-9", "S-6")
def test_a_roll_in_standby_loses_no_request_and_leaves_the_group_as_it_was(
    elbroll: Shell, world: World, scalers: Scalers, standby: str, before: dict[str, Any]
) -> None:
    as_it_was, started = sizes_and_states(scalers), len(deeds(world))
    with world.traffic(rate=20) as one, world.traffic(rate=10, pool="extra") as two:
        ended = elbroll("deploy", "--config", standby, "--lb", "demo", "--release", "v2")

    assert ended.code == 0, ended.err
    assert [traffic.count.failures for traffic in (one, two)] == [{}, {}]
    assert members(world) == before
    assert sizes_and_states(scalers) == as_it_was
    assert set(releases(world).values()) == {"v2"}
    assert set(states(world).values()) == {"in-service"}
    assert locks(world) == {"free"}
    done = [action for action in deeds(world)[started:] if action != "PutParameter"]
    assert done == ["EnterStandby", "DeregisterTargets", "RegisterTargets", "ExitStandby"] * 2
    allowed = elbroll("iam-policy", "--config", standby, "--lb", "demo").out
    assert f"autoScalingGroupName/{GROUP}" in allowed
    assert all(f":{action}" in allowed for action in done)


@pytest.mark.rule("A3", "I-4", "F-55")
def test_a_killed_drain_stands_by_in_its_record_and_restore_brings_it_home(
    elbroll: Shell, world: World, scalers: Scalers, standby: str, before: dict[str, Any]
) -> None:
    as_it_was = sizes_and_states(scalers)
    world.simulation.groups.lag = 5.0
    running = elbroll.start("deploy", "--config", standby, "--lb", "demo", "--release", "v3", "--only", "demo-1")
    running.until(lambda: "EnteringStandby" in scalers.members(GROUP).values())
    running.kill_hard()
    world.simulation.groups.lag = LAG
    told = elbroll("status", "--config", standby, "--lb", "demo")
    (unlock,) = re.findall(r"elbroll unlock demo \w+", told.out)
    elbroll.line(f"{unlock} --yes")
    ended = elbroll.elsewhere()("restore", "demo-1", "--config", standby)

    assert f"standby in {GROUP}" in told.out
    assert ended.code == 0, ended.err
    wait_for(lambda: everybody_serves(world))
    assert members(world) == before
    assert sizes_and_states(scalers) == as_it_was


@pytest.mark.rule("A5", "I-2", "I-6")
def test_a_group_that_is_full_meanwhile_keeps_its_host_recorded_until_there_is_room(
    elbroll: Shell, world: World, scalers: Scalers, standby: str, before: dict[str, Any]
) -> None:
    group, as_it_was = world.client("autoscaling"), sizes_and_states(scalers)
    assert elbroll("drain", "demo-1", "--config", standby, "--yes").code == 0
    group.update_auto_scaling_group(AutoScalingGroupName=GROUP, MaxSize=1)
    refused = elbroll("restore", "demo-1", "--config", standby)
    told = elbroll("status", "--config", standby, "--lb", "demo")
    group.update_auto_scaling_group(AutoScalingGroupName=GROUP, MaxSize=4)
    ended = elbroll("restore", "demo-1", "--config", standby)

    assert refused.code == 4
    assert f"{GROUP} refused autoscaling:ExitStandby" in refused.err
    assert "elbroll restore demo-1" in refused.next
    assert "partly out" in told.out
    assert ended.code == 0, ended.err
    assert members(world) == before
    assert sizes_and_states(scalers) == as_it_was


@pytest.mark.rule("F-53", "A7")
def test_a_newcomer_is_named_as_not_deployed_and_the_exit_is_not_zero(
    elbroll: Shell, world: World, scalers: Scalers, standby: str, before: dict[str, Any]
) -> None:
    last = world.host("demo-2")
    hold_up(last)
    before_it = begun(last)
    running = elbroll.start("deploy", "--config", standby, "--lb", "demo", "--release", "v4", "--json")
    running.until(lambda: begun(last) > before_it)
    newcomer = scalers.grow(GROUP)
    let_go(last)
    ended = running.end()
    document = ended.document

    assert ended.code == 4, ended.err
    assert releases(world) == {"demo-1": "v4", "demo-2": "v4"}
    (told,) = [each for each in document["hosts"] if each["instance"] == newcomer]
    assert (told["outcome"], told["in_service"]) == ("not-reached", False)
    assert "--release v4" in document["next"][0]
