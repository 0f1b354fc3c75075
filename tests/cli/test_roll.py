"""A whole roll by the command line: nothing is lost, everybody ends where they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.witness import deeds, locks, members, moves, releases, states
from cli.worlds import small_world
from elbroll.demo.settings import PoolPlan
from elbroll.model import BalancerKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from cli.shell import Shell
    from elbroll.demo.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Three hosts of which no two serve in the same pools."""
    pools = (
        PoolPlan(delay=20),
        PoolPlan(name="extra", members=(0, 1), delay=20),
        PoolPlan(name="old", kind=BalancerKind.CLASSIC, members=(0, 2), delay=20),
    )
    with small_world(3, pools) as made:
        yield made


@pytest.mark.rule("I-2", "I-3", "I-4", "I-9", "I-12")
def test_a_roll_over_hosts_of_different_pools_loses_no_request(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    with world.traffic(rate=20) as one, world.traffic(rate=10, pool="extra") as two, world.traffic(10, "old") as three:
        ended = elbroll("deploy", "--lb", "demo", "--release", "v2")

    assert ended.code == 0, ended.err
    assert [traffic.count.failures for traffic in (one, two, three)] == [{}, {}, {}]
    assert all({"v1", "v2"} <= traffic.count.by_release.keys() for traffic in (one, two, three))
    assert members(world) == before
    assert set(releases(world).values()) == {"v2"}
    assert set(states(world).values()) == {"in-service"}
    assert locks(world) == {"free"}
    assert "demo is on v2. 3 deployed, 3 of 3 in service." in ended.out


@pytest.mark.rule("I-9", "I-19")
def test_a_second_run_right_after_changes_nothing_and_says_so(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    first = elbroll("deploy", "--lb", "demo", "--release", "v2")
    assert first.code == 0, first.err
    done = moves(world)
    second = elbroll("deploy", "--lb", "demo", "--release", "v2")

    assert second.code == 0
    assert "nothing to do" in second.out
    assert "3 skipped (already v2), 3 of 3 in service" in second.out
    assert moves(world) == done
    assert members(world) == before


@pytest.mark.rule("I-15")
def test_a_run_with_nothing_to_do_writes_no_record_and_takes_no_lock(elbroll: Shell, world: World) -> None:
    elbroll("deploy", "--lb", "demo", "--release", "v2")
    done = deeds(world)
    elbroll("deploy", "--lb", "demo", "--release", "v2")

    assert deeds(world) == done
