"""Records that hold nothing any more are closed before anything leaves, whoever was selected (safety.md 2.2)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from scene import Scene

from builders import a_pool
from elbroll import events
from elbroll.engine.stop import StopMode
from elbroll.errors import TargetRefused
from elbroll.model import InstanceState, Outcome, RecordState, TargetState, Why

if TYPE_CHECKING:
    from elbroll.model import Host

WELL = ((RecordState.HELD, "v142"), (RecordState.REGISTERING, "v143"))


def only_first(scene: Scene) -> Any:
    return scene.made_plan((scene.hosts[0].id,))


def registered(scene: Scene, host: Host) -> int:
    return sum(host.id in str(deed) for deed in scene.deeds("register"))


def told(scene: Scene, host: Host) -> list[str]:
    """What is said of the host's record."""
    about = [each for each in scene.sink.events if isinstance(each, events.Warned) and each.host == host]
    return [each.message for each in about if each.code == "record"]


@pytest.mark.rule("I-2", "I-4", "F-52")
@pytest.mark.parametrize(("state", "release"), WELL)
def test_a_record_whose_host_serves_everywhere_is_closed_although_the_host_is_not_selected(
    state: RecordState, release: str
) -> None:
    scene = Scene()
    first, _, third = scene.hosts
    scene.put_record(third, state)
    plan = only_first(scene)
    results = scene.roll(plan=plan)
    assert plan.refusals == ()
    assert any("closed first" in line for line in plan.warnings)
    assert (scene.state(third), scene.ledger.kept[third.id].release_after) == ("in-service", release)
    assert registered(scene, third) == 2  # each of its entries, once more
    assert not [deed for deed in scene.deeds("deregister", "run") if third.id in str(deed)]
    assert results[first.id].outcome is Outcome.DEPLOYED
    assert set(results) == {first.id}


@pytest.mark.rule("I-2", "Q5")
def test_it_is_closed_only_after_two_further_healthy_reads() -> None:
    scene = Scene()
    third = scene.hosts[2]
    scene.put_record(third, RecordState.HELD)
    register = scene.balancer.register

    def lagging(pool: Any, entries: Any) -> None:
        """The reads before were old: the deregister of a dead run takes effect only now."""
        scene.take_out(third)
        scene.balancer.register = register  # type: ignore[method-assign]
        register(pool, entries)

    scene.balancer.register = lagging  # type: ignore[method-assign]
    scene.roll(plan=only_first(scene))
    closed = scene.history.index(("record", third.id, "in-service"))
    assert scene.state(third) == "in-service"
    assert scene.members_of(third) == scene.places[third.id]
    assert scene.history.index(("register", (third.id, 8080))) < closed


@pytest.mark.rule("I-7")
@pytest.mark.parametrize("state", [RecordState.DEPLOYING, RecordState.DEPLOYED])
def test_a_record_of_an_unproven_version_is_not_closed_by_a_healthy_look(state: RecordState) -> None:
    scene = Scene(settings={"pace": {"floor": 1}})
    third = scene.hosts[2]
    scene.put_record(third, state)
    scene.roll(plan=only_first(scene))
    assert scene.state(third) == str(state)
    assert registered(scene, third) == 0


@pytest.mark.rule("I-2")
@pytest.mark.parametrize("trouble", [TargetState.DRAINING, TargetState.UNHEALTHY, TargetState.INITIAL])
def test_a_record_with_one_entry_that_is_not_healthy_stays_open(trouble: TargetState) -> None:
    scene = Scene(settings={"pace": {"floor": 1}})
    third = scene.hosts[2]
    scene.put_record(third, RecordState.HELD)
    scene.balancer.forced[min(scene.places[third.id])] = trouble
    scene.roll(plan=only_first(scene))
    assert scene.state(third) == "held"


@pytest.mark.rule("I-2", "I-11")
def test_a_record_that_cannot_be_closed_stays_open_and_the_host_counts_as_out() -> None:
    scene = Scene()
    first, _, third = scene.hosts
    scene.put_record(third, RecordState.HELD)
    plan = only_first(scene)

    def refuse(_pool: Any, _entries: Any) -> None:
        raise TargetRefused("no")

    scene.balancer.register = refuse  # type: ignore[method-assign]
    results = scene.roll(plan=plan)
    assert scene.state(third) == "held"
    assert results[first.id].outcome is Outcome.NOT_REACHED
    assert any("stays open" in line for line in told(scene, third))


@pytest.mark.rule("F-14", "F-12")
def test_where_nobody_answers_nothing_is_closed() -> None:
    scene = Scene(settings={"pace": {"floor": 1}})
    third = scene.hosts[2]
    scene.put_record(third, RecordState.HELD)
    second = scene.hosts[1]
    plan = scene.made_plan((second.id,))
    scene.balancer.silent_until = scene.clock.time + 65.0
    assert scene.roll(plan=plan)[second.id].outcome is Outcome.DEPLOYED
    assert scene.state(third) == "held"


@pytest.mark.rule("F-14")
def test_a_short_silence_before_the_first_drain_is_waited_out() -> None:
    scene = Scene()
    third = scene.hosts[2]
    scene.put_record(third, RecordState.HELD)
    plan = only_first(scene)
    scene.balancer.silent_until = scene.clock.time + 20.0
    scene.roll(plan=plan)
    assert scene.state(third) == "in-service"


@pytest.mark.rule("F-54", "F-14")
def test_a_first_signal_ends_the_wait_for_records_to_close() -> None:
    scene = Scene()
    scene.put_record(scene.hosts[2], RecordState.HELD)
    plan = only_first(scene)
    scene.balancer.silent_until = 1e9
    scene.clock.at(5.0, partial(scene.stop.ask, StopMode.FINISH))
    scene.roll(plan=plan)
    assert scene.clock.time < 1030.0


@pytest.mark.rule("F-34", "I-8")
@pytest.mark.parametrize("kind", ["deploy", "restore"])
def test_the_record_of_a_terminated_host_is_closed_as_gone(kind: str) -> None:
    scene = Scene(settings={"pace": {"floor": 1}})
    first, second, third = scene.hosts
    scene.put_record(third, RecordState.DEPLOYING)
    scene.take_out(third)
    scene.hosts = (first, second, replace(third, state=InstanceState.TERMINATED))
    plan = only_first(scene)
    scene.roll(kind, plan=replace(plan, hosts=()))
    assert scene.state(third) == "gone"
    assert any("terminated" in line and f"elbroll restore {third.id}" in line for line in plan.warnings)
    assert not scene.deeds("register", "deregister", "run")


@pytest.mark.rule("F-34", "F-12")
def test_a_terminated_hosts_record_that_cannot_be_closed_is_told_and_harmless() -> None:
    scene = Scene(settings={"pace": {"floor": 1}})
    first, second, third = scene.hosts
    scene.put_record(third, RecordState.HELD)
    scene.take_out(third)
    scene.hosts = (first, second, replace(third, state=InstanceState.TERMINATED))
    scene.ledger.down_at = {"gone"}
    assert scene.roll(plan=scene.made_plan((second.id,)))[second.id].outcome is Outcome.DEPLOYED
    assert scene.state(third) == "held"
    assert any("stays open" in line for line in told(scene, scene.hosts[2]))


def test_a_host_that_was_drained_on_purpose_and_serves_again_is_closed_too() -> None:
    scene = Scene()
    third = scene.hosts[2]
    scene.put_record(third, RecordState.HELD, why=Why.DRAIN, reason="disk swap")
    scene.roll(plan=only_first(scene))
    assert scene.state(third) == "in-service"


@pytest.mark.rule("I-2")
def test_a_host_whose_record_was_closed_first_leaves_under_a_new_one() -> None:
    scene = Scene()
    third = scene.hosts[2]
    scene.put_record(third, RecordState.HELD, reason="disk swap")
    reasons: list[str | None] = []
    scene.ledger.on_write = lambda record: reasons.append(record.reason) if record.host == third.id else None
    assert scene.rerun()[third.id].outcome is Outcome.DEPLOYED
    assert set(reasons) == {None}


@pytest.mark.rule("T14", "I-2")
def test_a_host_that_served_all_the_time_does_not_warm_up_once_its_record_is_closed() -> None:
    scene = Scene(web=a_pool("web-prod", slow_start=600.0))
    scene.put_record(scene.hosts[2], RecordState.HELD)
    plan = only_first(scene)
    assert scene.roll(plan=plan)[scene.hosts[0].id].outcome is Outcome.DEPLOYED
