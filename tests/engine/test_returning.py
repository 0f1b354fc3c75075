"""Back into the balancers: what is waited for, for how long, and what is said when it does not come."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from scene import Scene

from builders import a_pool
from elbroll import events
from elbroll.engine.healthy import await_healthy
from elbroll.engine.healthy import bake as bake_host
from elbroll.engine.journal import Abandoned
from elbroll.engine.returning import put_back
from elbroll.engine.stop import StopMode
from elbroll.errors import PermissionDenied, TargetRefused
from elbroll.model import Outcome, RecordState, TargetState, TargetType

if TYPE_CHECKING:
    from elbroll.model import HostResult


def restored(scene: Scene) -> HostResult:
    """The first host, which was held and is out, is put back."""
    first = scene.hosts[0]
    scene.put_record(first, RecordState.HELD)
    scene.take_out(first)
    return scene.restore()[first.id]


@pytest.mark.rule("T13", "F-50")
def test_a_registration_that_never_shows_is_given_up_after_a_minute_and_named() -> None:
    scene = Scene()

    def nowhere(_pool: object, entries: Any) -> None:
        for entry in entries:
            del scene.balancer.targets[entry]

    scene.balancer.register = nowhere  # type: ignore[method-assign,assignment]
    result = restored(scene)
    assert result.outcome is Outcome.LEFT_OUT
    assert result.failure is not None
    assert "web-prod:8080 not shown" in result.failure.message
    assert 60.0 <= result.seconds < 70.0


@pytest.mark.rule("F-35", "I-2")
def test_a_host_none_of_whose_pools_exists_any_more_keeps_its_record() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.HELD)
    scene.take_out(first)
    scene.balancer.deleted |= {scene.web.id, scene.api.id}
    result = scene.roll("restore")[first.id]
    assert (result.outcome, result.in_service, result.record) == (Outcome.LEFT_OUT, None, RecordState.HELD)
    assert result.failure is not None
    way = "elbroll restore web-1 --give-up api-prod --give-up web-prod"
    assert result.failure.message == f"api-prod and web-prod no longer exist: {way}"


@pytest.mark.rule("Q5", "I-9")
def test_the_second_of_two_healthy_looks_is_never_the_first_ones_reading() -> None:
    scene = Scene()
    walker = scene.walker(scene.hosts[0])
    walker.book.hold(scene.places[scene.hosts[0].id])
    looks: list[tuple[float, float]] = []
    look = scene.balancer.look
    scene.balancer.look = lambda pool, age: (looks.append((scene.clock.time, age)), look(pool, age))[1]  # type: ignore[method-assign,func-returns-value]
    await_healthy(walker, 60.0)
    times = sorted({time for time, _ in looks})
    assert len(times) == 2
    assert max(age for _, age in looks) < times[1] - times[0]


@pytest.mark.rule("F-35", "I-2")
def test_a_pool_deleted_between_look_and_register_keeps_the_host_out_of_no_other() -> None:
    scene = Scene()
    register = scene.balancer.register

    def deleted_meanwhile(pool: Any, entries: Any) -> None:
        scene.balancer.deleted.add(scene.api.id)
        register(pool, entries)

    scene.balancer.register = deleted_meanwhile  # type: ignore[method-assign]
    result = restored(scene)
    assert (result.outcome, result.record) == (Outcome.RESTORED, RecordState.HELD)
    assert {entry.pool for entry in scene.members_of(scene.hosts[0])} == {scene.web.id}


@pytest.mark.rule("F-50", "T13")
def test_a_host_that_never_gets_healthy_says_so_place_by_place() -> None:
    scene = Scene()
    scene.balancer.warm_up = 10_000.0
    result = restored(scene)
    assert result.failure is not None
    assert result.failure.code == "never-healthy"
    initial = "initial Elb.InitialHealthChecking"
    assert result.failure.message == f"not healthy after 120 s: api-prod:9000 {initial}, web-prod:8080 {initial}"


@pytest.mark.rule("F-51")
def test_a_host_that_falls_sick_in_bake_says_where() -> None:
    scene = Scene(settings={"pace": {"bake": "2m"}})
    first = scene.hosts[0]
    scene.transport.on_run = lambda _host, _job: scene.clock.at(90.0, partial(scene.sick.add, first.id))
    failure = scene.roll()[first.id].failure
    assert failure is not None
    assert failure.message.startswith("fell sick while it was watched: api-prod:9000 unhealthy")


@pytest.mark.rule("T3")
def test_a_host_that_answers_unlike_the_others_in_bake_is_worth_one_warning() -> None:
    scene = Scene(settings={"pace": {"bake": "2m"}})
    first = scene.hosts[0]
    scene.balancer.odd = {entry for entry in scene.places[first.id] if entry.pool == scene.web.id}

    assert {result.outcome for result in scene.roll().values()} == {Outcome.DEPLOYED}

    told = [each.message for each in scene.sink.events if isinstance(each, events.Warned) and each.code == "anomalous"]
    assert told == ["web-prod:8080 is healthy, but its balancer finds its answers unlike those of the others"]


@pytest.mark.rule("F-54")
def test_a_second_signal_in_bake_leaves_the_host_registered_at_once() -> None:
    scene = Scene(settings={"pace": {"bake": "10m"}})
    scene.transport.on_run = lambda _host, _job: scene.clock.at(90.0, partial(scene.stop.ask, StopMode.LEAVE))
    began = scene.clock.time
    result = scene.roll()[scene.hosts[0].id]
    assert (result.outcome, result.failure and result.failure.code) == (Outcome.LEFT_OUT, "abandoned")
    assert scene.clock.time - began < 110.0


@pytest.mark.rule("S-14", "T10")
def test_an_address_that_is_refused_is_not_tried_more_often_than_every_five_seconds() -> None:
    scene = Scene(web=a_pool("web-prod", target_type=TargetType.IP))
    tries: list[float] = []

    def refuse(_pool: Any, _entries: Any) -> None:
        tries.append(scene.clock.time)
        raise TargetRefused("still draining")

    scene.balancer.register = refuse  # type: ignore[method-assign,assignment]
    result = restored(scene)
    assert result.outcome is Outcome.LEFT_OUT
    assert result.failure is not None
    assert "still draining" in result.failure.message
    rounds = sorted(set(tries))
    assert min(later - sooner for sooner, later in pairwise(rounds)) >= 5.0
    assert rounds[-1] - rounds[0] == pytest.approx(360.0, abs=5.0)


@pytest.mark.rule("T13")
def test_a_target_that_is_unhealthy_now_and_then_while_its_app_boots_is_waited_for() -> None:
    scene = Scene()
    first = scene.hosts[0]
    entry = min(scene.places[first.id])
    walker = scene.walker(first)
    walker.book.hold(scene.places[first.id])
    for at, state in ((0.0, "unhealthy"), (30.0, "initial"), (36.0, "unhealthy"), (66.0, "healthy")):
        scene.clock.at(at, partial(scene.balancer.forced.update, {entry: TargetState(state)}))
    scene.clock.sleep(0.001)
    await_healthy(walker, 90.0)
    assert scene.clock.time >= 1066.0


@pytest.mark.rule("S-14")
@pytest.mark.parametrize(("warm_up", "bake"), [(100.0, "0s"), (0.0, "100s")])
def test_a_host_that_takes_long_to_come_back_is_looked_at_less_and_less_often(warm_up: float, bake: str) -> None:
    scene = Scene(settings={"pace": {"bake": bake}})
    walker = scene.walker(scene.hosts[0])
    walker.book.hold(scene.places[scene.hosts[0].id])
    scene.balancer.warm_up = warm_up
    scene.take_out(scene.hosts[0])
    scene.balancer.register(scene.web, sorted(scene.places[scene.hosts[0].id]))
    times: list[float] = []
    look = scene.balancer.look
    scene.balancer.look = lambda pool, age: (times.append(scene.clock.time), look(pool, age))[1]  # type: ignore[method-assign,func-returns-value]
    await_healthy(walker, 120.0)
    bake_host(walker)
    seconds = sorted(set(times))
    assert seconds[-1] - seconds[0] >= 99.0
    assert len(seconds) < 80


@pytest.mark.rule("F-29", "F-48")
@pytest.mark.parametrize("denied_first", [True, False])
def test_a_refusal_that_waiting_does_not_heal_is_the_one_that_counts(denied_first: bool) -> None:
    denied, busy = PermissionDenied("not permitted", action="x"), TargetRefused("still draining")
    scene = Scene(web=a_pool("web-prod", target_type=TargetType.IP))
    scene.balancer.faults = [denied, busy] if denied_first else [busy, denied]
    failure = restored(scene).failure
    assert failure is not None
    assert failure.message == "not permitted"


@pytest.mark.rule("F-54")
def test_a_second_signal_ends_the_look_for_moved_ports() -> None:
    scene = Scene()
    walker = scene.walker(scene.hosts[0])
    walker.book.hold(scene.places[scene.hosts[0].id])
    scene.balancer.silent_until = 1e9
    scene.clock.at(2.0, partial(scene.stop.ask, StopMode.LEAVE))
    with pytest.raises(Abandoned):
        put_back(walker)
    assert scene.clock.time < 1010.0
