"""The world moves while a host is out: every end leaves each host in its place, and says so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cli.shell import wait_for
from cli.test_give_up import delete_pool
from cli.witness import connections, deploys, locks, members, moves, releases, states
from cli.worlds import hold_up, let_go, small_world, variant
from elbroll.demo.lifelike import ZONAL_SHIFT
from elbroll.demo.lifelike.targets import Shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from cli.shell import Running, Shell
    from elbroll.demo.host import DemoHost
    from elbroll.demo.world import World

SICK = Shown("unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Three hosts in two groups. The tests of this module end a pool and a machine, in this order."""
    with small_world(3) as made:
        yield made


@pytest.fixture
def slow(world: World) -> str:
    """A config in which a drain takes a minute."""
    return variant(world, "slow", {'settle = "0.5s"': 'settle = "60s"'})


def draining(elbroll: Shell, world: World, release: str, slow: str) -> Running:
    """A roll whose first host has left its pools, as it has read itself."""
    before = members(world)
    run = elbroll.start("deploy", "--lb", "demo", "--release", release, "--config", slow)
    run.until(lambda: world.hosts[0].instance not in str(members(world)) and members(world) != before)
    read = looks(world)
    run.until(lambda: looks(world) >= read + 2 * len(world.pools))
    return run


def looks(world: World) -> int:
    """How often anybody has read who is in a pool."""
    return [call.action for call in world.simulation.timeline.calls()].count("DescribeTargetHealth")


def show(world: World, host: DemoHost, shown: Shown) -> None:
    for pool in world.pools.values():
        world.simulation.force(pool.id, host.instance, pool.ports[host.instance], shown)


def show_truth(world: World) -> None:
    for pool in world.pools.values():
        for instance, port in pool.ports.items():
            world.simulation.unforce(pool.id, instance, port)


@pytest.mark.rule("F-27", "I-6", "I-1")
def test_another_host_that_goes_sick_while_one_drains_has_it_put_back_at_once(
    elbroll: Shell, world: World, before: dict[str, Any], slow: str
) -> None:
    run = draining(elbroll, world, "v2", slow)
    show(world, world.hosts[1], SICK)
    wait_for(lambda: members(world) == before, limit=30)
    ended = run.end()
    show_truth(world)

    assert ended.code == 4, ended.err
    assert "capacity dropped" in ended.err
    assert states(world)["demo-1"] == "in-service"
    assert "v2" not in releases(world).values()
    assert locks(world) == {"free"}


@pytest.mark.rule("F-36", "I-5")
def test_a_draining_host_that_somebody_registers_is_put_back_and_gets_no_command(
    elbroll: Shell, world: World, before: dict[str, Any], slow: str
) -> None:
    run = draining(elbroll, world, "v2", slow)
    host, pool = world.hosts[0], world.pools["extra"]
    target = {"Id": host.instance, "Port": pool.ports[host.instance]}
    world.client("elbv2").register_targets(TargetGroupArn=pool.arn, Targets=[target])
    ended = run.end()

    assert ended.code == 4, ended.err
    assert "registered again by somebody else: extra" in ended.err
    assert members(world) == before
    assert states(world)["demo-1"] == "in-service"
    assert deploys(host) == []


@pytest.mark.rule("F-26", "T3", "I-1")
def test_a_zone_that_is_shifted_away_in_mid_run_ends_the_roll_after_the_host_in_work(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    first = world.hosts[0]
    hold_up(first)
    run = elbroll.start("deploy", "--lb", "demo", "--release", "v3")
    run.until(lambda: deploys(first)[-1:] == ["begin"])
    show(world, world.hosts[2], ZONAL_SHIFT)
    let_go(first)
    ended = run.end()
    show_truth(world)

    assert ended.code == 4, ended.err
    assert "a zonal shift is active: no host may leave" in ended.err
    assert [host.release for host in world.hosts].count("v3") == 1
    assert members(world) == before
    assert states(world)["demo-1"] == "in-service"


def everywhere(world: World, host: DemoHost, act: str) -> None:
    """Somebody else registers or deregisters a host in all its places."""
    for pool in world.pools.values():
        target = {"Id": host.instance, "Port": pool.ports[host.instance]}
        getattr(world.client("elbv2"), act)(TargetGroupArn=pool.arn, Targets=[target])


@pytest.mark.rule("F-36", "F-17", "I-2")
def test_a_host_that_somebody_takes_out_before_its_turn_is_left_alone_and_said_to_be_out(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    first, second, _ = world.hosts
    recorded, done = states(world).get("demo-2"), deploys(second)
    hold_up(first)
    run = elbroll.start("deploy", "--lb", "demo", "--release", "v9", "--json")
    run.until(lambda: deploys(first)[-1:] == ["begin"])
    everywhere(world, second, "deregister_targets")
    let_go(first)
    ended = run.end()
    everywhere(world, second, "register_targets")
    told = {host["host"]: (host["outcome"], host["in_service"]) for host in ended.document["hosts"]}

    assert ended.code == 4, ended.err
    assert re.search(r"demo-2 .* not (taken out )?by elbroll", ended.err)
    assert told == {"demo-1": ("deployed", True), "demo-2": ("not-reached", False), "demo-3": ("not-reached", True)}
    assert (states(world).get("demo-2"), deploys(second)) == (recorded, done)
    assert locks(world) == {"free"}


@pytest.mark.rule("F-35", "I-2")
def test_a_pool_that_is_deleted_while_a_host_drains_puts_it_back_in_the_others(
    elbroll: Shell, world: World, slow: str
) -> None:
    run = draining(elbroll, world, "v4", slow)
    delete_pool(world, "extra")
    ended = run.end()

    assert ended.code == 4, ended.err
    assert "extra no longer exists" in ended.err
    assert "elbroll restore demo-1 --give-up extra" in ended.next
    assert "3 of 3 in service" in ended.out
    assert world.hosts[0].instance in dict(members(world)["demo"])
    assert states(world)["demo-1"] == "held"
    assert "v4" not in releases(world).values()
    given_up = elbroll("restore", "demo-1", "--give-up", "extra")
    assert given_up.code == 0, given_up.err
    assert states(world)["demo-1"] == "in-service"


@pytest.mark.rule("F-34", "I-8", "I-2")
def test_an_instance_that_is_terminated_while_it_drains_is_gone_and_never_called_again(
    elbroll: Shell, world: World, slow: str
) -> None:
    run = draining(elbroll, world, "v5", slow)
    host = world.hosts[0]
    calls, sent = connections(host), len(moves(world))
    world.client("ec2").terminate_instances(InstanceIds=[host.instance])
    host.sshd.close()
    ended = run.end()
    again = elbroll("restore", "--lb", "demo", "--if-needed")

    assert ended.code == 4, ended.err  # the floor of three hosts does not bear another one
    assert "gone" in ended.out
    assert states(world)["demo-1"] == "gone"
    assert connections(host) == calls
    assert len(moves(world)) == sent
    assert again.code == 0, again.err
    assert locks(world) == {"free"}


@pytest.mark.rule("F-34", "I-4")
def test_the_record_of_an_instance_that_ended_while_it_was_out_is_closed_by_restore(
    elbroll: Shell, world: World
) -> None:
    second = world.hosts[1]
    assert elbroll("drain", "demo-2", "--yes").code == 0
    world.client("ec2").terminate_instances(InstanceIds=[second.instance])
    told = elbroll("plan", "--lb", "demo", "--release", "v6")
    ended = elbroll("restore", second.instance)

    assert f"demo-2 was terminated while it was out: elbroll restore {second.instance}" in told.out + told.err
    assert ended.code == 0, ended.err
    assert states(world)["demo-2"] == "gone"
    assert locks(world) == {"free"}
