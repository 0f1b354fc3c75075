"""`kill -9`, and the next run from a computer that knows nothing of the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.witness import deploys, locks, members, moves, releases, states
from cli.worlds import hold_up, let_go, variant
from elbroll.demo.lifelike import Detail, Kind

if TYPE_CHECKING:
    from typing import Any

    from cli.shell import Shell
    from elbroll.demo.world import World

ROLL = ("deploy", "--lb", "demo", "--release")


@pytest.mark.rule("I-2", "I-4", "I-7", "I-17", "F-8", "F-43", "F-55")
def test_a_run_killed_in_a_deploy_is_healed_from_another_computer(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    host, other = world.hosts[0], elbroll.elsewhere()
    hold_up(host)
    killed = elbroll.start(*ROLL, "v2")
    killed.until(lambda: deploys(host) == ["begin"])
    killed.kill_hard()
    run = elbroll.run_of(killed)
    done = moves(world)

    refused = other(*ROLL, "v2")
    assert refused.code == 6
    assert f"demo is locked by run {run}" in refused.err
    assert "alive" in refused.err
    assert f"elbroll unlock demo {run}" in refused.err
    assert moves(world) == done

    assert other("unlock", "demo", run, "--yes").code == 0
    healing = other.start(*ROLL, "v2")
    healing.await_word("demo-1 .*still runs")
    let_go(host)
    healed = healing.end()

    assert healed.code == 0, healed.err
    assert members(world) == before
    assert set(releases(world).values()) == {"v2"}
    assert set(states(world).values()) == {"in-service"}
    assert locks(world) == {"free"}
    assert deploys(host) == ["begin", "end"] * (len(deploys(host)) // 2)


@pytest.mark.rule("I-2", "I-4", "F-55")
def test_a_run_killed_in_a_drain_is_undone_by_restore_alone(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    other = elbroll.elsewhere()
    slow = variant(world, "slow", {'settle = "0.5s"': 'settle = "60s"'})
    killed = elbroll.start(*ROLL, "v3", "--config", slow)
    killed.until(lambda: members(world) != before)
    killed.kill_hard()

    assert states(world)["demo-1"] == "held"
    assert other("restore", "--lb", "demo").code == 6
    world.faults.add("PutParameter", Kind.DENY, None, Detail(skip=1))
    half = other("unlock", "demo", elbroll.run_of(killed), "--yes")
    world.faults.clear()
    assert (half.code, "1 of 2 locks is known to be free; the same command frees the rest" in half.err) == (3, True)
    assert other("unlock", "demo", elbroll.run_of(killed), "--yes").code == 0
    restored = other("restore", "--lb", "demo")

    assert restored.code == 0, restored.err
    assert members(world) == before
    assert set(states(world).values()) == {"in-service"}
    assert "v3" not in releases(world).values()
