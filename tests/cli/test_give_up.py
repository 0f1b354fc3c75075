"""A pool that was deleted while a host was out of it is given up by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.shell import Shell
from cli.witness import states
from cli.worlds import PAIR, small_world
from elbroll.demo.lifelike import Detail, Kind
from elbroll.demo.settings import PoolPlan
from elbroll.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from elbroll.demo.lifelike.wire import Request
    from elbroll.demo.world import World


def delete_pool(world: World, name: str) -> None:
    """With the listener that uses it, as AWS demands."""
    elbv2, group = world.client("elbv2"), world.pools[name].arn
    for balancer in elbv2.describe_load_balancers()["LoadBalancers"]:
        for listener in elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
            if listener["DefaultActions"][0]["TargetGroupArn"] == group:
                elbv2.delete_listener(ListenerArn=listener["ListenerArn"])
    elbv2.delete_target_group(TargetGroupArn=group)


@pytest.mark.rule("F-35")
def test_a_record_waits_for_a_deleted_pool_until_it_is_given_up_by_name(elbroll: Shell, world: World) -> None:
    assert elbroll("drain", "demo-1").code == 0
    delete_pool(world, "extra")
    waiting = elbroll("restore", "demo-1")

    assert waiting.code != 0
    assert "elbroll restore demo-1 --give-up extra" in waiting.err
    assert states(world)["demo-1"] != "in-service"

    given_up = elbroll("restore", "demo-1", "--give-up", "extra")

    assert given_up.code == 0, given_up.err
    assert states(world)["demo-1"] == "in-service"
    assert world.hosts[0].instance in world.in_service("demo")


def lists_hosts(request: Request) -> bool:
    """Whether records are asked for."""
    return "/host" in str(request.parameters["Path"])


@pytest.mark.rule("F-35")
def test_a_record_all_of_whose_pools_are_gone_is_closed_once_each_is_given_up_by_name(tmp_path: Path) -> None:
    with small_world(pools=(*PAIR, PoolPlan("rest", lb="other", members=(1,)))) as world:
        elbroll = Shell(world, tmp_path)
        assert elbroll("drain", "demo-1").code == 0
        delete_pool(world, "demo")
        delete_pool(world, "extra")
        bare = tmp_path / "bare.toml"
        bare.write_text("")

        waiting = elbroll("restore", "demo-1")
        half = elbroll("restore", "demo-1", "--give-up", "demo")
        shown = elbroll("status", "--config", str(bare), "--check")
        world.faults.add("GetParametersByPath", Kind.DENY, None, Detail(skip=1, where=lists_hosts))
        unread = elbroll("status", "--config", str(bare))
        world.faults.clear()
        given_up = elbroll("restore", "demo-1", "--give-up", "demo", "--give-up", "extra")
        calm = elbroll("status", "--config", str(bare), "--check")
        again = elbroll("restore", "demo-1", "--give-up", "demo", "--give-up", "extra")

    assert waiting.code != 0
    assert "elbroll restore demo-1 --give-up demo --give-up extra" in waiting.err
    assert half.code != 0
    assert "elbroll restore demo-1 --give-up demo --give-up extra" in half.err
    assert shown.code == ExitCode.EXPECTATION
    nowhere = "demo-1 is recorded as out, and demo and extra no longer exist"
    assert f"warning: {nowhere}: elbroll restore demo-1 --give-up demo --give-up extra" in shown.err
    assert (unread.code, unread.out) == (0, shown.out)
    assert "warning: whether a host is out of deleted pools only could not be read" in unread.err
    assert (calm.code, calm.err) == (0, "")
    assert given_up.code == 0, given_up.err
    assert "demo-1" in given_up.out
    assert "none of its pools exists any more" in given_up.out
    assert "demo-1 is not recorded as out" in again.err
