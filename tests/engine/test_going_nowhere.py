"""A host all of whose pools were deleted while it was out: its record is closed once each was given up (F-35)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scene import Scene

from elbroll.core.guard import GuardRules
from elbroll.engine.host import HostWalk
from elbroll.engine.room import FleetRoom
from elbroll.model import OPEN_STATES, Host, HostResult, Lifecycle, Outcome, RecordState, Step

EVERY_POOL = frozenset({"web-prod", "api-prod"})
GROUP = "web-asg"
pytestmark = pytest.mark.rule("F-35")


def out_of_deleted_pools(state: RecordState, **changes: object) -> Scene:
    """The first host's record is all that is left of its pools."""
    scene = Scene(give_up=EVERY_POOL)
    first = scene.hosts[0]
    scene.put_record(first, state, **changes)
    scene.take_out(first)
    scene.balancer.deleted |= {scene.web.id, scene.api.id}
    return scene


def restored(scene: Scene) -> HostResult:
    first, run = scene.hosts[0], scene.run()
    fleet = replace(scene.fleet(), pools={}, own=frozenset(), registrations={})
    room = FleetRoom(run, fleet, scene.ledger.records(), GuardRules(1, None))
    return HostWalk(run, room, scene.planned(first), scene.ledger.kept[first.id]).restore()


def stand_by(scene: Scene, host: Host) -> None:
    scene.groups.around(GROUP, scene.hosts, ())
    scene.groups.enter_standby(GROUP, host.id)
    scene.clock.sleep(60.0)


@pytest.mark.parametrize("state", sorted(OPEN_STATES - {RecordState.UNREADABLE}))
def test_it_is_registered_nowhere_and_its_record_is_closed_with_no_known_release(state: RecordState) -> None:
    scene = out_of_deleted_pools(state)
    result = restored(scene)

    assert (result.outcome, result.in_service, result.record) == (Outcome.RESTORED, False, None)
    closed = scene.ledger.kept[scene.hosts[0].id]
    assert (closed.state, closed.release_after) == (RecordState.IN_SERVICE, None)
    assert scene.deeds("register", "run") == []


@pytest.mark.rule("I-2")
def test_one_pool_that_was_not_given_up_keeps_the_record_and_the_command_names_all() -> None:
    scene = out_of_deleted_pools(RecordState.HELD)
    scene.give_up = frozenset({"web-prod"})
    result = restored(scene)

    assert (result.outcome, result.in_service) == (Outcome.LEFT_OUT, None)
    assert result.failure is not None
    assert result.failure.code == "pool-gone"
    assert result.failure.message.endswith("elbroll restore web-1 --give-up api-prod --give-up web-prod")
    assert scene.state(scene.hosts[0]) == RecordState.HELD


@pytest.mark.rule("A3", "I-2")
def test_it_stands_by_no_longer() -> None:
    scene = out_of_deleted_pools(RecordState.HELD, standby_group=GROUP)
    first = scene.hosts[0]
    stand_by(scene, first)

    assert restored(scene).outcome is Outcome.RESTORED
    assert scene.groups.lifecycle(first) is Lifecycle.IN_SERVICE
    assert scene.state(first) == RecordState.IN_SERVICE


@pytest.mark.rule("A3", "I-2")
def test_it_keeps_its_record_while_its_group_does_not_take_it_back() -> None:
    scene = out_of_deleted_pools(RecordState.HELD, standby_group=GROUP)
    first = scene.hosts[0]
    stand_by(scene, first)
    scene.groups.lag = 10_000.0
    result = restored(scene)

    assert result.outcome is Outcome.LEFT_OUT
    assert [step.step for step in result.steps] == [Step.REGISTER]
    assert scene.state(first) == RecordState.HELD
    assert scene.ledger.kept[first.id].standby_group == GROUP
