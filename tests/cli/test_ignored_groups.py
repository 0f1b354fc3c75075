"""A group that replaces a host which is out, as somebody allowed it to with `ignore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.witness import deploys, locks, states
from cli.worlds import group_of, hold_up, let_go, small_world
from elbroll.demo.lifelike import Sizes
from elbroll.demo.settings import PoolPlan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.shell import Shell
    from elbroll.demo.world import World

GROUP = "web-asg"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Two hosts, of which one comes to its end."""
    with small_world(2, (PoolPlan(delay=3, one_port=True),)) as made:
        yield made


@pytest.mark.rule("A1", "F-34", "F-53", "I-8")
def test_a_host_that_its_ignored_group_replaces_is_gone_and_its_successor_is_named(
    elbroll: Shell, world: World
) -> None:
    scalers = group_of(world, GROUP, world.hosts, "demo", Sizes(at_least=1, at_most=4, health_check="ELB"))
    path = world.directory / "ignore.toml"
    path.write_text(f'{world.config.read_text()}\n[lb.demo.asg]\nmode = "ignore"\n')
    host, known = world.host("demo-1"), set(scalers.members(GROUP))
    hold_up(host)
    running = elbroll.start("deploy", "--config", str(path), "--lb", "demo", "--release", "v5", "--json")
    running.until(lambda: deploys(host)[-1:] == ["begin"])
    replaced = scalers.replace_unwell(GROUP)
    (successor,) = set(scalers.members(GROUP)) - known
    let_go(host)
    host.sshd.close()
    ended = running.end()
    told = {each["instance"]: each for each in ended.document["hosts"]}

    assert host.instance in replaced
    assert ended.code == 4, ended.err
    assert told[host.instance]["outcome"] == "gone"
    assert told[successor]["outcome"] == "not-reached"
    assert states(world)["demo-1"] == "gone"
    assert locks(world) == {"free"}
